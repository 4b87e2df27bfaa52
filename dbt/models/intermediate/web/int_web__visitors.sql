-- One row per visitor: what the tool says it is, else address and agent.
{{ config(
    materialized=keys_materialization(),
    meta={'key': 'visitor_id', 'changed_keys': 'int_web__changed_visitors'},
    tags=['web_visitors']
) }}
-- depends_on: {{ ref('int_web__changed_visitors') }}
with

flags as (

    select * from {{ ref('int_web__visitor_day_flags') }}
    where {{ is_changed_key('visitor_id') }}

),

views as (

    select
        visitor_id,
        cast(sum(count_sessions) as bigint) as count_sessions,
        cast(sum(count_page_views) as bigint) as count_page_views
    from {{ ref('int_web__visitor_views') }}
    where {{ is_changed_key('visitor_id') }}
    group by visitor_id

),

ranked as (

    select
        *,
        {{ web_rule_rank('bot_reason') }} as rule_rank
    from flags

),

visitors as (

    select
        visitor_id,
        min(source_system) as source_system,
        nullif(min(visitor_key), '') as visitor_key,
        nullif(max_by(visitor_address, last_seen_key), '') as visitor_address,
        nullif(max_by(user_agent, last_seen_key), '') as user_agent,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        min(rule_rank) as rule_rank,
        max(case when is_staff then 1 else 0 end) = 1 as is_staff
    from (
        select
            *,
            coalesce(cast(last_seen_at as string), '') || ' ' || visitor_address || ' '
            || user_agent as last_seen_key
        from ranked
    ) as keyed
    group by visitor_id

)

select
    visitors.visitor_id,
    visitors.source_system,
    visitors.visitor_key,
    visitors.visitor_address,
    visitors.user_agent,
    visitors.first_seen_at,
    visitors.last_seen_at,
    coalesce(views.count_sessions, 0) as count_sessions,
    coalesce(views.count_page_views, 0) as count_page_views,
    visitors.rule_rank is not null as is_bot,
    {{ web_rule_of_rank('visitors.rule_rank') }} as bot_reason,
    visitors.is_staff
from visitors
left join views on visitors.visitor_id = views.visitor_id
