-- One row per order.
with

orders as (

    select * from {{ ref('int_selling__order_dimensions') }}

),

lines as (

    select * from {{ ref('fct_order_line') }}

),

totals as (

    select
        order_id,
        count(*) as count_lines,
        -- Amounts of different currencies are never added.
        case when count(distinct currency) <= 1 then sum(net_amount) end as net_amount,
        case when count(distinct currency) = 1 then min(currency) end as currency,
        min(case when is_cancellation then 1 when not is_cancellation then 0 end)
            as is_cancellation_number
    from lines
    group by order_id

)

select
    orders.order_id,
    orders.source_system,
    orders.rep_id,
    orders.rep_name,
    orders.team_name,
    orders.industry,
    orders.region,
    orders.channel,
    orders.product_line,
    orders.account_id,
    orders.account_name,
    orders.account_id as customer_id,
    orders.account_id is not null as has_customer,
    orders.period_date,
    orders.order_status,
    totals.count_lines,
    totals.net_amount,
    coalesce(orders.currency, totals.currency) as currency,
    totals.is_cancellation_number = 1 as is_cancellation,
    orders.country,
    orders.ordered_at,
    orders.promised_at,
    orders.is_typed_by_hand,
    {{ date_month('orders.ordered_at') }} as cohort_month
from orders
left join totals on orders.order_id = totals.order_id
