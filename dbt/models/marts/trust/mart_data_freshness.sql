-- One row per source table: how old its newest data were at the end of the day that counts as
-- today, judged by the thresholds of its schedule. Without a threshold or a time the status is
-- unknown.
with

receipts as (

    select * from {{ ref('int_operations__receipts') }}

),

thresholds as (

    select * from {{ ref('int_rules__thresholds') }}

),

ranked as (

    select
        source_system,
        source_table,
        schedule,
        load_status,
        finished_at,
        rows_gap,
        row_number() over (
            partition by source_system, source_table
            order by started_at desc nulls last, load_id desc nulls last
        ) as load_rank
    from receipts

),

latest as (

    select
        source_system,
        source_table,
        schedule,
        load_status as last_load_status,
        finished_at as last_load_at,
        rows_gap
    from ranked
    where load_rank = 1

),

totals as (

    select
        source_system,
        source_table,
        max(newest_at) as newest_at,
        max(case when load_status in ('loaded', 'unchanged') then finished_at end)
            as last_good_load_at,
        cast(sum(rows_loaded) as bigint) as rows_loaded,
        cast(sum(rows_rejected) as bigint) as rows_rejected,
        count(*) as count_loads
    from receipts
    group by source_system, source_table

),

measured as (

    select
        latest.source_system,
        latest.source_table,
        latest.schedule,
        latest.last_load_status,
        latest.last_load_at,
        latest.rows_gap,
        totals.last_good_load_at,
        totals.newest_at,
        totals.rows_loaded,
        totals.rows_rejected,
        totals.count_loads,
        case
            when totals.newest_at > {{ as_of_end() }} then 0
            else {{ elapsed_hours('totals.newest_at', as_of_end()) }}
        end as age_hours,
        warn.threshold_value as warn_after_hours,
        errors.threshold_value as error_after_hours
    from latest
    inner join totals
        on
            latest.source_system = totals.source_system
            and latest.source_table = totals.source_table
    left join thresholds as warn
        on warn.threshold_id = 'freshness_warn_' || latest.schedule
    left join thresholds as errors
        on errors.threshold_id = 'freshness_error_' || latest.schedule

)

select
    source_system || ':' || source_table as source_table_id,
    source_system,
    source_table,
    schedule,
    last_load_status,
    last_load_at,
    last_good_load_at,
    newest_at,
    rows_loaded,
    rows_rejected,
    rows_gap,
    count_loads,
    age_hours,
    warn_after_hours,
    error_after_hours,
    {{ freshness_status() }} as freshness_status
from measured
