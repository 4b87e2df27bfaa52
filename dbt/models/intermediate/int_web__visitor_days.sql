-- One row per system, day, address, agent and status: the only reading of the web log's rows.
{{ config(materialized='table') }}
with

events as (

    select * from {{ ref('fct_web_event') }}

)

select
    source_system,
    cast(occurred_at as date) as event_date,
    visitor_address,
    user_agent,
    status,
    count(*) as count_requests,
    cast(sum(count_bytes) as bigint) as count_bytes,
    min(occurred_at) as first_seen_at,
    max(occurred_at) as last_seen_at
from events
group by source_system, cast(occurred_at as date), visitor_address, user_agent, status
