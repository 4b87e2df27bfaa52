-- One row per business event and sequence signal: the first matching page view that came after the
-- event, and before the next event of the same kind, within the days of the rule.
with

rules as (

    select *
    from {{ ref('int_intent__rules') }}
    where is_active and kind = 'sequence'

),

events as (

    select * from {{ ref('int_intent__business_events') }}

),

starts as (

    select
        rules.signal_id,
        rules.signal_version,
        rules.after_seconds,
        case
            when rules.subject_level = 'account' then events.account_id else events.contact_id
        end as subject_key,
        events.object_id,
        events.occurred_at
    from events
    inner join rules on events.object_name = rules.after_object

),

days_after as (

    select
        signal_id,
        signal_version,
        subject_key,
        {{ each_day(
            'cast(occurred_at as date)',
            'cast(' ~ add_seconds('occurred_at', 'after_seconds') ~ ' as date)'
        ) }} as visit_date
    from starts
    where subject_key is not null

),

awaited_days as (

    select distinct
        signal_id,
        signal_version,
        subject_key,
        visit_date
    from days_after

),

-- Views on other days come after no event: they are not put in order.
visits as (

    select visits.*
    from {{ ref('int_intent__matched_visits') }} as visits
    inner join awaited_days
        on
            visits.signal_id = awaited_days.signal_id
            and visits.signal_version = awaited_days.signal_version
            and visits.subject_key = awaited_days.subject_key
            and cast(visits.occurred_at as date) = awaited_days.visit_date
    where visits.kind = 'sequence'

),

steps as (

    select
        rules.signal_id,
        rules.signal_version,
        rules.after_seconds,
        visits.subject_key,
        0 as step_order,
        cast(null as string) as object_id,
        visits.web_event_id,
        visits.source_system,
        visits.visitor_id,
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
    union all
    select
        signal_id,
        signal_version,
        after_seconds,
        subject_key,
        1 as step_order,
        object_id,
        cast(null as string) as web_event_id,
        cast(null as string) as source_system,
        cast(null as string) as visitor_id,
        cast(null as string) as contact_id,
        cast(null as string) as account_id,
        occurred_at,
        cast(null as timestamp) as known_at,
        cast(null as string) as url_path
    from starts

),

-- A view at the very moment of an event stands before it: it did not come after.
followed as (

    select
        *,
        {{ last_known(
            'object_id',
            'signal_id, signal_version, subject_key',
            'occurred_at asc nulls last, step_order asc nulls last, '
            ~ 'object_id asc nulls last, web_event_id asc nulls last'
        ) }} as latest_object_id
    from steps
    where subject_key is not null

),

numbered as (

    select
        followed.signal_id,
        followed.signal_version,
        followed.subject_key,
        followed.account_id,
        followed.contact_id,
        followed.visitor_id,
        followed.web_event_id,
        followed.source_system,
        followed.occurred_at,
        followed.known_at,
        followed.url_path,
        events.object_name,
        events.object_id,
        events.opportunity_id,
        events.occurred_at as related_at,
        row_number() over (
            partition by
                followed.signal_id, followed.signal_version, followed.subject_key, events.object_id
            order by followed.occurred_at asc nulls last, followed.web_event_id asc nulls last
        ) as view_rank
    from followed
    inner join rules
        on
            followed.signal_id = rules.signal_id
            and followed.signal_version = rules.signal_version
    inner join events
        on
            rules.after_object = events.object_name
            and followed.latest_object_id = events.object_id
    where
        followed.step_order = 0
        and followed.occurred_at
        <= {{ add_seconds('events.occurred_at', 'followed.after_seconds') }}

)

select
    signal_id,
    signal_version,
    subject_key,
    object_id as unit_key,
    account_id,
    contact_id,
    visitor_id,
    opportunity_id,
    cast(null as string) as lead_id,
    'web_event' as evidence_object,
    web_event_id as evidence_id,
    source_system,
    occurred_at as evidence_at,
    known_at,
    url_path as detail,
    object_name as related_object,
    object_id as related_id,
    related_at
from numbered
where view_rank = 1
