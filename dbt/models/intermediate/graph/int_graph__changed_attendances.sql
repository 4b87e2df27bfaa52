-- The rows of events at which other customers were, or otherwise, than in the last build: as they
-- are now, and as they were then. Every event where the graph is made anew.
{{ config(materialized='table', tags=['graph']) }}
-- depends_on: {{ ref('int_graph__changed_parts') }}
with

found as (

    select * from {{ ref('int_graph__found_attendances') }}

),

built as (

    {{ built_graph_rows('int_graph__attendances', {
        'event_key': 'string', 'event_name': 'string', 'customer_id': 'string',
        'customer_number': 'int', 'count_attendances': 'bigint', 'attended_at': 'timestamp',
        'executive_at': 'timestamp', 'director_at': 'timestamp', 'manager_at': 'timestamp',
        'practitioner_at': 'timestamp', 'group_size': 'bigint'
    }) }}

),

-- The others are not found again.
replaced as (

    select * from built
    where {{ is_of_changed_bucket('event_name', 'other_event') }}

),

changed as (

    select distinct coalesce(found.event_key, replaced.event_key) as event_key
    from found
    full outer join replaced
        on
            found.event_key = replaced.event_key
            and coalesce(found.customer_id, '') = coalesce(replaced.customer_id, '')
    where
        found.event_key is null
        or replaced.event_key is null
        or found.event_name is distinct from replaced.event_name
        or found.customer_number is distinct from replaced.customer_number
        or found.count_attendances is distinct from replaced.count_attendances
        or found.attended_at is distinct from replaced.attended_at
        or found.executive_at is distinct from replaced.executive_at
        or found.director_at is distinct from replaced.director_at
        or found.manager_at is distinct from replaced.manager_at
        or found.practitioner_at is distinct from replaced.practitioner_at
        or found.group_size is distinct from replaced.group_size

)

select
    found.event_key,
    found.event_name,
    found.customer_id,
    found.customer_number,
    found.count_attendances,
    found.attended_at,
    found.executive_at,
    found.director_at,
    found.manager_at,
    found.practitioner_at,
    found.group_size,
    false as is_gone
from found
inner join changed on found.event_key = changed.event_key
union all
select
    replaced.event_key,
    replaced.event_name,
    replaced.customer_id,
    replaced.customer_number,
    replaced.count_attendances,
    replaced.attended_at,
    replaced.executive_at,
    replaced.director_at,
    replaced.manager_at,
    replaced.practitioner_at,
    replaced.group_size,
    true as is_gone
from replaced
inner join changed on replaced.event_key = changed.event_key
