-- One row per customer with an order: what it ordered within a year of its first order on record.
-- Said when that year is over, and dated by that day.
with

order_days as (

    select * from {{ ref('int_orders__customer_days') }}

),

customers as (

    select * from {{ ref('dim_customer') }}

),

reps as (

    select * from {{ ref('dim_rep') }}

),

rules as (

    select max(threshold_value) as value_days
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'customer_value_days'

),

firsts as (

    select
        order_days.customer_id,
        min(order_days.order_date) as first_order_date,
        max(order_days.order_date) as last_order_date
    from order_days
    group by order_days.customer_id

),

spans as (

    select
        firsts.*,
        {{ add_days('firsts.first_order_date', 'rules.value_days') }} as window_end_date
    from firsts
    cross join rules

),

summed as (

    select
        spans.customer_id,
        spans.first_order_date,
        spans.last_order_date,
        spans.window_end_date,
        spans.window_end_date <= {{ as_of_date() }} as is_value_decided,
        cast(sum(order_days.count_orders) as bigint) as count_orders,
        case when count(*) = count(order_days.value_cny) then sum(order_days.value_cny) end
            as value_cny
    from spans
    inner join order_days
        on
            spans.customer_id = order_days.customer_id
            and spans.window_end_date > order_days.order_date
    group by
        spans.customer_id,
        spans.first_order_date,
        spans.last_order_date,
        spans.window_end_date

)

select
    summed.customer_id,
    customers.customer_name,
    customers.owner_rep_id as rep_id,
    reps.rep_name,
    reps.team_name,
    customers.industry,
    customers.region,
    summed.first_order_date,
    summed.last_order_date,
    summed.window_end_date,
    case when summed.is_value_decided then summed.window_end_date end as period_date,
    summed.is_value_decided,
    summed.count_orders,
    case when summed.is_value_decided then summed.value_cny end as lifetime_value_cny,
    'CNY' as currency
from summed
left join customers on summed.customer_id = customers.customer_id
left join reps on customers.owner_rep_id = reps.rep_id
