-- One row per order line.
with

lines as (

    select * from {{ ref('fct_order_line') }}

),

orders as (

    select * from {{ ref('int_selling__order_dimensions') }}

),

products as (

    select * from {{ ref('dim_product') }}

)

select
    lines.order_line_id,
    lines.order_id,
    lines.source_system,
    orders.rep_id,
    orders.rep_name,
    orders.team_name,
    orders.industry,
    orders.region,
    orders.channel,
    coalesce(products.product_line, orders.product_line) as product_line,
    orders.account_id,
    orders.account_name,
    orders.account_id as customer_id,
    orders.account_id is not null as has_customer,
    orders.period_date,
    lines.product_id,
    coalesce(lines.product_name, products.product_name) as product_name,
    lines.quantity,
    lines.unit_price,
    lines.net_amount,
    coalesce(lines.currency, orders.currency) as currency,
    lines.is_cancellation,
    lines.is_cancellation is not null as is_cancellation_known,
    orders.country,
    orders.order_status,
    orders.ordered_at
from lines
left join orders on lines.order_id = orders.order_id
left join products on lines.product_id = products.product_id
