-- The rows of events at which other customers were, or otherwise, than in the last build: as they are
-- now, and as they were then. Every event where the graph is made anew.
{{ config(materialized='table' if replaces_days() else 'view', tags=['graph']) }}
-- depends_on: {{ ref('int_graph__changed_parts') }}
{%- set values = [
    'event_name', 'customer_number', 'count_attendances', 'attended_at', 'executive_at',
    'director_at', 'manager_at', 'practitioner_at', 'group_size'
] %}
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
        {%- for value in values %}
        or found.{{ value }} is distinct from replaced.{{ value }}
        {%- endfor %}

)

select
    found.*,
    false as is_gone
from found
inner join changed on found.event_key = changed.event_key
union all
select
    replaced.*,
    true as is_gone
from replaced
inner join changed on replaced.event_key = changed.event_key
