-- One row per event of which anything may have changed and customer that was there. An event is a
-- name without a pause of more days than the rule row says, so next week's session of the same name
-- is another one.
{{ config(materialized='view') }}
-- depends_on: {{ ref('int_graph__changed_parts') }}
with

rules as (

    select max(group_gap_days) as group_gap_days
    from {{ ref('int_graph__rules') }}
    where edge_type = 'co_attendance' and is_latest

),

found as (

    select * from {{ ref('int_canonical__event_attendances') }}
    where
        event_name is not null
        and attended_at < {{ as_of_end() }}
        and {{ is_of_changed_bucket('event_name', 'other_event') }}

),

accounts as (

    select
        account_id,
        customer_id
    from {{ ref('bridge_account_customer') }}
    where {{ is_among(['account_id'], 'found') }}

),

people as (

    select
        contact_id,
        person_id,
        customer_id
    from {{ ref('bridge_contact_person') }}
    where {{ is_among(['contact_id'], 'found') }}

),

persons as (

    select
        person_id,
        decision_level
    from {{ ref('dim_person') }}
    where {{ is_among(['person_id'], 'people') }}

),

attendances as (

    select
        found.event_attendance_id,
        found.source_system,
        found.event_name,
        coalesce(accounts.customer_id, people.customer_id) as customer_id,
        persons.decision_level,
        found.attended_at,
        lag(found.attended_at) over (
            partition by found.source_system, found.event_name
            order by found.attended_at asc nulls last, found.event_attendance_id asc nulls last
        ) as attended_before_at
    from found
    left join accounts on found.account_id = accounts.account_id
    left join people on found.contact_id = people.contact_id
    left join persons on people.person_id = persons.person_id

),

begun as (

    select
        attendances.*,
        sum(
            case
                when
                    attendances.attended_before_at is null
                    or attendances.attended_at > {{ add_seconds(
                        'attendances.attended_before_at',
                        'coalesce(rules.group_gap_days, 0) * 86400'
                    ) }}
                    then 1
                else 0
            end
        ) over (
            partition by attendances.source_system, attendances.event_name
            order by
                attendances.attended_at asc nulls last,
                attendances.event_attendance_id asc nulls last
            rows between unbounded preceding and current row
        ) as event_number
    from attendances
    cross join rules

),

attended as (

    select
        source_system || ':' || event_name || ':' || cast(event_number as string) as event_key,
        event_name,
        customer_id,
        count(*) as count_attendances,
        min(attended_at) as attended_at,
        min(case when decision_level = 'executive' then attended_at end) as executive_at,
        min(case when decision_level = 'director' then attended_at end) as director_at,
        min(case when decision_level = 'manager' then attended_at end) as manager_at,
        min(case when decision_level = 'practitioner' then attended_at end) as practitioner_at
    from begun
    group by source_system, event_name, event_number, customer_id

)

select
    attended.event_key,
    attended.event_name,
    attended.customer_id,
    customers.customer_number,
    attended.count_attendances,
    attended.attended_at,
    attended.executive_at,
    attended.director_at,
    attended.manager_at,
    attended.practitioner_at,
    count(attended.customer_id) over (partition by attended.event_key) as group_size
from attended
left join {{ ref('int_graph__customers') }} as customers
    on attended.customer_id = customers.customer_id
