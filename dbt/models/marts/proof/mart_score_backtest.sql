-- One row per score, segment and tenth of its subjects (1: the highest scores): how many had the
-- outcome, against how many of all, and against what earlier cut-off days would have promised.
-- A score that knew what nobody could know yet is refused: it has no figures.
with

subjects as (

    select * from {{ ref('int_proof__backtest_subjects') }}

),

tests as (

    select * from {{ ref('score_backtest') }}

),

refused as (

    select
        score_id,
        max(case when has_later_rows then 1 else 0 end) = 1 as is_refused
    from subjects
    group by score_id

),

cells as (

    select
        score_id,
        segment,
        cutoff_date,
        decile,
        count(*) as count_subjects,
        sum(count_outcomes) as count_outcomes,
        sum(score_points) as sum_points
    from subjects
    group by score_id, segment, cutoff_date, decile

),

-- What a decile promised on a day is what it had kept on days whose horizon was over by then.
promised as (

    select
        cells.score_id,
        cells.segment,
        cells.decile,
        cells.cutoff_date,
        max(cells.count_subjects) as count_subjects,
        max(cells.count_outcomes) as count_outcomes,
        {{ safe_ratio('sum(earlier.count_outcomes)', 'sum(earlier.count_subjects)') }}
            as promised_ratio
    from cells
    inner join tests on cells.score_id = tests.score_id
    inner join cells as earlier
        on
            cells.score_id = earlier.score_id
            and cells.segment = earlier.segment
            and cells.decile = earlier.decile
            and cells.cutoff_date >= {{ add_days('earlier.cutoff_date', 'tests.horizon_days') }}
    group by cells.score_id, cells.segment, cells.decile, cells.cutoff_date

),

kept as (

    select
        score_id,
        segment,
        decile,
        sum(count_subjects) as count_judged,
        {{ safe_ratio('sum(promised_ratio * count_subjects)', 'sum(count_subjects)') }}
            as expected_ratio,
        {{ safe_ratio('sum(count_outcomes)', 'sum(count_subjects)') }} as judged_ratio
    from promised
    group by score_id, segment, decile

),

deciles as (

    select
        score_id,
        segment,
        decile,
        sum(count_subjects) as count_subjects,
        sum(count_outcomes) as count_outcomes,
        sum(sum_points) as sum_points
    from cells
    group by score_id, segment, decile

),

bases as (

    select
        score_id,
        segment,
        {{ safe_ratio('sum(count_outcomes)', 'sum(count_subjects)') }} as base_ratio
    from deciles
    group by score_id, segment

)

select
    deciles.score_id || ':' || deciles.segment || ':' || cast(deciles.decile as string)
        as score_backtest_id,
    deciles.score_id,
    tests.outcome,
    deciles.segment,
    deciles.decile,
    cast(deciles.count_subjects as bigint) as count_subjects,
    cast(case when not refused.is_refused then deciles.count_outcomes end as bigint)
        as count_outcomes,
    case
        when not refused.is_refused
            then {{ safe_ratio('deciles.count_outcomes', 'deciles.count_subjects') }}
    end as outcome_ratio,
    case
        when not refused.is_refused
            then {{ safe_ratio(
                safe_ratio('deciles.count_outcomes', 'deciles.count_subjects'), 'bases.base_ratio'
            ) }}
    end as lift,
    {{ safe_ratio('deciles.sum_points', 'deciles.count_subjects') }} as mean_score,
    case when not refused.is_refused then kept.expected_ratio end as expected_ratio,
    case when not refused.is_refused then kept.judged_ratio end as judged_ratio,
    cast(coalesce(kept.count_judged, 0) as bigint) as count_judged
from deciles
inner join tests on deciles.score_id = tests.score_id
inner join refused on deciles.score_id = refused.score_id
inner join bases
    on deciles.score_id = bases.score_id and deciles.segment = bases.segment
left join kept
    on
        deciles.score_id = kept.score_id
        and deciles.segment = kept.segment
        and deciles.decile = kept.decile
