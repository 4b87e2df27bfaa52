-- What: every intent score is exactly the sum of its factors, and each factor belongs to a score.
-- Why: a page shows the score beside its factors; if they differed by a hundredth nobody would
-- believe either.
with

factors as (

    select
        intent_score_day_id,
        sum(points) as points
    from {{ ref('fct_intent_score_factor') }}
    group by intent_score_day_id

),

scores as (

    select
        intent_score_day_id,
        score_points
    from {{ ref('fct_intent_score_day') }}

)

select
    scores.intent_score_day_id,
    scores.score_points,
    factors.points
from scores
full join factors on scores.intent_score_day_id = factors.intent_score_day_id
where scores.score_points is distinct from factors.points
