-- One row per customer whose ways, or what they reach, are others than in the last build; everybody
-- who has any where the graph is made anew. What was reached before the first day that is another
-- is as it was.
{{ config(materialized='table', tags=['graph']) }}
with

built_paths as (

    {{ built_graph_rows('int_graph__paths', {
        'source_customer_number': 'int', 'target_customer_number': 'int'
    }) }}

),

changed_sources as (

    select
        source_customer_number,
        changed_date
    from {{ ref('int_graph__changed_ways') }}
    union all
    select
        built_paths.source_customer_number,
        date '0001-01-01' as changed_date
    from built_paths
    inner join {{ ref('int_graph__changed_customers') }} as customers
        on built_paths.target_customer_number = customers.customer_number

),

known_customers as (

    select
        customer_number,
        customer_id
    from {{ ref('int_graph__customers') }}
    union all
    select
        customer_number,
        customer_id
    from {{ ref('int_graph__changed_customers') }}
    where is_gone

)

select
    changed_sources.source_customer_number,
    known_customers.customer_id,
    min(changed_sources.changed_date) as since_date
from changed_sources
inner join known_customers
    on changed_sources.source_customer_number = known_customers.customer_number
group by changed_sources.source_customer_number, known_customers.customer_id
