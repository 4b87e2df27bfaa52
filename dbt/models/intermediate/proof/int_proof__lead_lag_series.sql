-- One row per week: how far organisation and commerce had come, for asking which moves first.
-- Changes are taken metric by metric and chained, so that a metric that becomes known is no
-- progress; each is dated at the middle of the weeks that its value looks back on. `signal` columns
-- weigh each metric by its own signal and noise, as the timing is told by what moves clearly: the
-- spread of its level over its noise, which is the variance of its weekly change times the weeks
-- that it looks back on (windows overlap). The other columns weigh as the scorecard does.
with

known_weeks as (

    select
        metric_id,
        family,
        weight_ratio,
        attainment_ratio,
        {{ rounded(elapsed_days('window_start', 'window_end') ~ ' / 7.0') }} as count_weeks,
        {{ add_days(
            'week_start',
            '-7 * ' ~ whole_division(elapsed_days('window_start', 'week_start'), '14')
        ) }} as middle_week,
        attainment_ratio - lag(attainment_ratio) over (
            partition by metric_id, metric_version order by week_start asc nulls last
        ) as change_ratio
    from {{ ref('mart_scorecard_metric_week') }}
    where not is_unknown and family in ('organisational', 'commercial')

),

signals as (

    select
        metric_id,
        {{ safe_ratio(
            'stddev_pop(attainment_ratio)', 'var_pop(change_ratio) * max(count_weeks)'
        ) }} as signal_weight
    from known_weeks
    group by metric_id

),

changes as (

    select
        known_weeks.family,
        known_weeks.middle_week as week_start,
        100 * {{ safe_ratio(
            'sum(known_weeks.weight_ratio * known_weeks.change_ratio)',
            'sum(known_weeks.weight_ratio)'
        ) }} as change_points,
        100 * {{ safe_ratio(
            'sum(signals.signal_weight * known_weeks.change_ratio)',
            'sum(signals.signal_weight)'
        ) }} as signal_change_points
    from known_weeks
    inner join signals on known_weeks.metric_id = signals.metric_id
    where known_weeks.change_ratio is not null
    group by known_weeks.family, known_weeks.middle_week

),

common as (

    select
        max(reached.first_week) as first_week,
        min(reached.last_week) as last_week,
        count(*) as count_families
    from (
        select
            changes.family,
            min(changes.week_start) as first_week,
            max(changes.week_start) as last_week
        from changes
        group by changes.family
    ) as reached

),

common_weeks as (

    select distinct calendar.week_start_date as week_start
    from {{ ref('dim_date') }} as calendar
    inner join common
        on
            calendar.week_start_date >= common.first_week
            and calendar.week_start_date <= common.last_week
            and common.count_families = 2

),

paired as (

    select
        common_weeks.week_start,
        coalesce(leading_changes.change_points, 0) as leading_change,
        coalesce(following_changes.change_points, 0) as following_change,
        coalesce(leading_changes.signal_change_points, 0) as leading_signal_change,
        coalesce(following_changes.signal_change_points, 0) as following_signal_change
    from common_weeks
    left join changes as leading_changes
        on
            common_weeks.week_start = leading_changes.week_start
            and leading_changes.family = 'organisational'
    left join changes as following_changes
        on
            common_weeks.week_start = following_changes.week_start
            and following_changes.family = 'commercial'

)

select
    week_start,
    cast(row_number() over (order by week_start asc nulls last) as bigint) as week_number,
    sum(leading_change) over (
        order by week_start asc nulls last rows between unbounded preceding and current row
    ) as leading_points,
    sum(following_change) over (
        order by week_start asc nulls last rows between unbounded preceding and current row
    ) as following_points,
    sum(leading_signal_change) over (
        order by week_start asc nulls last rows between unbounded preceding and current row
    ) as leading_signal_points,
    sum(following_signal_change) over (
        order by week_start asc nulls last rows between unbounded preceding and current row
    ) as following_signal_points
from paired
