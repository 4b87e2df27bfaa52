-- One row per draw and lag in weeks: how well what commerce attains follows, that many weeks later,
-- what the organisation attains in the order of that draw. Two series that both grow go together at
-- any lag, so the association is the partial correlation given time. Of draw 0, which is what
-- happened, the best lag is marked; the other draws have lags above 0 only.
{{ config(materialized='table') }}
with

series as (

    select * from {{ ref('int_proof__lead_lag_series') }}

),

leading_series as (

    select * from {{ ref('int_proof__lead_lag_orders') }}

),

limits as (

    select threshold_value as max_weeks
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'lead_lag_max_weeks'

),

numbers as (

    select
        cast(row_number() over (order by calendar.date_day asc nulls last) - 1 as bigint)
            as number_value
    from {{ ref('dim_date') }} as calendar

),

lags as (

    select numbers.number_value - cast(limits.max_weeks as bigint) as lag_weeks
    from numbers
    cross join limits
    where numbers.number_value <= 2 * limits.max_weeks

),

sums_by_draw as (

    select
        leading_series.draw_number,
        lags.lag_weeks,
        {{ pair_sums(
            'leading_series.leading_points',
            'series.following_signal_points',
            'cast(leading_series.week_number as double)'
        ) }}
    from leading_series
    inner join lags on leading_series.draw_number = 0 or lags.lag_weeks > 0
    inner join series on leading_series.week_number + lags.lag_weeks = series.week_number
    group by leading_series.draw_number, lags.lag_weeks

),

associations as (

    select
        draw_number,
        lag_weeks,
        count_pairs,
        sum_xx,
        sum_xy,
        sum_xt,
        sum_yt,
        sum_tt,
        {{ partial_correlation() }} as association
    from sums_by_draw

)

select
    *,
    row_number() over (
        partition by draw_number
        order by association desc nulls last, abs(lag_weeks) asc nulls last, lag_weeks desc
    ) = 1 and association is not null and draw_number = 0 as is_best
from associations
