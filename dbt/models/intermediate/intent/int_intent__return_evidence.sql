-- One row per page view that ended a silence of the length a recency signal asks for. Such a
-- silence lasts whole days, so only a day's first view can end it: the others need no sorting.
with

rules as (

    select *
    from {{ ref('int_intent__rules') }}
    where is_active and kind = 'recency'

),

visits as (

    select * from {{ ref('int_intent__visits') }}

),

days as (

    select
        'account' as subject_level,
        account_id as subject_key,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from visits
    where
        account_id is not null
        and 'account' in (select rules.subject_level from rules)
    group by account_id, cast(occurred_at as date)
    union all
    select
        'contact' as subject_level,
        person_key as subject_key,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from visits
    where 'contact' in (select rules.subject_level from rules)
    group by person_key, cast(occurred_at as date)

),

day_after_day as (

    select
        subject_level,
        subject_key,
        first_at,
        lag(last_at) over (
            partition by subject_level, subject_key
            order by first_at asc nulls last
        ) as previous_at
    from days

),

returns as (

    select
        rules.signal_id,
        rules.signal_version,
        day_after_day.subject_level,
        day_after_day.subject_key,
        day_after_day.first_at,
        day_after_day.previous_at
    from day_after_day
    inner join rules on day_after_day.subject_level = rules.subject_level
    where
        {{ elapsed_seconds('day_after_day.previous_at', 'day_after_day.first_at') }}
        >= rules.silence_seconds

),

views as (

    select
        returns.signal_id,
        returns.signal_version,
        returns.subject_key,
        returns.first_at,
        returns.previous_at,
        visits.*
    from returns
    inner join visits
        on
            returns.subject_key = visits.account_id
            and returns.first_at = visits.occurred_at
    where returns.subject_level = 'account'
    union all
    select
        returns.signal_id,
        returns.signal_version,
        returns.subject_key,
        returns.first_at,
        returns.previous_at,
        visits.*
    from returns
    inner join visits
        on
            returns.subject_key = visits.person_key
            and returns.first_at = visits.occurred_at
    where returns.subject_level = 'contact'

),

followed as (

    select
        *,
        row_number() over (
            partition by signal_id, signal_version, subject_key, first_at
            order by web_event_id asc nulls last
        ) as view_rank
    from views

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
    occurred_at as evidence_at,
    known_at,
    url_path as detail,
    cast(null as string) as related_object,
    cast(null as string) as related_id,
    previous_at as related_at
from followed
where view_rank = 1
