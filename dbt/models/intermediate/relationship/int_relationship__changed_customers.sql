-- One row per customer whose indices have to be made again: what they rest on has changed since the
-- last build, or the customer is new or gone. All days up to the last of that build, or that only.
-- What a build found and did not come to make stays here for the next one.
{{ config(materialized='table') }}
-- depends_on: {{ ref('int_relationship__customer_records') }}
with

customers as (

    select
        customer_id,
        number_before,
        last_day_before
    from {{ ref('int_relationship__customer_states') }}

),

built as (

    {{ rows_kept_in('int_relationship__built_customers', {
        'customer_id': 'string', 'number_now': 'bigint', 'last_day_now': 'bigint'
    }) }}

),

found as (

    select
        coalesce(customers.customer_id, built.customer_id) as customer_id,
        coalesce(customers.number_before = built.number_now, false) as is_last_day_only
    from customers
    full outer join built on customers.customer_id = built.customer_id
    where
        customers.number_before is distinct from built.number_now
        or customers.last_day_before is distinct from built.last_day_now
    union all
    select
        customer_id,
        is_last_day_only
    from (
        {{ customers_of_changed_records() }}
    ) as touched
    union all
    select
        customer_id,
        is_last_day_only
    from (
        {{ rows_kept_in('int_relationship__changed_customers', {
            'customer_id': 'string', 'is_last_day_only': 'boolean'
        }) }}
    ) as unfinished

)

select
    customer_id,
    min(case when is_last_day_only then 1 else 0 end) = 1 as is_last_day_only
from found
group by customer_id
