-- One row per act that has come since the last build and one per act that has gone; an act that is
-- another than before has both. Every act where the graph is made anew.
{{ config(materialized='table' if replaces_days() else 'view', tags=['graph']) }}
{%- set values = [
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

    select built.*
    from built
    where
        (built.edge_type, cast(built.occurred_at as date))
        in (select days.part_kind, days.part_date from days)
        or (built.edge_type, built.act_id) in (select found.edge_type, found.act_id from found)

)

{%- for now, before in [('found', 'replaced'), ('replaced', 'found')] %}
select
    {{ now }}.*,
    {{ 'true' if now == 'replaced' else 'false' }} as is_gone
from {{ now }}
left join {{ before }}
    on {{ now }}.edge_type = {{ before }}.edge_type and {{ now }}.act_id = {{ before }}.act_id
where
    {{ before }}.act_id is null
    {%- for value in values %}
    or {{ now }}.{{ value }} is distinct from {{ before }}.{{ value }}
    {%- endfor %}
{{ 'union all' if not loop.last }}
{%- endfor %}
