-- One row per act that has come since the last build and one per act that has gone; an act that is
-- another than before has both. Every act where the graph is made anew.
{{ config(materialized='table', tags=['graph']) }}
{%- set said = [
    'act_object', 'from_customer_id', 'to_customer_id', 'from_customer_number',
    'to_customer_number', 'from_person_id', 'to_person_id', 'to_decision_level', 'occurred_at',
    'dropped_reason'
] %}
with

found as (

    select * from {{ ref('int_graph__found_acts') }}

),

built as (

    {{ built_graph_rows('int_graph__acts', {
        'edge_type': 'string', 'act_object': 'string', 'act_id': 'string',
        'from_customer_id': 'string', 'to_customer_id': 'string', 'from_customer_number': 'int',
        'to_customer_number': 'int', 'from_person_id': 'string', 'to_person_id': 'string',
        'to_decision_level': 'string', 'occurred_at': 'timestamp', 'dropped_reason': 'string'
    }) }}

),

days as (

    select
        part_kind,
        part_date
    from {{ ref('int_graph__changed_parts') }}

),

-- Of a day that has not changed the same acts are found as before, placed otherwise or not.
replaced as (

    select *
    from built
    where
        (edge_type, cast(occurred_at as date)) in (
            select
                days.part_kind,
                days.part_date
            from days
        )
        or (edge_type, act_id) in (
            select
                found.edge_type,
                found.act_id
            from found
        )

)

select
    found.edge_type,
    found.act_object,
    found.act_id,
    found.from_customer_id,
    found.to_customer_id,
    found.from_customer_number,
    found.to_customer_number,
    found.from_person_id,
    found.to_person_id,
    found.to_decision_level,
    found.occurred_at,
    found.dropped_reason,
    false as is_gone
from found
left join replaced
    on found.edge_type = replaced.edge_type and found.act_id = replaced.act_id
where
    replaced.act_id is null
    {%- for column in said %}
        or found.{{ column }} is distinct from replaced.{{ column }}
    {%- endfor %}
union all
select
    replaced.edge_type,
    replaced.act_object,
    replaced.act_id,
    replaced.from_customer_id,
    replaced.to_customer_id,
    replaced.from_customer_number,
    replaced.to_customer_number,
    replaced.from_person_id,
    replaced.to_person_id,
    replaced.to_decision_level,
    replaced.occurred_at,
    replaced.dropped_reason,
    true as is_gone
from replaced
left join found
    on replaced.edge_type = found.edge_type and replaced.act_id = found.act_id
where
    found.act_id is null
    {%- for column in said %}
        or found.{{ column }} is distinct from replaced.{{ column }}
    {%- endfor %}
