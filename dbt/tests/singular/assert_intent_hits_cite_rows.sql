-- What: every hit of an intent signal cites as many raw rows as it says, none later than the hit,
-- and no score counts a hit before it could be known.
-- Why: a signal that nobody can look up is a rumour, and a score that knew the future cannot be
-- judged by what happened afterwards.
with

cited as (

    select
        hits.signal_hit_id,
        hits.count_evidence,
        count(evidence.evidence_id) as count_cited,
        max(evidence.evidence_at) as last_evidence_at,
        max(hits.occurred_at) as occurred_at,
        max(hits.known_at) as known_at
    from {{ ref('fct_intent_signal_hit') }} as hits
    left join {{ ref('bridge_intent_signal_evidence') }} as evidence
        on hits.signal_hit_id = evidence.signal_hit_id
    group by hits.signal_hit_id, hits.count_evidence

),

first_scores as (

    select
        contact_id,
        min(score_date) as first_score_date
    from {{ ref('fct_intent_score_day') }}
    where level = 'contact'
    group by contact_id

),

first_hits as (

    select
        contact_id,
        min(known_date) as first_known_date
    from {{ ref('fct_intent_signal_hit') }}
    where contact_id is not null
    group by contact_id

)

select
    signal_hit_id as what,
    'hit' as problem
from cited
where
    count_cited < count_evidence
    or count_evidence < 1
    or last_evidence_at > occurred_at
    or known_at < occurred_at
union all
select
    first_scores.contact_id as what,
    'score before the first hit was known' as problem
from first_scores
inner join first_hits on first_scores.contact_id = first_hits.contact_id
where first_scores.first_score_date < first_hits.first_known_date
