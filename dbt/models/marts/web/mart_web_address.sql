-- One row per system and address, over all days.
with

visitor_days as (

    select * from {{ ref('int_web__visitor_days') }}

)

select
    source_system,
    visitor_address,
    count(distinct event_date) as count_days,
    cast(sum(count_requests) as bigint) as count_requests,
    cast(sum(count_bytes) as bigint) as count_bytes,
    min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at
from visitor_days
group by source_system, visitor_address
