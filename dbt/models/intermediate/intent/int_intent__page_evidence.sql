-- One row per page view that a page signal counts (kinds page_count, download and dwell). Where
-- sessions or days are counted, only the first view of each stands for it; a session belongs to the
-- day on which it began.
{{ config(
    materialized=days_materialization(),
    meta={
        'day_column': 'session_date',
        'follows_names': true,
        'follows': ['int_intent__rules']
    },
    tags=['web_names']
) }}
-- depends_on: {{ ref('int_intent__renamed_days') }}
with

rules as (

    select *
    from {{ ref('int_intent__rules') }}
    where is_active and kind in ('page_count', 'download', 'dwell')

),

visits as (

    select * from {{ ref('int_intent__matched_visits') }}
    where
        {{ is_changed_day('session_date') }}
        and kind in ('page_count', 'download', 'dwell')

),

matched as (

    select
        rules.signal_id,
        rules.signal_version,
        rules.distinct_on,
        visits.subject_key
        || case when rules.counted_per = 'path' then ':' || visits.url_path else '' end
            as subject_key,
        case rules.distinct_on
            when 'path' then visits.url_path
            when 'session' then visits.session_id
            when 'day' then cast(visits.session_date as string)
            else visits.web_event_id
        end as unit_key,
        visits.web_event_id,
        visits.source_system,
        visits.visitor_id,
        visits.session_date,
        visits.contact_id,
        visits.account_id,
        visits.occurred_at,
        visits.known_at,
        visits.url_path
    from visits
    inner join rules
        on
            visits.signal_id = rules.signal_id
            and visits.signal_version = rules.signal_version
    where rules.min_seconds is null or visits.engaged_seconds > rules.min_seconds

),

numbered as (

    select
        *,
        case
            when distinct_on in ('session', 'day')
                then
                    row_number() over (
                        partition by signal_id, signal_version, subject_key, unit_key
                        order by occurred_at asc nulls last, web_event_id asc nulls last
                    )
            else 1
        end as unit_rank
    from matched

)

select
    signal_id,
    signal_version,
    session_date,
    subject_key,
    unit_key,
    account_id,
    contact_id,
    visitor_id,
    cast(null as string) as opportunity_id,
    cast(null as string) as lead_id,
    'web_event' as evidence_object,
    web_event_id as evidence_id,
    source_system,
    occurred_at as evidence_at,
    known_at,
    url_path as detail,
    cast(null as string) as related_object,
    cast(null as string) as related_id,
    cast(null as timestamp) as related_at
from numbered
where unit_rank = 1
