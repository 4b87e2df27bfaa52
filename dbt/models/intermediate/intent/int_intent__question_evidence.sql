-- One row per attendance with as many questions as a signal of kind questions asks for.
with

rules as (

    select *
    from {{ ref('int_intent__rules') }}
    where is_active and kind = 'questions'

),

attendances as (

    select * from {{ ref('int_canonical__event_attendances') }}

),

contacts as (

    select * from {{ ref('dim_contact') }}

),

named as (

    select
        attendances.*,
        coalesce(attendances.account_id, contacts.account_id) as known_account_id
    from attendances
    left join contacts on attendances.contact_id = contacts.contact_id

)

select
    rules.signal_id,
    rules.signal_version,
    case
        when rules.subject_level = 'account' then named.known_account_id
        else coalesce(named.contact_id, named.known_account_id)
    end as subject_key,
    named.event_attendance_id as unit_key,
    named.known_account_id as account_id,
    named.contact_id,
    cast(null as string) as visitor_id,
    cast(null as string) as opportunity_id,
    cast(null as string) as lead_id,
    'event_attendance' as evidence_object,
    named.event_attendance_id as evidence_id,
    named.source_system,
    named.attended_at as evidence_at,
    named.attended_at as known_at,
    named.event_name || ' (' || cast(named.count_questions as string) || ')' as detail,
    cast(null as string) as related_object,
    cast(null as string) as related_id,
    cast(null as timestamp) as related_at
from named
inner join rules on named.count_questions >= rules.min_questions
