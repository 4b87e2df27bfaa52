-- One row per open lead of high intent that nobody has touched or moved for longer than the norm of
-- its industry, with the reason and what to do. The list to work on is where is_listed.
with

stalled as (

    select * from {{ ref('int_intent__stalled_leads') }}

),

reasons as (

    select * from {{ ref('int_intent__stall_reasons') }}

),

signals as (

    select
        contact_id,
        max(occurred_at) as last_signal_at,
        max_by(signal_id, cast(occurred_at as string) || signal_id) as last_signal_id
    from {{ ref('fct_intent_signal_hit') }}
    where contact_id is not null
    group by contact_id

),

states as (

    select * from {{ ref('int_intent__worklist_states') }}
    where list_name = 'stalled_lead'

)

select
    stalled.lead_id,
    stalled.lead_name,
    stalled.source_system,
    stalled.account_id,
    stalled.account_name,
    stalled.contact_id,
    stalled.contact_name,
    stalled.opportunity_id,
    stalled.industry,
    stalled.region,
    stalled.team_name,
    stalled.rep_id,
    stalled.rep_name,
    stalled.channel,
    stalled.product_line,
    stalled.intent_points,
    stalled.intent_label,
    stalled.lead_status,
    stalled.created_at,
    stalled.last_touch_at,
    stalled.last_stage_change_at,
    cast(stalled.last_moved_at as date) as period_date,
    stalled.idle_days,
    cast(stalled.norm_days as double) as norm_days,
    reasons.reason_code,
    reasons.reason_en,
    reasons.reason_zh,
    reasons.evidence_object,
    reasons.evidence_id,
    reasons.evidence_at,
    reasons.next_step_en,
    reasons.next_step_zh,
    stalled.amount,
    stalled.currency,
    signals.last_signal_at,
    signals.last_signal_id,
    not coalesce(states.is_snoozed, false)
    and not coalesce(states.is_finished, false) as is_listed,
    states.assigned_to,
    states.snoozed_until,
    coalesce(states.is_snoozed, false) as is_snoozed,
    states.outcome,
    coalesce(states.is_finished, false) as is_finished
from stalled
left join reasons on stalled.lead_id = reasons.lead_id
left join signals on stalled.contact_id = signals.contact_id
left join states on stalled.lead_id = states.subject_id
