-- One row per source table on the reporting day: how many of its rows came through whole, and
-- whether its data are fresh.
with

freshness as (

    select * from {{ ref('mart_data_freshness') }}

),

unreadable as (

    select
        source_system,
        source_table,
        sum(count_rows) as count_rows
    from {{ ref('mart_unconverted_value') }}
    group by source_system, source_table

),

counted as (

    select
        freshness.source_table_id,
        freshness.source_system,
        freshness.source_table,
        freshness.freshness_status,
        freshness.age_hours,
        coalesce(freshness.rows_loaded, 0) + coalesce(freshness.rows_rejected, 0) as count_rows,
        coalesce(freshness.rows_rejected, 0) as count_rejected,
        -- A row with two unreadable values counts twice, but never more rows than there are.
        least(coalesce(unreadable.count_rows, 0), coalesce(freshness.rows_loaded, 0))
            as count_unreadable
    from freshness
    left join unreadable
        on
            freshness.source_system = unreadable.source_system
            and freshness.source_table = unreadable.source_table

)

select
    source_table_id,
    source_system,
    source_table,
    {{ as_of_date() }} as period_date,
    cast(count_rows as bigint) as count_rows,
    cast(count_rejected as bigint) as count_rejected,
    cast(count_unreadable as bigint) as count_unreadable,
    cast(count_rows - count_rejected - count_unreadable as bigint) as count_good,
    age_hours,
    freshness_status,
    freshness_status = 'fresh' as is_fresh,
    freshness_status <> 'unknown' as is_freshness_known
from counted
