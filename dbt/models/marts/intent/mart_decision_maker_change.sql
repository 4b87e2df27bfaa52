-- One row per job change of a decision maker and opportunity with that person that was open at that
-- time.
with

rules as (

    select *
    from {{ ref('int_intent__rules') }}
    where kind = 'person_change' and is_latest

),

changes as (

    select * from {{ ref('int_intent__contact_changes') }}

),

hits as (

    select
        evidence.evidence_id,
        min(hits.signal_hit_id) as signal_hit_id,
        min(hits.signal_id) as signal_id
    from {{ ref('bridge_intent_signal_evidence') }} as evidence
    inner join {{ ref('fct_intent_signal_hit') }} as hits
        on evidence.signal_hit_id = hits.signal_hit_id
    where hits.kind = 'person_change'
    group by evidence.evidence_id

),

opportunities as (

    select * from {{ ref('fct_opportunity') }}

),

dimensions as (

    select * from {{ ref('int_selling__opportunity_dimensions') }}

),

accounts as (

    select * from {{ ref('dim_account') }}

)

select
    changes.contact_job_change_id || ':' || changes.opportunity_id as decision_maker_change_id,
    changes.contact_job_change_id,
    hits.signal_hit_id,
    changes.source_system,
    changes.contact_id,
    changes.contact_name,
    changes.decision_level,
    changes.change_kind,
    changes.from_title,
    changes.to_title,
    changes.from_account_id,
    from_accounts.account_name as from_account_name,
    changes.to_account_id,
    to_accounts.account_name as to_account_name,
    changes.changed_at,
    cast(changes.changed_at as date) as period_date,
    changes.opportunity_id,
    opportunities.opportunity_name,
    opportunities.funnel_stage,
    coalesce(opportunities.is_open, opportunities.closed_at is null) as is_still_open,
    opportunities.amount,
    opportunities.currency,
    dimensions.account_id,
    dimensions.account_name,
    dimensions.industry,
    dimensions.region,
    dimensions.team_name,
    dimensions.rep_id,
    dimensions.rep_name,
    dimensions.channel,
    dimensions.product_line,
    rules.play_en,
    rules.play_zh
from changes
inner join opportunities on changes.opportunity_id = opportunities.opportunity_id
left join hits on changes.contact_job_change_id = hits.evidence_id
left join rules on hits.signal_id = rules.signal_id
left join dimensions on changes.opportunity_id = dimensions.opportunity_id
left join accounts as from_accounts on changes.from_account_id = from_accounts.account_id
left join accounts as to_accounts on changes.to_account_id = to_accounts.account_id
where
    changes.changed_at < {{ as_of_end() }}
    and exists (
        select 1
        from rules as naming
        where {{ is_in_rule_list('changes.decision_level', 'naming.decision_levels') }}
    )
