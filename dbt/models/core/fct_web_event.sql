-- One row per request in a web log. A view: the lake's Parquet is read once, by the visitor days.
{{ config(materialized='view') }}
with

events as (

    select * from {{ ref('int_canonical__web_events') }}

)

select
    web_event_id,
    source_system,
    visitor_address,
    user_name,
    user_agent,
    method,
    url,
    status,
    count_bytes,
    referrer,
    occurred_at,
    first_loaded_at,
    loaded_at
from events
