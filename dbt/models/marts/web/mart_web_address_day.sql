-- One row per system, day and address.
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
    source_system,
    event_date as period_date,
    visitor_address,
    count(distinct user_agent) as count_user_agents,
    cast(sum(count_requests) as bigint) as count_requests,
    cast(sum(count_bytes) as bigint) as count_bytes,
    min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at
from visitor_days
group by source_system, event_date, visitor_address
