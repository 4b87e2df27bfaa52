-- One row per system, day, address, agent, visitor key and status: what was asked for.
{{ config(
    materialized=days_materialization(),
    meta={'day_column': 'event_date', 'own_lines_only': true},
    tags=['web_days']
) }}
-- depends_on: {{ ref('int_web__changed_days') }}
with

events as (

    select
        source_system,
        cast(occurred_at as date) as event_date,
        occurred_at,
        visitor_key,
        visitor_address,
        user_agent,
        user_name,
        status,
        count_bytes,
        split_part(url, '?', 1) as raw_path
    from {{ ref('fct_web_event') }}
    where {{ is_changed_time('occurred_at') }}

),

raw_paths as (

    select distinct split_part(url, '?', 1) as raw_path
    from {{ ref('fct_web_event') }}
    where {{ is_changed_time('occurred_at') }}

),

paths as (

    select
        raw_path,
        {{ web_path('raw_path') }} as url_path
    from raw_paths

),

read_rules as (

    select
        raw_path,
        {{ web_read_rule('url_path') }} as bot_rule_id
    from paths

),

telling_paths as (

    select
        raw_path,
        {{ web_rule_rank('bot_rule_id') }} as rule_rank
    from read_rules
    where bot_rule_id is not null

)

select
    events.source_system,
    events.event_date,
    events.visitor_key,
    events.visitor_address,
    events.user_agent,
    events.status,
    count(*) as count_requests,
    cast(sum(events.count_bytes) as bigint) as count_bytes,
    count(
        case
            when events.user_name is not null and {{ is_staff_user('events.user_name') }} then 1
        end
    ) as count_staff_requests,
    min(telling_paths.rule_rank) as read_rule_rank,
    min(events.occurred_at) as first_seen_at,
    max(events.occurred_at) as last_seen_at
from events
left join telling_paths on events.raw_path = telling_paths.raw_path
group by
    events.source_system,
    events.event_date,
    events.visitor_key,
    events.visitor_address,
    events.user_agent,
    events.status
