-- What: the lines and net amounts of mart_order are those of mart_order_line, for orders with an
-- amount (one currency).
-- Why: order value is shown both by order and by line; the two must be one figure.
with

orders as (

    select
        coalesce(sum(count_lines), 0) as count_lines,
        coalesce(sum(net_amount), 0) as net_amount
    from {{ ref('mart_order') }}
    where net_amount is not null

),

lines as (

    select
        count(*) as count_lines,
        coalesce(sum(order_lines.net_amount), 0) as net_amount
    from {{ ref('mart_order_line') }} as order_lines
    where order_lines.order_id in (
        select known.order_id
        from {{ ref('mart_order') }} as known
        where known.net_amount is not null
    )

)

select
    orders.count_lines as order_count_lines,
    lines.count_lines,
    orders.net_amount as order_net_amount,
    lines.net_amount
from orders
cross join lines
where
    orders.count_lines <> lines.count_lines
    or abs(orders.net_amount - lines.net_amount) > 0.000001 * greatest(1, abs(lines.net_amount))
