-- One row per open lead of high intent without touch and without change of stage for longer than
-- the norm of its industry.
{{ config(materialized='table') }}
with

leads as (

    select *
    from {{ ref('int_intent__lead_subjects') }}
    where is_lead_open

),

scores as (

    select
        contact_id,
        score_points
    from {{ ref('fct_intent_score_day') }}
    where level = 'contact' and score_date = {{ as_of_date() }}

),

limits as (

    select threshold_value as high_points
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'high_intent_points'

),

touches as (

    select
        lead_id,
        max(occurred_at) as last_touch_at
    from {{ ref('int_intent__lead_activities') }}
    group by lead_id

),

stage_changes as (

    select
        opportunity_id,
        max(entered_at) as last_stage_change_at
    from {{ ref('fct_opportunity_stage_event') }}
    where entered_at < {{ as_of_end() }}
    group by opportunity_id

),

begun_norms as (

    select
        coalesce(industry, '') as industry,
        norm_days,
        valid_from
    from {{ ref('stall_norm') }}
    where valid_from <= {{ as_of_date() }}

),

ranked_norms as (

    select
        industry,
        norm_days,
        row_number() over (partition by industry order by valid_from desc nulls last) as age_rank
    from begun_norms

),

norms as (

    select *
    from ranked_norms
    where age_rank = 1

),

moved as (

    select
        leads.*,
        scores.score_points as intent_points,
        touches.last_touch_at,
        coalesce(stage_changes.last_stage_change_at, leads.created_at) as last_stage_change_at,
        coalesce(own_norms.norm_days, default_norms.norm_days) as norm_days
    from leads
    inner join scores on leads.contact_id = scores.contact_id
    inner join limits on scores.score_points >= limits.high_points
    left join touches on leads.lead_id = touches.lead_id
    left join stage_changes on leads.opportunity_id = stage_changes.opportunity_id
    left join norms as own_norms on leads.industry = own_norms.industry
    left join norms as default_norms on default_norms.industry = ''

),

idle as (

    select
        *,
        case
            when last_touch_at > last_stage_change_at then last_touch_at
            else coalesce(last_stage_change_at, last_touch_at)
        end as last_moved_at
    from moved

)

select
    lead_id,
    lead_name,
    source_system,
    account_id,
    account_name,
    contact_id,
    contact_name,
    opportunity_id,
    industry,
    region,
    team_name,
    rep_id,
    rep_name,
    channel,
    product_line,
    intent_label,
    lead_status,
    created_at,
    amount,
    currency,
    intent_points,
    last_touch_at,
    last_stage_change_at,
    last_moved_at,
    {{ elapsed_days('last_moved_at', as_of_end()) }} as idle_days,
    norm_days
from idle
where {{ elapsed_days('last_moved_at', as_of_end()) }} > norm_days
