-- One row per family of the scorecard, and one for the whole (`all`), and week: the weighted mean
-- of what its known metrics have attained, and how much of its weight is known.
with

metrics as (

    select * from {{ ref('mart_scorecard_metric_week') }}

),

family_weights as (

    select
        replace(threshold_id, 'scorecard_weight_', '') as family, -- noqa: RF04
        threshold_value as family_weight
    from {{ ref('int_rules__thresholds') }}
    where
        threshold_id in (
            'scorecard_weight_technical',
            'scorecard_weight_organisational',
            'scorecard_weight_commercial'
        )

),

families as (

    select
        family,
        week_start,
        100 * {{ safe_ratio(
            'sum(weight_ratio * attainment_ratio)',
            'sum(case when is_unknown then 0 else weight_ratio end)'
        ) }} as attainment_points,
        {{ safe_ratio(
            'sum(case when is_unknown then 0 else weight_ratio end)', 'sum(weight_ratio)'
        ) }} as coverage_ratio,
        count(case when not is_unknown then 1 end) as count_metrics_known,
        count(*) as count_metrics,
        max(case when is_definition_change then 1 else 0 end) = 1 as has_definition_change
    from metrics
    group by family, week_start

),

weighted as (

    select
        families.*,
        family_weights.family_weight
    from families
    inner join family_weights on families.family = family_weights.family

),

everything as (

    select
        family,
        week_start,
        attainment_points,
        coverage_ratio,
        count_metrics_known,
        count_metrics,
        has_definition_change
    from families
    union all
    select
        'all' as family, -- noqa: RF04
        week_start,
        {{ safe_ratio(
            'sum(family_weight * attainment_points)',
            'sum(case when attainment_points is not null then family_weight end)'
        ) }} as attainment_points,
        {{ safe_ratio('sum(family_weight * coverage_ratio)', 'sum(family_weight)') }}
            as coverage_ratio,
        sum(count_metrics_known) as count_metrics_known,
        sum(count_metrics) as count_metrics,
        max(case when has_definition_change then 1 else 0 end) = 1 as has_definition_change
    from weighted
    group by week_start

)

select
    family || ':' || {{ format_date('week_start', '%Y%m%d') }} as family_week_id,
    family,
    week_start,
    attainment_points,
    coverage_ratio,
    attainment_points - lag(attainment_points) over (
        partition by family order by week_start asc nulls last
    ) as change_points,
    attainment_points - lag(attainment_points, 12) over (
        partition by family order by week_start asc nulls last
    ) as change_12_weeks_points,
    cast(count_metrics_known as bigint) as count_metrics_known,
    cast(count_metrics as bigint) as count_metrics,
    has_definition_change
from everything
