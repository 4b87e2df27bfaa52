-- One row per source table and day that is looked at: the ends of whole weeks since its first load,
-- and the reporting day. How many of the rows that had come by then came through whole, and whether
-- the data were fresh. What can be read is judged by the mapping of today, age by its thresholds.
with

receipts as (

    select * from {{ ref('int_operations__receipts') }}

),

freshness as (

    select * from {{ ref('mart_data_freshness') }}

),

days as (

    select
        date_day,
        {{ add_days('week_start_date', 6) }} as week_end_date
    from {{ ref('dim_date') }}

),

weeks as (

    select distinct week_end_date
    from days
    where week_end_date < {{ as_of_date() }}

),

loaded_weeks as (

    select
        receipts.source_system,
        receipts.source_table,
        days.week_end_date,
        sum(receipts.rows_loaded) as rows_loaded,
        sum(receipts.rows_rejected) as rows_rejected,
        max(receipts.newest_at) as newest_at
    from receipts
    inner join days on cast(receipts.finished_at as date) = days.date_day
    group by receipts.source_system, receipts.source_table, days.week_end_date

),

unreadable_weeks as (

    select
        raw_values.system as source_system,
        raw_values.table_name as source_table,
        days.week_end_date,
        sum(raw_values.count_rows) as count_unreadable
    from {{ ref('int_canonical__unconverted_values') }} as raw_values
    left join days on raw_values.first_loaded_date = days.date_day
    group by raw_values.system, raw_values.table_name, days.week_end_date

),

unreadable as (

    select
        source_system,
        source_table,
        sum(count_unreadable) as count_unreadable
    from unreadable_weeks
    group by source_system, source_table

),

-- Weeks without a load stand too: what does not come grows old.
table_weeks as (

    select
        freshness.source_table_id,
        freshness.source_system,
        freshness.source_table,
        freshness.warn_after_hours,
        freshness.error_after_hours,
        weeks.week_end_date,
        sum(loaded_weeks.rows_loaded) over (
            partition by freshness.source_table_id
            order by weeks.week_end_date asc nulls last
            rows between unbounded preceding and current row
        ) as rows_loaded,
        sum(loaded_weeks.rows_rejected) over (
            partition by freshness.source_table_id
            order by weeks.week_end_date asc nulls last
            rows between unbounded preceding and current row
        ) as rows_rejected,
        sum(unreadable_weeks.count_unreadable) over (
            partition by freshness.source_table_id
            order by weeks.week_end_date asc nulls last
            rows between unbounded preceding and current row
        ) as count_unreadable,
        max(loaded_weeks.newest_at) over (
            partition by freshness.source_table_id
            order by weeks.week_end_date asc nulls last
            rows between unbounded preceding and current row
        ) as newest_at,
        max(loaded_weeks.week_end_date) over (
            partition by freshness.source_table_id
            order by weeks.week_end_date asc nulls last
            rows between unbounded preceding and current row
        ) as last_loaded_week
    from freshness
    cross join weeks
    left join loaded_weeks
        on
            freshness.source_system = loaded_weeks.source_system
            and freshness.source_table = loaded_weeks.source_table
            and weeks.week_end_date = loaded_weeks.week_end_date
    left join unreadable_weeks
        on
            freshness.source_system = unreadable_weeks.source_system
            and freshness.source_table = unreadable_weeks.source_table
            and weeks.week_end_date = unreadable_weeks.week_end_date

),

aged as (

    select
        *,
        case
            when newest_at > cast({{ add_days('week_end_date', 1) }} as timestamp) then 0
            else {{ elapsed_hours(
                'newest_at', 'cast(' ~ add_days('week_end_date', 1) ~ ' as timestamp)'
            ) }}
        end as age_hours
    from table_weeks
    where last_loaded_week is not null

),

looked_at as (

    select
        source_table_id,
        source_system,
        source_table,
        week_end_date as period_date,
        rows_loaded,
        rows_rejected,
        count_unreadable,
        age_hours,
        {{ freshness_status() }} as freshness_status
    from aged
    union all
    select
        freshness.source_table_id,
        freshness.source_system,
        freshness.source_table,
        {{ as_of_date() }} as period_date,
        freshness.rows_loaded,
        freshness.rows_rejected,
        unreadable.count_unreadable,
        freshness.age_hours,
        freshness.freshness_status
    from freshness
    left join unreadable
        on
            freshness.source_system = unreadable.source_system
            and freshness.source_table = unreadable.source_table

),

counted as (

    select
        *,
        coalesce(rows_loaded, 0) + coalesce(rows_rejected, 0) as count_rows,
        coalesce(rows_rejected, 0) as count_rejected,
        -- A row with two unreadable values counts twice, but never more rows than there are.
        least(coalesce(count_unreadable, 0), coalesce(rows_loaded, 0)) as count_unreadable_rows
    from looked_at

)

select
    source_table_id || '|' || cast(period_date as string) as data_health_id,
    source_table_id,
    source_system,
    source_table,
    period_date,
    period_date = {{ as_of_date() }} as is_reporting_day,
    cast(count_rows as bigint) as count_rows,
    cast(count_rejected as bigint) as count_rejected,
    cast(count_unreadable_rows as bigint) as count_unreadable,
    cast(count_rows - count_rejected - count_unreadable_rows as bigint) as count_good,
    age_hours,
    freshness_status,
    freshness_status = 'fresh' as is_fresh,
    freshness_status <> 'unknown' as is_freshness_known
from counted
