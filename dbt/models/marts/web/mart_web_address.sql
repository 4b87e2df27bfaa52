-- One row per system and address, over all days.
{{ config(
    materialized=keys_materialization(),
    meta={
        'key': "coalesce(visitor_address, '')",
        'changed_keys': 'int_web__changed_addresses'
    },
    tags=['web_addresses']
) }}
-- depends_on: {{ ref('int_web__changed_addresses') }}
with

address_days as (

    select * from {{ ref('mart_web_address_day') }}
    where {{ is_changed_key("coalesce(visitor_address, '')") }}

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
