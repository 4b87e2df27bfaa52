-- One row per visitor and contact that evidence names: how sure all of it is together, and how the
-- contact stands: chosen, disputed, overruled (somebody else is surer or was decided for) or weak
-- (nobody reaches the confidence that is needed).
{{ config(
    materialized=keys_materialization(), meta=identity_keys(), tags=['web_identities']
) }}
-- depends_on: {{ ref('int_identity__changed_visitors') }}
with

evidence as (

    select * from {{ ref('int_identity__decided_evidence') }}
    where {{ is_changed_key('visitor_id') }} and not is_undone

),

thresholds as (

    select * from {{ ref('int_rules__thresholds') }}

),

limits as (

    select
        max(
            case when threshold_id = 'visitor_link_min_confidence' then threshold_value end
        ) as min_confidence,
        max(
            case when threshold_id = 'visitor_link_tolerated_confidence' then threshold_value end
        ) as tolerated_confidence
    from thresholds

),

-- Where a person decided for an account as a whole, only its contacts are left.
account_choices as (

    select
        visitor_id,
        account_id
    from evidence
    where is_choice and contact_id is null

),

rows_of_contacts as (

    select
        evidence.visitor_id,
        evidence.contact_id as candidate_id,
        evidence.field,
        evidence.link_rule_id,
        evidence.evidence_value,
        evidence.confidence,
        case when evidence.is_choice then 1 else 0 end as choice_rank,
        0 as forced_rank
    from evidence
    left join account_choices on evidence.visitor_id = account_choices.visitor_id
    where
        evidence.contact_id is not null
        and (
            account_choices.visitor_id is null
            or account_choices.account_id = evidence.account_id
        )

),

candidates as (

    {{ candidates_of('rows_of_contacts') }}

),

rivals as (

    select
        candidates.visitor_id,
        candidates.candidate_id,
        candidates.confidence,
        candidates.contradiction,
        candidates.candidate_rank,
        candidates.best_confidence,
        candidates.choice_mark,
        limits.min_confidence,
        case
            when candidates.candidate_rank = 1 then 0
            when candidates.contradiction >= limits.tolerated_confidence then 1
            -- Evidence that fits both and nothing that tells them apart.
            when candidates.confidence = candidates.best_confidence then 1
            else 0
        end as rival_rank
    from candidates
    cross join limits

),

counted as (

    select
        visitor_id,
        candidate_id,
        confidence,
        contradiction,
        candidate_rank,
        best_confidence,
        choice_mark,
        min_confidence,
        rival_rank,
        max(rival_rank) over (partition by visitor_id) as rival_mark
    from rivals

)

select
    visitor_id,
    candidate_id as contact_id,
    confidence,
    contradiction,
    candidate_rank,
    case
        when choice_mark = 1 and candidate_rank = 1 then 'chosen'
        when choice_mark = 1 then 'overruled'
        when best_confidence < min_confidence then 'weak'
        when rival_mark = 1 and (candidate_rank = 1 or rival_rank = 1) then 'disputed'
        when candidate_rank = 1 then 'chosen'
        else 'overruled'
    end as standing
from counted
