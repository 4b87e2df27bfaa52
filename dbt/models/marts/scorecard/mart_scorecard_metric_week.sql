-- One row per scorecard metric and whole week since the first week in which any metric is known:
-- its value, how far it has come on the way that its rule row describes, and what that adds to its
-- family and to the whole. Unknown metrics stand apart: they neither add nor count as zero.
with

computed as (

    select * from {{ ref('int_scorecard__metric_values') }}

),

rules as (

    select * from {{ ref('scorecard_metric') }}

),

catalogue as (

    select * from {{ ref('metric_catalogue') }}

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

joined as (

    select
        computed.metric_id,
        computed.rule_version,
        computed.week_start,
        computed.window_start,
        computed.window_end,
        computed.numerator,
        computed.denominator,
        computed.count_known,
        computed.count_rows,
        computed.missing_objects,
        computed.problem_en,
        computed.problem_zh,
        computed.last_date,
        rules.family,
        rules.scale,
        cast(rules.base as double) as base,
        cast(rules.target as double) as target, -- noqa: RF04
        cast(rules.benchmark_2023 as double) as benchmark_2023,
        cast(rules.benchmark_2026 as double) as benchmark_2026,
        cast(rules.weight as double) as weight,
        family_weights.family_weight,
        catalogue.direction,
        case
            when computed.problem_en is not null then 'definition'
            when
                computed.missing_objects is not null
                or (computed.count_mart_rows = 0 and not computed.is_own_finding)
                then 'no_source'
            when computed.last_date is null and computed.count_mart_rows > 0
                then 'before_first_row'
            when
                {{ add_days('computed.last_date', '7 * rules.silent_weeks') }}
                <= computed.window_end
                then 'silent'
            when
                computed.metric_value is null
                and not computed.is_zero_when_empty
                and computed.count_window_rows > 0
                then 'undecided'
            when computed.metric_value is null and not computed.is_zero_when_empty then 'no_rows'
        end as reason,
        case
            when computed.is_zero_when_empty
                then coalesce(computed.metric_value, cast(0 as double))
            else computed.metric_value
        end as metric_value
    from computed
    inner join rules
        on computed.metric_id = rules.metric_id and computed.rule_version = rules.version
    left join family_weights on rules.family = family_weights.family
    left join catalogue on computed.metric_id = catalogue.metric_id

),

known_values as (

    select
        *,
        case when reason is null then metric_value end as known_value,
        case when base > 0 then base end as base_above_0,
        case when target > 0 then target end as target_above_0
    from joined

),

placed as (

    select
        *,
        case
            when known_value is null then cast(null as double)
            when scale = 'base_to_target'
                then {{ safe_ratio('(known_value - base)', '(target - base)') }}
            when scale = 'logarithmic' and known_value <= 0
                then case when target < base then cast(1 as double) else cast(0 as double) end
            when scale = 'logarithmic'
                then
                    {{ safe_ratio(
                        'ln(known_value) - ln(base_above_0)', 'ln(target_above_0) - ln(base_above_0)'
                    ) }}
            when direction = 'down' and known_value <= target then cast(1 as double)
            when direction = 'down' then {{ safe_ratio('target', 'known_value') }}
            else {{ safe_ratio('known_value', 'target') }}
        end as way_ratio
    from known_values

),

attained as (

    select
        *,
        case when reason is null and way_ratio is null then 'no_scale' else reason end
            as unknown_reason,
        case
            when way_ratio is not null
                then greatest(least(way_ratio, cast(1 as double)), cast(0 as double))
        end as attainment_ratio
    from placed

),

weighted as (

    select
        *,
        case when attainment_ratio is not null then weight else cast(0 as double) end
            as known_weight
    from attained

),

family_sums as (

    select
        family,
        week_start,
        max(family_weight) as family_weight,
        sum(weight) as all_weight,
        sum(known_weight) as known_weight
    from weighted
    group by family, week_start

),

whole_sums as (

    select
        week_start,
        sum(case when known_weight > 0 then family_weight else 0 end) as known_family_weight
    from family_sums
    group by week_start

),

first_known as (

    select min(week_start) as week_start
    from weighted
    where attainment_ratio is not null

),

shared as (

    select
        weighted.*,
        {{ safe_ratio('weighted.weight', 'family_sums.all_weight') }} as weight_ratio,
        {{ safe_ratio(
            '100 * weighted.weight * weighted.attainment_ratio', 'family_sums.known_weight'
        ) }} as family_contribution_points,
        {{ safe_ratio('weighted.family_weight', 'whole_sums.known_family_weight') }}
            as family_share_ratio,
        lag(weighted.rule_version) over (
            partition by weighted.metric_id order by weighted.week_start asc nulls last
        ) as rule_version_before
    from weighted
    inner join family_sums
        on
            weighted.family = family_sums.family
            and weighted.week_start = family_sums.week_start
    inner join whole_sums on weighted.week_start = whole_sums.week_start
    inner join first_known on weighted.week_start >= first_known.week_start

),

totalled as (

    select
        *,
        family_contribution_points * family_share_ratio as total_contribution_points
    from shared

),

compared as (

    select
        *,
        lag(week_start) over (
            partition by metric_id order by week_start asc nulls last
        ) is not null as has_week_before,
        coalesce(
            lag(family_contribution_points) over (
                partition by metric_id order by week_start asc nulls last
            ), 0
        ) as family_points_before,
        coalesce(
            lag(total_contribution_points) over (
                partition by metric_id order by week_start asc nulls last
            ), 0
        ) as total_points_before
    from totalled

)

select
    metric_id || ':' || {{ format_date('week_start', '%Y%m%d') }} as scorecard_metric_week_id,
    metric_id,
    family,
    week_start,
    window_start,
    window_end,
    known_value as value, -- noqa: RF04
    case when known_value is not null then numerator end as numerator,
    case when known_value is not null then denominator end as denominator,
    count_rows,
    count_known,
    base,
    target,
    benchmark_2023,
    benchmark_2026,
    attainment_ratio,
    weight_ratio,
    family_contribution_points,
    total_contribution_points,
    -- What appears or vanishes moves the score as much as what improves.
    case
        when has_week_before then coalesce(family_contribution_points, 0) - family_points_before
    end as contribution_change_points,
    case
        when has_week_before then coalesce(total_contribution_points, 0) - total_points_before
    end as total_change_points,
    attainment_ratio is null as is_unknown,
    unknown_reason,
    case unknown_reason
        when 'definition' then problem_en
        when 'no_source'
            then
                coalesce('No source delivers ' || missing_objects, 'No source delivers its rows')
        when 'before_first_row' then 'The data begin later'
        when 'silent'
            then
                'No row since ' || {{ format_date('last_date', '%Y-%m-%d') }}
                || ': the source may have stopped'
        when 'undecided' then 'No row of these weeks can be judged (yet)'
        when 'no_rows' then 'No row in these weeks'
        when 'no_scale' then 'Base and target leave no way to measure'
    end as unknown_reason_en,
    case unknown_reason
        when 'definition' then problem_zh
        when 'no_source'
            then coalesce('没有来源提供 ' || missing_objects, '没有来源提供所需数据')
        when 'before_first_row' then '数据起始日期更晚'
        when 'silent'
            then
                '自 ' || {{ format_date('last_date', '%Y-%m-%d') }} || ' 起没有新数据，来源可能已中断'
        when 'undecided' then '这几周的数据行(尚)无法判定'
        when 'no_rows' then '这几周没有数据行'
        when 'no_scale' then '基准值与目标值无法构成衡量区间'
    end as unknown_reason_zh,
    cast(rule_version as string) as metric_version,
    coalesce(rule_version <> rule_version_before, false) as is_definition_change
from compared
