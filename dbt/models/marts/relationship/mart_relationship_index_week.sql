-- One row per customer, week and basis: the indices on the last day of the week, or today. Basis
-- `restated` is today's definition in weeks in which another one was valid.
with

limits as (

    select cast(max(threshold_value) as bigint) as trend_weeks
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'relationship_trend_weeks'

),

week_ends as (

    select
        calendar.week_start_date as week_start,
        max(calendar.date_day) as index_date
    from {{ ref('dim_date') }} as calendar
    cross join limits
    where
        calendar.date_day <= {{ as_of_date() }}
        and calendar.week_start_date
        > {{ add_days(date_week(as_of_date()), '-7 * limits.trend_weeks') }}
    group by calendar.week_start_date

),

indices as (

    select
        fct.customer_id,
        week_ends.week_start,
        fct.index_date,
        fct.basis,
        fct.depth_points,
        fct.breadth_points,
        fct.depth_unknown_factor,
        fct.breadth_unknown_factor,
        fct.definition_version
    from {{ ref('fct_relationship_index_day') }} as fct
    inner join week_ends on fct.index_date = week_ends.index_date

),

ordered as (

    select
        *,
        lag(definition_version) over (
            partition by customer_id, basis order by week_start asc nulls last
        ) as version_before
    from indices

)

select
    customer_id || '|' || cast(week_start as string) || '|' || basis
        as relationship_index_week_id,
    customer_id,
    week_start,
    index_date,
    basis,
    depth_points,
    breadth_points,
    depth_unknown_factor,
    breadth_unknown_factor,
    definition_version,
    basis = 'as_defined'
    and version_before is not null
    and version_before <> definition_version as is_definition_change
from ordered
