-- One row per score and segment: whether the score said anything about what happened. How sure the
-- lift is comes from leaving out one in sixteen subjects at a time (a subject is scored on several
-- days, which are no independent cases). Too few outcomes say nothing; a score that knew what
-- nobody could know yet is refused.
with

subjects as (

    select * from {{ ref('int_proof__backtest_subjects') }}

),

deciles as (

    select * from {{ ref('mart_score_backtest') }}

),

tests as (

    select * from {{ ref('score_backtest') }}

),

totals as (

    select
        subjects.score_id,
        subjects.segment,
        count(*) as count_subjects,
        sum(subjects.count_outcomes) as count_outcomes,
        count(case when subjects.decile = 1 then 1 end) as count_top,
        sum(case when subjects.decile = 1 then subjects.count_outcomes end) as count_top_outcomes,
        count(case when subjects.score_rank <= tests.top_n then 1 end) as count_first,
        sum(case when subjects.score_rank <= tests.top_n then subjects.count_outcomes end)
            as count_first_outcomes,
        count(case when subjects.has_later_rows then 1 end) as count_refused,
        min(subjects.cutoff_date) as first_day,
        max(subjects.cutoff_date) as last_day
    from subjects
    inner join tests on subjects.score_id = tests.score_id
    group by subjects.score_id, subjects.segment

),

refused as (

    select
        score_id,
        max(count_refused) as count_refused
    from totals
    group by score_id

),

sixteenths as (

    select
        score_id,
        segment,
        jackknife_group,
        count(*) as count_subjects,
        sum(count_outcomes) as count_outcomes,
        count(case when decile = 1 then 1 end) as count_top,
        sum(case when decile = 1 then count_outcomes else 0 end) as count_top_outcomes
    from subjects
    group by score_id, segment, jackknife_group

),

-- Delete-a-group jackknife (Kott 2001).
lifts_without as (

    select
        totals.score_id,
        totals.segment,
        {{ safe_ratio(
            safe_ratio(
                'totals.count_top_outcomes - sixteenths.count_top_outcomes',
                'totals.count_top - sixteenths.count_top'
            ),
            safe_ratio(
                'totals.count_outcomes - sixteenths.count_outcomes',
                'totals.count_subjects - sixteenths.count_subjects'
            )
        ) }} as lift
    from totals
    inner join sixteenths
        on totals.score_id = sixteenths.score_id and totals.segment = sixteenths.segment

),

spreads as (

    select
        score_id,
        segment,
        count(lift) as count_groups,
        sqrt(
            var_pop(lift) * (count(lift) - 1)
        ) as lift_error
    from lifts_without
    group by score_id, segment

),

calibration as (

    select
        score_id,
        segment,
        {{ safe_ratio(
            'sum(abs(judged_ratio - expected_ratio) * count_judged)',
            'sum(case when expected_ratio is not null then count_judged end)'
        ) }} as calibration_error
    from deciles
    group by score_id, segment

),

measured as (

    select
        totals.*,
        refused.count_refused > 0 as is_refused,
        refused.count_refused as count_scores_refused,
        tests.outcome,
        tests.top_n,
        tests.horizon_days,
        tests.min_outcomes,
        tests.name_en,
        tests.name_zh,
        totals.count_outcomes < tests.min_outcomes
        or totals.count_subjects - totals.count_outcomes < tests.min_outcomes
        or coalesce(spreads.count_groups, 0) < 10 as is_too_few,
        {{ safe_ratio('totals.count_outcomes', 'totals.count_subjects') }} as base_ratio,
        {{ safe_ratio('totals.count_first_outcomes', 'totals.count_first') }} as first_ratio,
        {{ safe_ratio(
            safe_ratio('totals.count_top_outcomes', 'totals.count_top'),
            safe_ratio('totals.count_outcomes', 'totals.count_subjects')
        ) }} as lift,
        spreads.lift_error,
        calibration.calibration_error
    from totals
    inner join tests on totals.score_id = tests.score_id
    inner join refused on totals.score_id = refused.score_id
    left join spreads
        on totals.score_id = spreads.score_id and totals.segment = spreads.segment
    left join calibration
        on totals.score_id = calibration.score_id and totals.segment = calibration.segment

),

-- 2.13: Student's t of 15 degrees of freedom at 95 %.
bounded as (

    select
        *,
        greatest(lift - cast(2.13 as double) * lift_error, cast(0 as double)) as low,
        lift + cast(2.13 as double) * lift_error as high
    from measured

)

select
    score_id || ':' || segment as score_backtest_summary_id,
    score_id,
    segment,
    outcome,
    name_en as outcome_name_en,
    name_zh as outcome_name_zh,
    horizon_days,
    top_n,
    case when not is_refused then first_ratio end as precision_at_n,
    case when not is_refused then base_ratio end as base_ratio,
    case when not is_refused then lift end as lift_top_decile,
    case when not is_refused and not is_too_few then low end as lift_low,
    case when not is_refused and not is_too_few then high end as lift_high,
    case when not is_refused then calibration_error end as calibration_error,
    cast(count_subjects as bigint) as count_subjects,
    cast(case when not is_refused then count_outcomes end as bigint) as count_outcomes,
    cast(count_scores_refused as bigint) as count_scores_refused,
    case when not is_refused and not is_too_few then low > 1 end as has_lift,
    case
        when is_refused then 'later_rows'
        when is_too_few then 'too_few'
    end as unknown_reason,
    case
        when is_refused
            then
                'Refused: ' || cast(count_scores_refused as string)
                || ' scores differ from what was known on their day'
        when is_too_few
            then
                'Too few to tell: ' || cast(count_outcomes as string) || ' of '
                || cast(count_subjects as string) || ' cases have the outcome, '
                || cast(min_outcomes as string) || ' with and without it are needed'
    end as unknown_reason_en,
    case
        when is_refused
            then '不予采信：' || cast(count_scores_refused as string) || ' 个得分与当日已知数据不符'
        when is_too_few
            then
                '样本太少，无法判断：' || cast(count_subjects as string) || ' 例中 '
                || cast(count_outcomes as string) || ' 例有结果，有与无各至少需要 '
                || cast(min_outcomes as string) || ' 例'
    end as unknown_reason_zh,
    first_day,
    last_day
from bounded
