-- One row per order line.
with

lines as (

    select * from {{ ref('int_canonical__order_lines') }}

)

select
    order_line_id,
    source_system,
    order_id,
    product_id,
    product_name,
    quantity,
    unit_price,
    coalesce(net_amount, quantity * unit_price) as net_amount,
    currency,
    is_cancellation,
    first_loaded_at,
    loaded_at
from lines
