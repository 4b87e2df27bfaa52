-- One row per customer: the number that stands for it inside the graph, in one build. Edges and
-- ways are made by the million, and numbers cost a fraction of what ids cost to join and to store.
{{ config(materialized='table') }}
select
    customer_id,
    cast(row_number() over (order by customer_id asc nulls last) as int) as customer_number
from {{ ref('dim_customer') }}
