-- One row per product.
with

products as (

    select * from {{ ref('int_canonical__products') }}

)

select
    product_id,
    source_system,
    product_name,
    product_line,
    list_price,
    currency,
    unit_cost,
    is_active,
    first_loaded_at,
    loaded_at
from products
