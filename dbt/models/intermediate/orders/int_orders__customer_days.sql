-- One row per customer and day with orders: what they were worth in CNY. Unknown where a line's
-- currency has no rate or an order has no line; cancelled orders are left out.
{{ config(materialized='table') }}
with

orders as (

    select
        orders.order_id,
        orders.currency,
        cast(orders.ordered_at as date) as order_date,
        coalesce(bridge.customer_id, orders.account_id) as customer_id
    from {{ ref('fct_order') }} as orders
    left join {{ ref('bridge_account_customer') }} as bridge
        on orders.account_id = bridge.account_id
    where
        orders.account_id is not null
        and orders.ordered_at < {{ as_of_end() }}
        and coalesce(orders.order_status, 'open') <> 'cancelled'

),

order_lines as (

    select * from {{ ref('fct_order_line') }}

),

valued as (

    select
        orders.customer_id,
        orders.order_date,
        orders.order_id,
        order_lines.net_amount * rates.cny_per as value_cny
    from orders
    left join order_lines on orders.order_id = order_lines.order_id
    left join {{ ref('int_rules__currency_rates') }} as rates
        on
            coalesce(order_lines.currency, orders.currency) = rates.currency
            and orders.order_date >= rates.valid_from
            and orders.order_date < coalesce(rates.valid_until, date '9999-12-31')

)

select
    customer_id,
    order_date,
    count(distinct order_id) as count_orders,
    case when count(*) = count(value_cny) then sum(value_cny) end as value_cny
from valued
group by customer_id, order_date
