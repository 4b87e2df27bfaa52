-- One row per customer: a number for all that it reaches by influence, whatever the day.
{{ config(
    materialized=keys_materialization(),
    meta=graph_keys('customer_id', 'int_graph__changed_sources'),
    tags=['graph']
) }}
-- depends_on: {{ ref('int_graph__changed_sources') }}
select
    customer_id,
    cast(sum({{ reach_number() }}) as bigint) as reach_number
from {{ ref('fct_influence_reach_day') }}
where {{ is_changed_key('customer_id') }}
group by customer_id
