-- One row per system, day, address and agent: a unique visitor as GoAccess counts it. Requests
-- answered with a client error (4xx) do not make a visitor.
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
    user_agent,
    cast(sum(count_requests) as bigint) as count_requests,
    cast(sum(count_bytes) as bigint) as count_bytes,
    min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at
from visitor_days
where status not between 400 and 499
group by source_system, event_date, visitor_address, user_agent
