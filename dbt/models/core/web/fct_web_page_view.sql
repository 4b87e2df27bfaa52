-- One row per page, document or interaction that was answered.
{{ config(
    materialized=days_materialization(),
    incremental_strategy='replace_days',
    meta={'day_column': 'session_date'},
    tags=['web_days']
) }}
-- depends_on: {{ ref('int_web__changed_days') }}
with

limits as (

    select * from {{ ref('int_web__rule_version') }}

),

contents as (

    select
        {{ web_path('url_path') }} as url_path,
        min(content_id) as content_id
    from {{ ref('int_canonical__contents') }}
    where url_path is not null
    group by {{ web_path('url_path') }}

),

events as (

    select
        web_event_id,
        source_system,
        coalesce(visitor_key, '') as visitor_key,
        coalesce(visitor_address, '') as visitor_address,
        coalesce(user_agent, '') as user_agent,
        session_key,
        user_name,
        host,
        coalesce(url, '') as url,
        split_part(coalesce(url, ''), '?', 1) as raw_path,
        event_name,
        referrer,
        engaged_seconds,
        occurred_at,
        cast(occurred_at as date) as event_date
    from {{ ref('fct_web_event') }}
    where
        {{ is_changed_time('occurred_at', around=true) }}
        and occurred_at is not null
        and (status between 200 and 299 or status = 304 or status is null)
        and (method in ('GET', 'POST') or method is null)

),

raw_paths as (

    select distinct
        source_system,
        raw_path,
        event_name
    from events

),

decoded_paths as (

    select
        source_system,
        raw_path,
        event_name,
        {{ web_path('raw_path') }} as url_path
    from raw_paths

),

judged_paths as (

    select
        source_system,
        raw_path,
        event_name,
        url_path,
        coalesce(
            {{ web_event_kind('event_name') }}, {{ web_path_kind('url_path', 'source_system') }}
        ) as page_kind,
        {{ web_page_group('url_path', 'source_system') }} as page_group
    from decoded_paths

),

paths as (

    select
        judged_paths.source_system,
        judged_paths.raw_path,
        judged_paths.event_name,
        judged_paths.url_path,
        judged_paths.page_kind,
        judged_paths.page_group,
        contents.content_id
    from judged_paths
    left join contents on judged_paths.url_path = contents.url_path
    where judged_paths.page_kind in ('page', 'document', 'interaction')

),

pages as (

    select
        events.web_event_id,
        events.source_system,
        events.visitor_key,
        events.visitor_address,
        events.user_agent,
        events.session_key,
        events.user_name,
        events.host,
        {{ web_query('events.url') }} as url_query,
        events.referrer,
        events.engaged_seconds,
        events.occurred_at,
        events.event_date,
        paths.url_path,
        paths.page_kind,
        paths.page_group,
        paths.content_id
    from events
    inner join paths
        on
            events.source_system = paths.source_system
            and events.raw_path = paths.raw_path
            and coalesce(events.event_name, '') = coalesce(paths.event_name, '')

),

distinct_queries as (

    select distinct url_query
    from pages
    where url_query is not null

),

queries as (

    select
        url_query,
        {{ web_parameter_click_id('url_query') }} as click_id,
        replace(lower({{ web_parameter_email('url_query') }}), ' ', '+') as email,
        {{ web_parameter_contact_key('url_query') }} as contact_key,
        {{ web_parameter_lead_key('url_query') }} as lead_key,
        {{ web_parameter_utm_source('url_query') }} as utm_source,
        {{ web_parameter_utm_medium('url_query') }} as utm_medium,
        {{ web_parameter_utm_campaign('url_query') }} as utm_campaign
    from distinct_queries

),

flags as (

    select * from {{ ref('int_web__visitor_day_flags') }}
    where {{ is_changed_time('cast(event_date as timestamp)', around=true, whole_days=true) }}

),

