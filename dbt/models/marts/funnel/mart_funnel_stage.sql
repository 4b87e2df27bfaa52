-- One row per opportunity and funnel stage reached. A stage that the source uses and the
-- opportunity must have passed, but that was not recorded, is kept with is_recorded = false and
-- unknown times, so that the funnel narrows from stage to stage.
with

stages as (

    select * from {{ ref('funnel_stage') }}

),

visits as (

    select * from {{ ref('int_selling__stage_visits') }}

),

opportunities as (

    select * from {{ ref('fct_opportunity') }}

),

dimensions as (

    select * from {{ ref('int_selling__opportunity_dimensions') }}

),

timed as (

    select
        opportunity_id,
        funnel_stage,
        min(entered_at) as entered_at,
        case when count(*) = count(exited_at) then max(exited_at) end as exited_at,
        sum({{ elapsed_days('entered_at', 'exited_at') }}) as stage_days
    from visits
    group by opportunity_id, funnel_stage

),

recorded as (

    select
        opportunity_id,
        funnel_stage
    from timed
    union distinct
    select
        opportunity_id,
        funnel_stage
    from opportunities
    where funnel_stage is not null

),

-- The furthest stage that an opportunity reached on the way to being won.
furthest as (

    select
        recorded.opportunity_id,
        max(stages.stage_order) as stage_order
    from recorded
    inner join stages on recorded.funnel_stage = stages.funnel_stage
    where not stages.is_closed or stages.is_won
    group by recorded.opportunity_id

),

used_stages as (

    select distinct
        opportunities.source_system,
        recorded.funnel_stage
    from recorded
    inner join opportunities on recorded.opportunity_id = opportunities.opportunity_id

),

reached as (

    select
        opportunities.opportunity_id,
        stages.funnel_stage,
        stages.stage_order,
        stages.is_closed,
        recorded.opportunity_id is not null as is_recorded,
        opportunities.funnel_stage = stages.funnel_stage as is_current,
        opportunities.is_closed as is_opportunity_closed,
        coalesce(stages.stage_order < furthest.stage_order, false) as has_advanced
    from opportunities
    inner join used_stages on opportunities.source_system = used_stages.source_system
    inner join stages on used_stages.funnel_stage = stages.funnel_stage
    left join recorded
        on
            opportunities.opportunity_id = recorded.opportunity_id
            and stages.funnel_stage = recorded.funnel_stage
    left join furthest on opportunities.opportunity_id = furthest.opportunity_id
    where
        recorded.opportunity_id is not null
        or (not stages.is_closed and stages.stage_order < furthest.stage_order)

)

select
    reached.opportunity_id || ':' || reached.funnel_stage as funnel_stage_id,
    reached.opportunity_id,
    opportunities.opportunity_name,
    opportunities.source_system,
    dimensions.rep_id,
    dimensions.rep_name,
    dimensions.team_name,
    dimensions.industry,
    dimensions.region,
    dimensions.channel,
    dimensions.product_line,
    dimensions.account_id,
    dimensions.account_name,
    cast(
        coalesce(
            opportunities.closed_at, opportunities.created_at, opportunities.engaged_at
        ) as date
    ) as period_date,
    reached.funnel_stage,
    reached.stage_order,
    reached.is_recorded,
    timed.entered_at,
    timed.exited_at,
    timed.stage_days,
    reached.has_advanced,
    reached.is_current,
    not reached.is_closed
    and (reached.has_advanced or coalesce(reached.is_opportunity_closed, false)) as is_decided,
    {{ date_month('coalesce(opportunities.created_at, opportunities.engaged_at)') }}
        as cohort_month
from reached
inner join opportunities on reached.opportunity_id = opportunities.opportunity_id
left join dimensions on reached.opportunity_id = dimensions.opportunity_id
left join timed
    on
        reached.opportunity_id = timed.opportunity_id
        and reached.funnel_stage = timed.funnel_stage
