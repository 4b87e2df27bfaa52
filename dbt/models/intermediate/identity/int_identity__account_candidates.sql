-- One row per visitor and account that evidence names, the accounts of its contacts included: how
-- sure all of it is together, and how the account stands: chosen, disputed, overruled or weak.
-- A person goes before everything that speaks for an account. While it is disputed who the person
-- is, only an account that all of the disputed belong to is chosen.
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

-- Nobody is chosen where somebody is disputed, so these are either the one or the others.
persons as (

    select
        candidates.visitor_id,
        candidates.standing,
        people.account_id
    from {{ ref('int_identity__contact_candidates') }} as candidates
    inner join {{ ref('dim_contact') }} as people on candidates.contact_id = people.contact_id
    where
        {{ is_changed_key('candidates.visitor_id') }}
        and candidates.standing in ('chosen', 'disputed')

),

contacts as (

    select
        visitor_id,
        case
            when min(account_id) = max(account_id) and count(account_id) = count(*)
                then min(account_id)
        end as account_id,
        max(case when standing = 'disputed' then 1 else 0 end) as count_disputes
    from persons
    group by visitor_id

),

rows_of_accounts as (

    select
        evidence.visitor_id,
        evidence.account_id as candidate_id,
        evidence.field,
        evidence.link_rule_id,
        evidence.evidence_value,
        evidence.confidence,
        case when evidence.is_choice then 1 else 0 end as choice_rank,
        case when evidence.account_id = contacts.account_id then 1 else 0 end as forced_rank
    from evidence
    left join contacts on evidence.visitor_id = contacts.visitor_id
    where evidence.account_id is not null

),

candidates as (

    {{ candidates_of('rows_of_accounts') }}

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
        candidates.forced_mark,
        case
            when contacts.account_id is null then coalesce(contacts.count_disputes, 0)
            else 0
        end as dispute_mark,
        limits.min_confidence,
        case
            when candidates.candidate_rank = 1 then 0
            when candidates.contradiction >= limits.tolerated_confidence then 1
            when
                candidates.forced_mark = 0
                and candidates.confidence = candidates.best_confidence
                then 1
            else 0
        end as rival_rank
    from candidates
    cross join limits
    left join contacts on candidates.visitor_id = contacts.visitor_id

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
        forced_mark,
        dispute_mark,
        min_confidence,
        rival_rank,
        max(rival_rank) over (partition by visitor_id) as rival_mark
    from rivals

)

select
    visitor_id,
    candidate_id as account_id,
    confidence,
    contradiction,
    candidate_rank,
    case
        when choice_mark = 1 and candidate_rank = 1 then 'chosen'
        when choice_mark = 1 then 'overruled'
        when dispute_mark = 1 then 'disputed'
        when forced_mark = 1 and candidate_rank = 1 then 'chosen'
        when forced_mark = 1 and rival_rank = 1 then 'disputed'
        when forced_mark = 1 then 'overruled'
        when best_confidence < min_confidence then 'weak'
        when rival_mark = 1 and (candidate_rank = 1 or rival_rank = 1) then 'disputed'
        when rival_mark = 1 then 'overruled'
        when candidate_rank = 1 then 'chosen'
        else 'overruled'
    end as standing
from counted
