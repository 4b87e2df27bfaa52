-- One row per page view that ended a silence of the length a recency signal asks for.
with

rules as (

    select *
    from {{ ref('int_intent__rules') }}
    where is_active and kind = 'recency'

),

visits as (

    select * from {{ ref('int_intent__visits') }}

),

subjects as (

    select
        visits.*,
        'account' as subject_level,
        visits.account_id as subject_key
    from visits
    where visits.account_id is not null
    union all
    select
        visits.*,
        'contact' as subject_level,
        visits.person_key as subject_key
    from visits

),

followed as (

    select
        *,
        lag(occurred_at) over (
            partition by subject_level, subject_key
            order by occurred_at asc nulls last, web_event_id asc nulls last
        ) as previous_at
    from subjects
    where subject_level in (select rules.subject_level from rules)

)

select
    rules.signal_id,
    rules.signal_version,
    followed.subject_key,
    followed.web_event_id as unit_key,
    followed.account_id,
    followed.contact_id,
    followed.visitor_id,
    cast(null as string) as opportunity_id,
    cast(null as string) as lead_id,
    'web_event' as evidence_object,
    followed.web_event_id as evidence_id,
    followed.source_system,
    followed.occurred_at as evidence_at,
    followed.known_at,
    followed.url_path as detail,
    cast(null as string) as related_object,
    cast(null as string) as related_id,
    followed.previous_at as related_at
from followed
inner join rules on followed.subject_level = rules.subject_level
where {{ elapsed_seconds('followed.previous_at', 'followed.occurred_at') }} >= rules.silence_seconds