views as (

    select
        pages.web_event_id,
        pages.source_system,
        flags.visitor_id,
        coalesce(pages.session_key, '') as session_key,
        pages.occurred_at,
        pages.event_date,
        pages.url_path,
        pages.page_kind,
        pages.page_group,
        pages.content_id,
        pages.user_name,
        queries.click_id,
        queries.email,
        queries.contact_key,
        queries.lead_key,
        queries.utm_source,
        queries.utm_medium,
        queries.utm_campaign,
        pages.referrer,
        pages.host,
        pages.visitor_address,
        pages.engaged_seconds,
        flags.is_bot,
        flags.is_staff
    from pages
    inner join flags
        on
            pages.source_system = flags.source_system
            and pages.event_date = flags.event_date
            and pages.visitor_key = flags.visitor_key
            and pages.visitor_address = flags.visitor_address
            and pages.user_agent = flags.user_agent
    left join queries on pages.url_query = queries.url_query

),

-- Lines of one second stand in the order in which they were written: ids of one file differ in the
-- line number at their end, the longer one is the later.
neighbours as (

    select
        views.*,
        lag(occurred_at) over (
            partition by visitor_id, session_key
            order by occurred_at nulls last, length(web_event_id) nulls last, web_event_id nulls last
        ) as last_occurred_at,
        lead(occurred_at) over (
            partition by visitor_id, session_key
            order by occurred_at nulls last, length(web_event_id) nulls last, web_event_id nulls last
        ) as next_occurred_at
    from views

),

gaps as (

    select
        neighbours.*,
        case
            when neighbours.session_key = '' then limits.gap_minutes
            else limits.key_gap_minutes
        end * 60000000 as gap_microseconds,
        limits.max_hours * 3600000000 as max_microseconds,
        limits.view_seconds
    from neighbours
    cross join limits

),

starts as (

    select
        gaps.*,
        case
            when
                {{ microseconds('occurred_at') }} - {{ microseconds('last_occurred_at') }}
                <= gap_microseconds
                then 0
            else 1
        end as is_start_number,
        coalesce(
            {{ microseconds('next_occurred_at') }} - {{ microseconds('occurred_at') }}
            <= gap_microseconds,
            false
        ) as is_continued
    from gaps

),

chains as (

    select
        starts.*,
        sum(is_start_number) over (
            partition by visitor_id, session_key
            order by occurred_at nulls last, length(web_event_id) nulls last, web_event_id nulls last
            rows between unbounded preceding and current row
        ) as chain_number,
        row_number() over (
            partition by visitor_id, session_key
            order by occurred_at nulls last, length(web_event_id) nulls last, web_event_id nulls last
        ) as row_rank
    from starts

),

bounds as (

    select
        visitor_id,
        session_key,
        chain_number,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        min(row_rank) as first_rank
    from chains
    group by visitor_id, session_key, chain_number

),

sessions as (

    select
        bounds.visitor_id,
        bounds.session_key,
        bounds.chain_number,
        bounds.started_at,
        bounds.first_rank,
        {{ microseconds('bounds.ended_at') }} - {{ microseconds('bounds.started_at') }}
        > limits.max_hours * 3600000000 as is_overlong,
        bounds.visitor_id || '/' || cast({{ microseconds('bounds.started_at') }} as string)
        || case when bounds.session_key = '' then '' else '/' || bounds.session_key end
            as session_id
    from bounds
    cross join limits

),

numbered as (

    select
        chains.*,
        sessions.is_overlong,
        case when sessions.is_overlong then chains.event_date else cast(sessions.started_at as date) end
            as session_date,
        case when not sessions.is_overlong then sessions.session_id end as session_id,
        case when not sessions.is_overlong then chains.row_rank - sessions.first_rank + 1 end
            as view_number
    from chains
    inner join sessions
        on
            chains.visitor_id = sessions.visitor_id
            and chains.session_key = sessions.session_key
            and chains.chain_number = sessions.chain_number

)

select
    web_event_id,
    source_system,
    session_date,
    session_id,
    visitor_id,
    occurred_at,
    view_number,
    page_kind,
    url_path,
    page_group,
    content_id,
    user_name as login,
    click_id,
    email,
    contact_key,
    lead_key,
    utm_source,
    utm_medium,
    utm_campaign,
    {{ web_host('referrer') }} as referrer_host,
    case
        when engaged_seconds is not null then engaged_seconds
        when is_continued and not is_overlong
            then least({{ elapsed_seconds('occurred_at', 'next_occurred_at') }}, view_seconds)
    end as engaged_seconds,
    is_bot,
    is_staff,
    host,
    nullif(visitor_address, '') as visitor_address
from numbered
where {{ is_changed_day('session_date') }}
