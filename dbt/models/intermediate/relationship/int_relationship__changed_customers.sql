-- One row per customer whose indices of the days before the last build have to be made again: what
-- they rest on has changed since, or the customer is new or gone.
{{ config(materialized='table') }}
with

customers as (

    select
        customer_id,
        state_before
    from {{ ref('int_relationship__customer_states') }}

),

built as (

    {{ built_relationship_customers() }}

)

select coalesce(customers.customer_id, built.customer_id) as customer_id
from customers
full outer join built on customers.customer_id = built.customer_id
where customers.state_before is distinct from built.state_now
