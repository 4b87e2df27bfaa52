-- One row per suggestion of the machine, with the first answer of a rep and of a manager. An answer
-- that is still pending is none.
with

suggestions as (

    select * from {{ ref('int_canonical__suggestions') }}

),

answers as (

    select
        decision_id,
        suggestion_id,
        rep_id,
        verdict,
        reason,
        decided_at,
        coalesce(lower(role), 'rep') = 'manager' as is_manager
    from {{ ref('int_canonical__decisions') }}
    where verdict <> 'pending' and decided_at < {{ as_of_end() }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by suggestion_id, is_manager
            order by decided_at asc nulls last, decision_id asc nulls last
        ) as answer_rank
    from answers

),

by_rep as (

    select * from ranked
    where not is_manager and answer_rank = 1

),

by_manager as (

    select * from ranked
    where is_manager and answer_rank = 1

)

select
    suggestions.suggestion_id,
    suggestions.source_system,
    suggestions.suggestion_type,
    suggestions.target_type,
    suggestions.target_id,
    suggestions.value_text,
    suggestions.confidence_ratio,
    suggestions.model_version,
    suggestions.training_data_version,
    suggestions.suggested_at,
    by_rep.rep_id,
    by_rep.verdict as rep_verdict,
    by_rep.reason as rep_reason,
    by_rep.decided_at as rep_decided_at,
    by_manager.rep_id as manager_rep_id,
    by_manager.verdict as manager_verdict,
    by_manager.decided_at as manager_decided_at,
    suggestions.first_loaded_at,
    suggestions.loaded_at
from suggestions
left join by_rep on suggestions.suggestion_id = by_rep.suggestion_id
left join by_manager on suggestions.suggestion_id = by_manager.suggestion_id
