-- One row per score, segment (an industry, or `all`), cut-off day and subject: its place among the
-- subjects of that day, and whether its outcome came after that day and within the horizon.
{{ config(materialized='table') }}
with

scores as (

    select * from {{ ref('int_proof__known_scores') }}

),

tests as (

    select * from {{ ref('score_backtest') }}

),

outcomes as (

    select * from {{ ref('int_proof__outcomes') }}

),

happened as (

    select
        scores.score_id,
        scores.cutoff_date,
        scores.subject_id,
        max(1) as has_outcome
    from scores
    inner join tests on scores.score_id = tests.score_id
    inner join outcomes
        on
            scores.score_id = outcomes.score_id
            and scores.subject_id = outcomes.subject_id
            and scores.cutoff_date < outcomes.outcome_date
            and {{ add_days('scores.cutoff_date', 'tests.horizon_days') }} >= outcomes.outcome_date
    group by scores.score_id, scores.cutoff_date, scores.subject_id

),

judged as (

    select
        scores.*,
        coalesce(happened.has_outcome, 0) as count_outcomes
    from scores
    left join happened
        on
            scores.score_id = happened.score_id
            and scores.cutoff_date = happened.cutoff_date
            and scores.subject_id = happened.subject_id

),

segmented as (

    select
        score_id,
        'all' as segment,
        cutoff_date,
        subject_id,
        score_points,
        has_later_rows,
        count_outcomes
    from judged
    union all
    select
        score_id,
        segment,
        cutoff_date,
        subject_id,
        score_points,
        has_later_rows,
        count_outcomes
    from judged
    where segment is not null

),

-- Equal scores are put in the order of a hash: any other order could favour one of them.
ranked as (

    select
        *,
        row_number() over (
            partition by score_id, segment, cutoff_date
            order by score_points desc nulls last, md5(subject_id) asc nulls last, subject_id desc
        ) as score_rank,
        count(*) over (partition by score_id, segment, cutoff_date) as count_ranked
    from segmented

)

select
    score_id,
    segment,
    cutoff_date,
    subject_id,
    score_points,
    has_later_rows,
    count_outcomes,
    score_rank,
    {{ whole_division('10 * (score_rank - 1)', 'count_ranked') }} + 1 as decile,
    substr(md5(subject_id), 1, 1) as jackknife_group
from ranked
