-- One row per system, day and visitor (address, agent, visitor key): program, own staff or guest.
{{ config(
    materialized=days_materialization(),
    meta={'day_column': 'event_date', 'own_lines_only': true},
    tags=['web_days']
) }}
with

visitor_days as (

    select
        source_system,
        event_date,
        coalesce(visitor_key, '') as visitor_key,
        coalesce(visitor_address, '') as visitor_address,
        coalesce(user_agent, '') as user_agent,
        sum(count_requests) as count_requests,
        sum(case when status >= 400 then count_requests else 0 end) as count_errors,
        sum(count_bytes) as count_bytes,
        max(count_staff_requests) > 0 as has_staff_name,
        min(read_rule_rank) as read_rule_rank,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from {{ ref('int_web__visitor_days') }}
    where {{ is_changed_day('event_date') }}
    group by
        source_system,
        event_date,
        coalesce(visitor_key, ''),
        coalesce(visitor_address, ''),
        coalesce(user_agent, '')

),

-- Only visitors with many requests in a day can have many in a minute: few lines are read again.
busy_visitor_days as (

    select
        source_system,
        event_date,
        visitor_key,
        visitor_address,
        user_agent
    from visitor_days
    where count_requests > {{ web_minute_limit() }}

),

minutes as (

    select
        events.source_system,
        cast(events.occurred_at as date) as event_date,
        coalesce(events.visitor_key, '') as visitor_key,
        coalesce(events.visitor_address, '') as visitor_address,
        coalesce(events.user_agent, '') as user_agent,
        count(*) as count_requests
    from {{ ref('fct_web_event') }} as events
    where
        {{ is_changed_time('events.occurred_at') }}
        and exists (
            select 1 from busy_visitor_days as busy
            where
                busy.source_system = events.source_system
                and busy.event_date = cast(events.occurred_at as date)
                and busy.visitor_key = coalesce(events.visitor_key, '')
                and busy.visitor_address = coalesce(events.visitor_address, '')
                and busy.user_agent = coalesce(events.user_agent, '')
        )
    group by
        events.source_system,
        cast(events.occurred_at as date),
        coalesce(events.visitor_key, ''),
        coalesce(events.visitor_address, ''),
        coalesce(events.user_agent, ''),
        date_trunc('minute', events.occurred_at)

),

rates as (

    select
        source_system,
        event_date,
        visitor_key,
        visitor_address,
        user_agent,
        max(count_requests) as max_minute_requests
    from minutes
    group by source_system, event_date, visitor_key, visitor_address, user_agent

),

distinct_agents as (

    select distinct user_agent
    from visitor_days

),

agents as (

    select
        user_agent,
        {{ web_agent_rule('user_agent') }} as bot_rule_id,
        {{ is_staff_agent('user_agent') }} as is_staff
    from distinct_agents

),

distinct_addresses as (

    select distinct visitor_address
    from visitor_days

),

addresses as (

    select
        visitor_address,
        {{ is_staff_address('visitor_address') }} as is_staff
    from distinct_addresses

),

-- A log that records no agents at all says nothing about those who send none.
agent_systems as (

    select
        source_system,
        event_date,
        max(case when user_agent <> '' then 1 else 0 end) = 1 as is_agent_known
    from visitor_days
    group by source_system, event_date

),

judged as (

    select
        visitor_days.source_system,
        visitor_days.event_date,
        visitor_days.visitor_key,
        visitor_days.visitor_address,
        visitor_days.user_agent,
        visitor_days.count_requests,
        visitor_days.count_errors,
        visitor_days.count_bytes,
        visitor_days.read_rule_rank,
        visitor_days.first_seen_at,
        visitor_days.last_seen_at,
        rates.max_minute_requests,
        agents.bot_rule_id as agent_rule_id,
        {{ web_behaviour_rule(
            "(visitor_days.user_agent <> '' or visitor_days.visitor_key <> '')",
            'agent_systems.is_agent_known',
            'visitor_days.count_requests',
            'visitor_days.count_errors',
            'coalesce(rates.max_minute_requests, 0)'
        ) }} as behaviour_rule_id,
        agents.is_staff or addresses.is_staff or visitor_days.has_staff_name as is_staff
    from visitor_days
    inner join agents on visitor_days.user_agent = agents.user_agent
    inner join addresses on visitor_days.visitor_address = addresses.visitor_address
    inner join agent_systems
        on
            visitor_days.source_system = agent_systems.source_system
            and coalesce(visitor_days.event_date, date '0001-01-01')
            = coalesce(agent_systems.event_date, date '0001-01-01')
    left join rates
        on
            visitor_days.source_system = rates.source_system
            and visitor_days.event_date = rates.event_date
            and visitor_days.visitor_key = rates.visitor_key
            and visitor_days.visitor_address = rates.visitor_address
            and visitor_days.user_agent = rates.user_agent

),

ranked as (

    select
        *,
        least(
            {{ web_rule_rank('agent_rule_id') }},
            {{ web_rule_rank('behaviour_rule_id') }},
            read_rule_rank
        ) as rule_rank
    from judged

)

select
    source_system,
    event_date,
    {{ web_visitor_id(
        'source_system',
        "nullif(visitor_key, '')",
        'visitor_address',
        'user_agent'
    ) }} as visitor_id,
    visitor_key,
    visitor_address,
    user_agent,
    cast(count_requests as bigint) as count_requests,
    cast(count_errors as bigint) as count_errors,
    cast(count_bytes as bigint) as count_bytes,
    max_minute_requests,
    rule_rank is not null as is_bot,
    {{ web_rule_of_rank('rule_rank') }} as bot_reason,
    is_staff,
    first_seen_at,
    last_seen_at
from ranked
