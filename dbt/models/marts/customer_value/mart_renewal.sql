-- One row per customer and day with orders: whether the customer ordered again in time. Said when
-- the time is over and dated by that day, also where the order came early: counting only the quick
-- ones among the young would flatter the share. High value: the customer's orders up to that day.
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

    select
        max(case when threshold_id = 'renewal_window_days' then threshold_value end)
            as window_days,
        max(
            case
                when threshold_id = 'high_value_customer_amount' and unit = 'CNY'
                    then threshold_value
            end
        ) as high_value_cny
    from {{ ref('int_rules__thresholds') }}

),

followed as (

    select
        order_days.*,
        rules.high_value_cny,
        {{ add_days('order_days.order_date', 'rules.window_days') }} as window_end_date,
        lead(order_days.order_date) over (
            partition by order_days.customer_id order by order_days.order_date asc nulls last
        ) as next_order_date,
        sum(order_days.value_cny) over (
            partition by order_days.customer_id
            order by order_days.order_date asc nulls last
            rows between unbounded preceding and current row
        ) as known_value_cny,
        sum(case when order_days.value_cny is null then 1 else 0 end) over (
            partition by order_days.customer_id
            order by order_days.order_date asc nulls last
            rows between unbounded preceding and current row
        ) as count_unknown
    from order_days
    cross join rules

),

judged as (

    select
        *,
        case when count_unknown = 0 then known_value_cny end as value_to_date_cny,
        window_end_date <= {{ as_of_date() }} as is_decided
    from followed

)

select
    judged.customer_id || ':' || {{ format_date('judged.order_date', '%Y%m%d') }} as renewal_id,
    customers.owner_rep_id as rep_id,
    reps.rep_name,
    reps.team_name,
    customers.industry,
    customers.region,
    judged.customer_id,
    customers.customer_name,
    judged.order_date,
    judged.count_orders,
    judged.value_cny,
    judged.value_to_date_cny,
    coalesce(judged.value_to_date_cny >= judged.high_value_cny, false) as is_high_value,
    judged.window_end_date,
    judged.next_order_date,
    case when judged.is_decided then judged.window_end_date end as period_date,
    judged.is_decided,
    case
        when judged.is_decided
            then coalesce(judged.next_order_date <= judged.window_end_date, false)
    end as is_renewed
from judged
left join customers on judged.customer_id = customers.customer_id
left join reps on customers.owner_rep_id = reps.rep_id
