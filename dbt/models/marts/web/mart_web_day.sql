-- One row per system, day and response status.
{{ config(
    materialized=days_materialization(),
    meta={'day_column': 'period_date', 'own_lines_only': true},
    tags=['web_days']
) }}
with

visitor_days as (

    select * from {{ ref('int_web__visitor_days') }}
    where {{ is_changed_day('event_date') }}

)

select
    source_system || ':'
    || coalesce(cast(event_date as string), 'unknown') || ':'
    || coalesce(cast(status as string), 'unknown') as web_day_id,
    source_system,
    event_date as period_date,
    status,
    status >= 400 as is_error,
    cast(sum(count_requests) as bigint) as count_requests,
    cast(
        sum(case when status >= 400 then count_requests else 0 end) as bigint
    ) as count_error_requests,
    cast(sum(count_bytes) as bigint) as count_bytes
from visitor_days
group by source_system, event_date, status
