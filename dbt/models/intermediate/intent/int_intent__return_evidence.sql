-- One row per page view that ended a silence of the length a recency signal asks for. Such a
-- silence lasts whole days, so only a day's first view can end it.
with

rules as (

    select *
    from {{ ref('int_intent__rules') }}
    where is_active and kind = 'recency'

),

visits as (

    select
        'account' as subject_level,
        account_id as subject_key,
        *
    from {{ ref('int_intent__visit_days') }}
    where account_id is not null
    union all
    select
        'contact' as subject_level,
        person_key as subject_key,
        *
    from {{ ref('int_intent__visit_days') }}

),

days as (

    select
        *,
        max(last_at) over (
            partition by subject_level, subject_key, visit_date
        ) as last_of_day_at,
        row_number() over (
            partition by subject_level, subject_key, visit_date
            order by first_at asc nulls last, web_event_id asc nulls last
        ) as view_rank
    from visits
    where subject_level in (select rules.subject_level from rules)

),

day_after_day as (

    select
        *,
        lag(last_of_day_at) over (
            partition by subject_level, subject_key
            order by visit_date asc nulls last
        ) as previous_at
    from days
    where view_rank = 1

),

returns as (

    select
        rules.signal_id,
        rules.signal_version,
        day_after_day.*
    from day_after_day
    inner join rules on day_after_day.subject_level = rules.subject_level
    where
        {{ elapsed_seconds('day_after_day.previous_at', 'day_after_day.first_at') }}
        >= rules.silence_seconds

)

select
    signal_id,
    signal_version,
    subject_key,
    web_event_id as unit_key,
    account_id,
    contact_id,
    visitor_id,
    cast(null as string) as opportunity_id,
    cast(null as string) as lead_id,
    'web_event' as evidence_object,
    web_event_id as evidence_id,
    source_system,
    first_at as evidence_at,
    known_at,
    url_path as detail,
    cast(null as string) as related_object,
    cast(null as string) as related_id,
    previous_at as related_at
from returns
