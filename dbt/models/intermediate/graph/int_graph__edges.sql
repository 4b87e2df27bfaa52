-- One row per edge, period of the rules and number of acts that counts in it: when that number
-- was reached, if it was.
{{ config(
    materialized=keys_materialization(),
    meta=graph_keys(
        '(rule_number, from_customer_number, to_customer_number)', 'int_graph__changed_edges'
    ),
    tags=['graph']
) }}
-- depends_on: {{ ref('int_graph__changed_sources') }}
select
    rule_number,
    from_customer_number,
    to_customer_number,
    count_events,
    first_at,
    last_at,
    passed_at,
    executive_at,
    director_at,
    manager_at,
    practitioner_at
from {{ ref('int_graph__changed_edges') }}
where
    {{ is_changed_key('(rule_number, from_customer_number, to_customer_number)') }}
    and not is_gone
