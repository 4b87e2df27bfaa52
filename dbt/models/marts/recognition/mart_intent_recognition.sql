-- One row per lead whose outcome is known: whether the intent computed at the time said what
-- happened. The score is the one of the day `intent_recognition_days` after the lead came in, or of
-- the day before it was decided, whichever is earlier, made of signals that were known by then; no
-- rep has a say in it. Dated by the day on which the outcome could be judged.
with

leads as (

    select * from {{ ref('int_intent__lead_subjects') }}

),

outcomes as (

    select * from {{ ref('int_selling__lead_outcomes') }}
    where is_outcome_known

),

facts as (

    select
        lead_id,
        closed_at
    from {{ ref('fct_lead') }}

),

conversions as (

    select
        links.lead_id,
        min(opportunities.created_at) as converted_at
    from {{ ref('int_selling__lead_opportunities') }} as links
    inner join {{ ref('fct_opportunity') }} as opportunities
        on links.opportunity_id = opportunities.opportunity_id
    group by links.lead_id

),

rules as (

    select
        max(case when threshold_id = 'intent_recognition_days' then threshold_value end)
            as recognition_days,
        max(case when threshold_id = 'lead_maturity_days' then threshold_value end)
            as maturity_days,
        max(case when threshold_id = 'medium_intent_points' then threshold_value end)
            as expected_points
    from {{ ref('int_rules__thresholds') }}

),

scores as (

    select
        level,
        coalesce(contact_id, account_id) as subject_id,
        score_date,
        score_points
    from {{ ref('fct_intent_score_day') }}

),

scored_days as (

    select min(score_date) as first_score_date
    from scores

),

decided as (

    select
        leads.*,
        outcomes.is_converted,
        least(
            coalesce(conversions.converted_at, facts.closed_at),
            coalesce(facts.closed_at, conversions.converted_at)
        ) as decided_at,
        {{ add_days('cast(leads.created_at as date)', 'rules.recognition_days') }} as latest_date,
        {{ add_days('cast(leads.created_at as date)', 'coalesce(rules.maturity_days, 0)') }}
            as period_date,
        rules.expected_points,
        scored_days.first_score_date
    from leads
    inner join outcomes on leads.lead_id = outcomes.lead_id
    inner join facts on leads.lead_id = facts.lead_id
    left join conversions on leads.lead_id = conversions.lead_id
    cross join rules
    cross join scored_days

),

cut as (

    select
        *,
        case when contact_id is not null then 'contact' else 'account' end as level, -- noqa: RF04
        coalesce(contact_id, account_id) as subject_id,
        least(
            latest_date,
            coalesce({{ add_days('cast(decided_at as date)', -1) }}, latest_date)
        ) as score_date
    from decided

),

judged as (

    select
        cut.*,
        coalesce(cast(scores.score_points as double), 0) as score_points,
        coalesce(
            cut.subject_id is not null and cut.score_date >= cut.first_score_date, false
        ) as is_judged
    from cut
    left join scores
        on
            cut.level = scores.level
            and cut.subject_id = scores.subject_id
            and cut.score_date = scores.score_date

)

select
    lead_id,
    lead_name,
    source_system,
    rep_id,
    rep_name,
    team_name,
    industry,
    region,
    channel,
    product_line,
    account_id,
    account_name,
    contact_id,
    created_at,
    decided_at,
    score_date,
    period_date,
    case when is_judged then score_points end as score_points,
    intent_label,
    case when is_judged then score_points >= expected_points end as is_expected,
    is_converted,
    is_judged,
    case when is_judged then (score_points >= expected_points) = is_converted end as is_recognised
from judged
