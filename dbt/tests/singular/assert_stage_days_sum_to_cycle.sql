-- What: for each won opportunity whose close is the entry into its last recorded stage, the days of
-- its stays since the start of the cycle add up to its cycle days.
-- Why: time in stage and cycle time are shown side by side; they are parts and whole.
with

visits as (

    select * from {{ ref('int_selling__stage_visits') }}

),

opportunities as (

    select *
    from {{ ref('fct_opportunity') }}
    where cycle_days is not null

),

summed as (

    select
        opportunities.opportunity_id,
        opportunities.cycle_days,
        opportunities.closed_at,
        max(visits.entered_at) as last_entered_at,
        coalesce(
            sum({{ elapsed_days('visits.entered_at', 'visits.exited_at') }}), 0
        ) as stage_days
    from opportunities
    inner join visits on opportunities.opportunity_id = visits.opportunity_id
    where visits.entered_at >= opportunities.engaged_at
    group by opportunities.opportunity_id, opportunities.cycle_days, opportunities.closed_at

)

select
    opportunity_id,
    cycle_days,
    stage_days
from summed
where
    last_entered_at = closed_at
    and abs(stage_days - cycle_days) > 0.000001
