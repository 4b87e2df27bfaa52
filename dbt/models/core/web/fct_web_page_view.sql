-- One row per page, document or interaction that was answered.
{{ config(
    materialized=days_materialization(),
    meta={'day_column': 'session_date'},
    tags=['web_days']
) }}
-- depends_on: {{ ref('int_web__landed_days') }}
-- Wide texts stay out of the sorts: addresses, links and ids become numbers, and texts again at the
-- end. Each list of texts reads the log by itself, as engines would keep a shared one in memory.
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

event_paths as (

    select distinct
        source_system,
        split_part(coalesce(url, ''), '?', 1) as raw_path,
        coalesce(event_name, '') as event_name
    from {{ ref('fct_web_event') }}
    where
        {{ is_changed_time('occurred_at', around=true) }}
        and (status between 200 and 299 or status = 304 or status is null)
        and (method in ('GET', 'POST') or method is null)

),

decoded_paths as (

    select
        source_system,
        raw_path,
        event_name,
        {{ web_path('raw_path') }} as url_path
    from event_paths

),

judged_paths as (

    select
        source_system,
        raw_path,
        event_name,
        url_path,
        coalesce(
            {{ web_event_kind("nullif(event_name, '')") }},
            {{ web_path_kind('url_path', 'source_system') }}
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
        contents.content_id,
        row_number() over (
            order by
                judged_paths.source_system nulls last,
                judged_paths.raw_path nulls last,
                judged_paths.event_name nulls last
        ) as path_number
    from judged_paths
    left join contents on judged_paths.url_path = contents.url_path
    where judged_paths.page_kind in ('page', 'document', 'interaction')

),

event_queries as (

    select distinct {{ web_query('url') }} as url_query
    from {{ ref('fct_web_event') }}
    where
        {{ is_changed_time('occurred_at', around=true) }}
        and (status between 200 and 299 or status = 304 or status is null)
        and (method in ('GET', 'POST') or method is null)
        and instr(url, '?') > 0

),

query_values as (

    select
        url_query,
        {{ web_parameter_click_id('url_query') }} as click_id,
        {{ web_parameter_email('url_query') }} as email,
        {{ web_parameter_contact_key('url_query') }} as contact_key,
        {{ web_parameter_lead_key('url_query') }} as lead_key,
        {{ web_parameter_utm_source('url_query') }} as utm_source,
        {{ web_parameter_utm_medium('url_query') }} as utm_medium,
        {{ web_parameter_utm_campaign('url_query') }} as utm_campaign
    from event_queries

),

telling_queries as (

    select
        *,
        row_number() over (order by url_query nulls last) as query_number
    from query_values
    where
        coalesce(
            click_id, email, contact_key, lead_key, utm_source, utm_medium, utm_campaign
        ) is not null

),

queries as (

    select
        query_number,
        url_query,
        {{ form_decoded('click_id') }} as click_id,
        replace(lower({{ form_decoded('email') }}), ' ', '+') as email,
        {{ form_decoded('contact_key') }} as contact_key,
        {{ form_decoded('lead_key') }} as lead_key,
        {{ form_decoded('utm_source') }} as utm_source,
        {{ form_decoded('utm_medium') }} as utm_medium,
        {{ form_decoded('utm_campaign') }} as utm_campaign
    from telling_queries

),

event_referrers as (

    select distinct referrer
    from {{ ref('fct_web_event') }}
    where
        {{ is_changed_time('occurred_at', around=true) }}
        and (status between 200 and 299 or status = 304 or status is null)
        and (method in ('GET', 'POST') or method is null)
        and referrer is not null

),

referrers as (

    select
        referrer,
        {{ web_host('referrer') }} as referrer_host,
        row_number() over (order by referrer nulls last) as referrer_number
    from event_referrers

),

-- An id is a file and the number of a line in it, or a tool's own.
event_files as (

    select distinct {{ web_event_file('web_event_id') }} as file_id
    from {{ ref('fct_web_event') }}
    where
        {{ is_changed_time('occurred_at', around=true) }}
        and (status between 200 and 299 or status = 304 or status is null)
        and (method in ('GET', 'POST') or method is null)

),

files as (

    select
        file_id,
        row_number() over (order by file_id nulls last) as file_number
    from event_files

),

flags as (

    select
        *,
        dense_rank() over (order by visitor_id nulls last) as visitor_number,
        row_number() over (
            order by
                visitor_id nulls last,
                event_date nulls last,
                visitor_address nulls last,
                user_agent nulls last
        ) as flag_number
    from {{ ref('int_web__visitor_day_flags') }}
    where {{ is_changed_day('event_date', around=true) }}

),

pages as (

    select
        events.occurred_at,
        events.user_name,
        events.host,
        events.engaged_seconds,
        coalesce(events.session_key, '') as session_key,
        files.file_number,
        {{ web_event_line('events.web_event_id') }} as line_number,
        paths.path_number,
        queries.query_number,
        referrers.referrer_number,
        flags.visitor_number,
        flags.flag_number
    from {{ ref('fct_web_event') }} as events
    inner join paths
        on
            events.source_system = paths.source_system
            and split_part(coalesce(events.url, ''), '?', 1) = paths.raw_path
            and coalesce(events.event_name, '') = paths.event_name
    inner join flags
        on
            events.source_system = flags.source_system
            and cast(events.occurred_at as date) = flags.event_date
            and coalesce(events.visitor_key, '') = flags.visitor_key
            and coalesce(events.visitor_address, '') = flags.visitor_address
            and coalesce(events.user_agent, '') = flags.user_agent
    inner join files on {{ web_event_file('events.web_event_id') }} = files.file_id
    left join queries on {{ web_query('events.url') }} = queries.url_query
    left join referrers on events.referrer = referrers.referrer
    where
        {{ is_changed_time('events.occurred_at', around=true) }}
        and (events.status between 200 and 299 or events.status = 304 or events.status is null)
        and (events.method in ('GET', 'POST') or events.method is null)

),

-- Lines of one second stand in the order in which they were written.
neighbours as (

    select
        *,
        lag(occurred_at) over (
            partition by visitor_number, session_key
            order by occurred_at nulls last, file_number nulls last, line_number nulls last
        ) as last_occurred_at,
        lead(occurred_at) over (
            partition by visitor_number, session_key
            order by occurred_at nulls last, file_number nulls last, line_number nulls last
        ) as next_occurred_at,
        row_number() over (
            partition by visitor_number, session_key
            order by occurred_at nulls last, file_number nulls last, line_number nulls last
        ) as row_rank
    from pages

),

gaps as (

    select
        neighbours.occurred_at,
        neighbours.user_name,
        neighbours.host,
        neighbours.session_key,
        neighbours.file_number,
        neighbours.line_number,
        neighbours.path_number,
        neighbours.query_number,
        neighbours.referrer_number,
        neighbours.visitor_number,
        neighbours.flag_number,
        neighbours.row_rank,
        neighbours.engaged_seconds as measured_seconds,
        {{ elapsed_seconds('neighbours.last_occurred_at', 'neighbours.occurred_at') }}
            as seconds_before,
        {{ elapsed_seconds('neighbours.occurred_at', 'neighbours.next_occurred_at') }}
            as seconds_after,
        60 * case
            when neighbours.session_key = '' then limits.gap_minutes
            else limits.key_gap_minutes
        end as gap_seconds,
        limits.view_seconds
    from neighbours
    cross join limits

),

chains as (

    select
        *,
        sum(case when seconds_before <= gap_seconds then 0 else 1 end) over (
            partition by visitor_number, session_key
            order by row_rank nulls last
            rows between unbounded preceding and current row
        ) as chain_number
    from gaps

),

bounds as (

    select
        visitor_number,
        session_key,
        chain_number,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        min(row_rank) as first_rank
    from chains
    group by visitor_number, session_key, chain_number

),

sessions as (

    select
        bounds.visitor_number,
        bounds.session_key,
        bounds.chain_number,
        bounds.started_at,
        bounds.first_rank,
        {{ elapsed_seconds('bounds.started_at', 'bounds.ended_at') }}
        > 3600 * limits.max_hours as is_overlong
    from bounds
    cross join limits

),

numbered as (

    select
        chains.occurred_at,
        chains.user_name,
        chains.host,
        chains.session_key,
        chains.file_number,
        chains.line_number,
        chains.path_number,
        chains.query_number,
        chains.referrer_number,
        chains.flag_number,
        sessions.started_at,
        sessions.is_overlong,
        chains.row_rank - sessions.first_rank + 1 as view_number,
        case
            when chains.measured_seconds is not null then chains.measured_seconds
            when not sessions.is_overlong and chains.seconds_after <= chains.gap_seconds
                then least(chains.seconds_after, chains.view_seconds)
        end as engaged_seconds,
        case
            when sessions.is_overlong then cast(chains.occurred_at as date)
            else cast(sessions.started_at as date)
        end as session_date
    from chains
    inner join sessions
        on
            chains.visitor_number = sessions.visitor_number
            and chains.session_key = sessions.session_key
            and chains.chain_number = sessions.chain_number

),

dated as (

    select * from numbered
    where {{ is_changed_day('session_date') }}

)

select
    files.file_id
    || case
        when dated.line_number is null then ''
        else '#' || cast(dated.line_number as string)
    end as web_event_id,
    flags.source_system,
    dated.session_date,
    case
        when not dated.is_overlong
            then
                flags.visitor_id || '/' || cast({{ microseconds('dated.started_at') }} as string)
                || case when dated.session_key = '' then '' else '/' || dated.session_key end
    end as session_id,
    flags.visitor_id,
    dated.occurred_at,
    case when not dated.is_overlong then dated.view_number end as view_number,
    paths.page_kind,
    paths.url_path,
    paths.page_group,
    paths.content_id,
    dated.user_name as login, -- noqa: RF04
    queries.click_id,
    queries.email,
    queries.contact_key,
    queries.lead_key,
    queries.utm_source,
    queries.utm_medium,
    queries.utm_campaign,
    referrers.referrer_host,
    dated.engaged_seconds,
    flags.is_bot,
    flags.is_staff,
    dated.host,
    nullif(flags.visitor_address, '') as visitor_address
from dated
inner join files on dated.file_number = files.file_number
inner join paths on dated.path_number = paths.path_number
inner join flags on dated.flag_number = flags.flag_number
left join queries on dated.query_number = queries.query_number
left join referrers on dated.referrer_number = referrers.referrer_number
