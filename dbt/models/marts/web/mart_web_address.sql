-- One row per system and address, over all days.
with

address_days as (

    select * from {{ ref('mart_web_address_day') }}

)

select
    source_system,
    visitor_address,
    count(period_date) as count_days,
    cast(sum(count_requests) as bigint) as count_requests,
    cast(sum(count_bytes) as bigint) as count_bytes,
    min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at
from address_days
group by source_system, visitor_address
