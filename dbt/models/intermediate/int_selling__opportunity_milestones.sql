-- One row per opportunity with a stage log: when the cycle started (first entry into an open stage
-- at or behind the one that starts the cycle) and when it was last closed.
with

visits as (

    select * from {{ ref('int_selling__stage_visits') }}

),

cycle_start as (

    select threshold_value as stage_order
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'cycle_start_stage_order'

)

select
    visits.opportunity_id,
    min(
        case
            when not visits.is_closed and visits.stage_order >= cycle_start.stage_order
                then visits.entered_at
        end
    ) as engaged_at,
    max(case when visits.is_closed then visits.entered_at end) as closed_at
from visits
cross join cycle_start
group by visits.opportunity_id
