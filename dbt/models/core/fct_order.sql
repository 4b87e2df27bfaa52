-- One row per order.
with

orders as (

    select * from {{ ref('int_canonical__orders') }}

)

select
    order_id,
    source_system,
    account_id,
    opportunity_id,
    order_status,
    currency,
    country,
    ordered_at,
    promised_at,
    is_typed_by_hand,
    first_loaded_at,
    loaded_at
from orders
