-- One row per customer: the number that stands for it inside the graph. Edges and ways are made by
-- the million, and numbers cost a fraction of what ids cost to join and to store.
{{ config(
    materialized=keys_materialization(),
    meta=graph_keys('customer_id', 'int_graph__changed_customers'),
    tags=['graph']
) }}
select
    customer_id,
    customer_number,
    industry
from {{ ref('int_graph__changed_customers') }}
where {{ is_changed_key('customer_id') }} and not is_gone
