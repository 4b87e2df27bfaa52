-- One row per lead that was touched: whether the customer stayed silent, whether it came back, and
-- what to do. The list to work on is where is_listed.
with

silence as (

    select * from {{ ref('fct_silent_lead') }}

),

leads as (

    select * from {{ ref('int_intent__lead_subjects') }}

),

scores as (

    select
        contact_id,
        score_points
    from {{ ref('fct_intent_score_day') }}
    where level = 'contact' and score_date = {{ as_of_date() }}

),

follow_ups as (

    select
        silence.lead_id,
        count(*) as count_follow_ups,
        max(activities.occurred_at) as last_follow_up_at
    from silence
    inner join {{ ref('fct_activity') }} as activities
        on
            silence.lead_id = activities.lead_id
            and silence.first_touch_at < activities.occurred_at
    where activities.direction = 'outbound' and activities.occurred_at < {{ as_of_end() }}
    group by silence.lead_id

),

states as (

    select * from {{ ref('int_intent__worklist_states') }}
    where list_name = 'silent_lead'

),

next_steps as (

    select * from {{ ref('next_step') }}
    where list = 'silent_lead'

),

reasoned as (

    select
        silence.*,
        scores.score_points as intent_points,
        coalesce(follow_ups.count_follow_ups, 0) as count_follow_ups,
        follow_ups.last_follow_up_at
    from silence
    left join scores on silence.contact_id = scores.contact_id
    left join follow_ups on silence.lead_id = follow_ups.lead_id

),

ranked_steps as (

    select
        reasoned.lead_id,
        next_steps.reason_code,
        next_steps.reason_en,
        next_steps.reason_zh,
        next_steps.next_step_en,
        next_steps.next_step_zh,
        row_number() over (
            partition by reasoned.lead_id order by next_steps.priority asc nulls last
        ) as step_rank
    from reasoned
    inner join next_steps
        on
            case next_steps.reason_code
                when 'no_follow_up' then reasoned.count_follow_ups = 0
                when 'reads_in_silence' then reasoned.intent_points > 0
                when 'followed_up_once' then reasoned.count_follow_ups = 1
                when 'followed_up_often' then reasoned.count_follow_ups > 1
            end
    where reasoned.is_still_silent

),

steps as (

    select *
    from ranked_steps
    where step_rank = 1

)

select
    reasoned.lead_id,
    leads.lead_name,
    reasoned.source_system,
    leads.account_id,
    leads.account_name,
    reasoned.contact_id,
    leads.contact_name,
    leads.industry,
    leads.region,
    leads.team_name,
    leads.rep_id,
    leads.rep_name,
    leads.channel,
    leads.product_line,
    leads.intent_label,
    leads.lead_status,
    reasoned.created_at,
    reasoned.first_touch_at,
    cast(reasoned.first_touch_at as date) as period_date,
    reasoned.first_reaction_at,
    reasoned.silent_hours,
    reasoned.is_decided,
    reasoned.is_silent,
    reasoned.is_still_silent,
    reasoned.reactivated_at,
    reasoned.reactivation_delay_hours,
    reasoned.reactivation_delay_hours / cast(24 as double) as reactivation_delay_days,
    reasoned.is_activated,
    leads.is_lead_open,
    coalesce(reasoned.is_still_silent, false)
    and leads.is_lead_open
    and not coalesce(states.is_snoozed, false)
    and not coalesce(states.is_finished, false) as is_listed,
    reasoned.intent_points,
    reasoned.count_follow_ups,
    reasoned.last_follow_up_at,
    leads.amount,
    leads.currency,
    steps.reason_code,
    steps.reason_en,
    steps.reason_zh,
    steps.next_step_en,
    steps.next_step_zh,
    states.assigned_to,
    states.snoozed_until,
    coalesce(states.is_snoozed, false) as is_snoozed,
    states.outcome,
    coalesce(states.is_finished, false) as is_finished
from reasoned
inner join leads on reasoned.lead_id = leads.lead_id
left join steps on reasoned.lead_id = steps.lead_id
left join states on reasoned.lead_id = states.subject_id
