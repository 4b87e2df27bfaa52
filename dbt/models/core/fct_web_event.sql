-- One row per request in a web log. A view: the lake's Parquet is read by the per-day web models.
{{ config(materialized='view') }}
with

events as (

    select * from {{ ref('int_canonical__web_events') }}

)

select
    web_event_id,
    source_system,
    visitor_address,
    visitor_key,
    session_key,
    user_name,
    user_agent,
    method,
    host,
    url,
    event_name,
    page_title,
    engaged_seconds,
    status,
    count_bytes,
    referrer,
    occurred_at,
    first_loaded_at,
    loaded_at
from events
