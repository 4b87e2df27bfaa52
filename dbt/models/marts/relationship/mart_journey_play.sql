-- One row per quadrant of depth and breadth: the play for its customers, how many there are, and
-- what has happened with those that were in it four weeks ago.
with

plays as (

    select * from {{ ref('int_relationship__plays') }}

),

definitions as (

    select * from {{ ref('int_relationship__definitions') }}
    where is_current

),

limits as (

    select cast(max(threshold_value) as bigint) as comparison_days
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'relationship_comparison_days'

),

customers as (

    select
        customer_id,
        coalesce(quadrant, 'unknown') as quadrant,
        last_touch_at
    from {{ ref('mart_relationship_account') }}

),

now_counts as (

    select
        customers.quadrant,
        count(*) as count_customers,
        count(
            case
                when
                    cast(customers.last_touch_at as date)
                    > {{ add_days(as_of_date(), '-limits.comparison_days') }}
                    then 1
            end
        ) as count_touched
    from customers
    cross join limits
    group by customers.quadrant

),

earlier as (

    select
        indices.customer_id,
        coalesce(indices.quadrant, 'unknown') as quadrant
    from {{ ref('fct_relationship_index_day') }} as indices
    inner join limits
        on indices.index_date = {{ add_days(as_of_date(), '-limits.comparison_days') }}
    where indices.basis = 'as_defined'

),

moves as (

    select
        earlier.quadrant,
        count(*) as count_customers_4w_ago,
        count(case when customers.quadrant <> earlier.quadrant then 1 end) as count_moved_since
    from earlier
    inner join customers on earlier.customer_id = customers.customer_id
    group by earlier.quadrant

)

select
    plays.play_id,
    plays.quadrant,
    plays.name_en,
    plays.name_zh,
    plays.play_en,
    plays.play_zh,
    coalesce(now_counts.count_customers, 0) as count_customers,
    coalesce(now_counts.count_touched, 0) as count_touched,
    coalesce(moves.count_customers_4w_ago, 0) as count_customers_4w_ago,
    coalesce(moves.count_moved_since, 0) as count_moved_since,
    definitions.depth_limit_points,
    definitions.breadth_limit_points
from plays
cross join definitions
left join now_counts on plays.quadrant = now_counts.quadrant
left join moves on plays.quadrant = moves.quadrant
