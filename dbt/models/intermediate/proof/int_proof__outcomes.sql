-- One row per outcome that a score is held against: whose, and on which day.
with

opportunities as (

    select * from {{ ref('fct_opportunity') }}

),

customers as (

    select
        account_id,
        customer_id
    from {{ ref('bridge_account_customer') }}

),

health_weeks as (

    select
        week_start,
        attainment_points,
        lag(attainment_points, 13) over (order by week_start asc nulls last)
            as attainment_points_before,
        lag(week_start, 13) over (order by week_start asc nulls last) as week_start_before
    from {{ ref('mart_scorecard_family_week') }}
    where family = 'commercial'

),

account_outcomes as (

    select
        'opportunity_created' as outcome,
        account_id,
        cast(created_at as date) as outcome_date
    from opportunities
    union all
    select
        'opportunity_won' as outcome,
        account_id,
        cast(closed_at as date) as outcome_date
    from opportunities
    where is_won
    union all
    select
        'order_or_win' as outcome,
        account_id,
        cast(closed_at as date) as outcome_date
    from opportunities
    where is_won
    union all
    select
        'order_or_win' as outcome,
        account_id,
        cast(ordered_at as date) as outcome_date
    from {{ ref('fct_order') }}

)

select
    tests.score_id,
    case
        when tests.score_id = 'intent' then account_outcomes.account_id
        else customers.customer_id
    end as subject_id,
    account_outcomes.outcome_date
from {{ ref('score_backtest') }} as tests
inner join account_outcomes on tests.outcome = account_outcomes.outcome
left join customers on account_outcomes.account_id = customers.account_id
where account_outcomes.outcome_date is not null and account_outcomes.account_id is not null
union all
select
    tests.score_id,
    'week:' || {{ format_date('health_weeks.week_start_before', '%Y-%m-%d') }} as subject_id,
    {{ add_days('health_weeks.week_start', 6) }} as outcome_date
from {{ ref('score_backtest') }} as tests
inner join health_weeks
    on
        tests.outcome = 'commercial_gain'
        and health_weeks.attainment_points > health_weeks.attainment_points_before
