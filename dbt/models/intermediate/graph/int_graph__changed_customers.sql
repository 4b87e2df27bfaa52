-- One row per customer that is new, gone or of another industry than in the last build, or of which
-- the graph is made anew: its number. Numbers stay for as long as rows are replaced.
{{ config(materialized='table', tags=['graph']) }}
-- depends_on: {{ ref('int_graph__build') }}
with

customers as (

    select
        customer_id,
        industry
    from {{ ref('dim_customer') }}

),

built as (

    {{ built_graph_rows('int_graph__customers', {
        'customer_id': 'string', 'customer_number': 'int', 'industry': 'string'
    }) }}

),

known as (

    select coalesce(max(customer_number), 0) as last_number
    from built

),

changed as (

    select
        coalesce(customers.customer_id, built.customer_id) as customer_id,
        built.customer_number,
        customers.industry,
        customers.customer_id is null as is_gone
    from customers
    full outer join built on customers.customer_id = built.customer_id
    where
        customers.customer_id is null
        or built.customer_id is null
        or customers.industry is distinct from built.industry

)

select
    changed.customer_id,
    cast(
        coalesce(
            changed.customer_number,
            known.last_number + row_number() over (
                partition by changed.customer_number
                order by changed.customer_id asc nulls last
            )
        ) as int
    ) as customer_number,
    changed.industry,
    changed.is_gone
from changed
cross join known
