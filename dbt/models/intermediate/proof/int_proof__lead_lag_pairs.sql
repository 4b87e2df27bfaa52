-- One row per week of the organisation and the one of commerce that lies the best lag later: what
-- commerce had attained then, and what the line through all pairs says.
{{ config(materialized='table') }}
with

series as (

    select * from {{ ref('int_proof__lead_lag_series') }}

),

leading_series as (

    select * from {{ ref('int_proof__lead_lag_orders') }}

),

associations as (

    select * from {{ ref('int_proof__lead_lag_associations') }}

),

best as (

    select
        lag_weeks,
        sum_xt,
        sum_yt,
        sum_tt,
        {{ safe_ratio(
            'sum_xy - ' ~ safe_ratio('sum_xt * sum_yt', 'sum_tt'),
            'sum_xx - ' ~ safe_ratio('sum_xt * sum_xt', 'sum_tt')
        ) }} as slope
    from associations
    where is_best

),

fitted_parts as (

    select
        lag_weeks,
        slope,
        {{ safe_ratio('sum_yt - slope * sum_xt', 'sum_tt') }} as drift
    from best

)

select
    leading_series.week_number,
    leading_series.week_number + fitted_parts.lag_weeks as following_week,
    series.following_signal_points as following_points,
    fitted_parts.slope * leading_series.leading_points
    + fitted_parts.drift * leading_series.week_number as fitted_change,
    avg(
        cast(series.following_signal_points as double)
        - fitted_parts.slope * leading_series.leading_points
        - fitted_parts.drift * leading_series.week_number
    ) over () as level_points,
    row_number() over (order by leading_series.week_number asc nulls last) - 1 as pair_number,
    count(*) over () as count_pairs
from leading_series
cross join fitted_parts
inner join series
    on leading_series.week_number + fitted_parts.lag_weeks = series.week_number
where leading_series.draw_number = 0
