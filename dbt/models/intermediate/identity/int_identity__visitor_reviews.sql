-- One row per visitor whose evidence disagrees and kind of disagreement, with the candidates and
-- the evidence that a person needs to decide.
{{ config(
    materialized=keys_materialization(), meta=identity_keys(), tags=['web_identities']
) }}
-- depends_on: {{ ref('int_identity__changed_visitors') }}
with

links as (

    select * from {{ ref('mart_visitor_link') }}
    where {{ is_changed_key('visitor_id') }}

),

visitors as (

    select * from {{ ref('dim_web_visitor') }}
    where {{ is_changed_key('visitor_id') }}

),

contact_candidates as (

    select * from {{ ref('int_identity__contact_candidates') }}
    where {{ is_changed_key('visitor_id') }}

),

account_candidates as (

    select * from {{ ref('int_identity__account_candidates') }}
    where {{ is_changed_key('visitor_id') }}

),

contacts as (

    select * from {{ ref('dim_contact') }}

),

accounts as (

    select * from {{ ref('dim_account') }}

),

disputed_contacts as (

    select
        candidates.visitor_id,
        'two_persons' as review_kind,
        candidates.candidate_rank,
        candidates.confidence,
        coalesce(contacts.contact_name, contacts.contact_id) || coalesce(
            ' · ' || coalesce(accounts.account_name, accounts.account_id), ''
        ) as candidate_name
    from contact_candidates as candidates
    inner join contacts on candidates.contact_id = contacts.contact_id
    left join accounts on contacts.account_id = accounts.account_id
    where candidates.standing = 'disputed'

),

persons_settled as (

    select
        visitor_id,
        max(case when standing = 'chosen' then 1 else 0 end) as chosen_mark,
        max(case when standing = 'disputed' then 1 else 0 end) as dispute_mark
    from contact_candidates
    group by visitor_id

),

account_disputes as (

    select visitor_id from account_candidates
    where standing = 'disputed'
    group by visitor_id

),

-- The chosen account of a person stands beside what speaks against it.
disputed_accounts as (

    select
        candidates.visitor_id,
        case
            when persons_settled.chosen_mark = 1 then 'person_and_account_differ'
            else 'two_accounts'
        end as review_kind,
        candidates.candidate_rank,
        candidates.confidence,
        coalesce(accounts.account_name, accounts.account_id) as candidate_name
    from account_candidates as candidates
    inner join account_disputes on candidates.visitor_id = account_disputes.visitor_id
    inner join accounts on candidates.account_id = accounts.account_id
    left join persons_settled on candidates.visitor_id = persons_settled.visitor_id
    where
        candidates.standing in ('disputed', 'chosen')
        and coalesce(persons_settled.dispute_mark, 0) = 0

),

disputed as (

    select
        visitor_id,
        review_kind,
        candidate_rank,
        confidence,
        candidate_name
    from disputed_contacts
    union all
    select
        visitor_id,
        review_kind,
        candidate_rank,
        confidence,
        candidate_name
    from disputed_accounts

),

of_visitors as (

    select
        visitor_id,
        review_kind,
        count(*) as count_candidates,
        {{ string_list(
            "candidate_name || ' (' || cast(cast(confidence as decimal(4, 2)) as string) || ')'",
            '; '
        ) }} as candidates,
        max(case when candidate_rank = 1 then confidence end) as best_confidence,
        max(case when candidate_rank > 1 then confidence end) as rival_confidence
    from disputed
    group by visitor_id, review_kind

),

evidence as (

    select
        visitor_id,
        {{ string_list("evidence_kind || ' ' || evidence_value", '; ') }} as evidence,
        min(first_evidence_at) as first_evidence_at,
        max(last_evidence_at) as last_evidence_at
    from links
    where status in ('conflict', 'active')
    group by visitor_id

)

select
    of_visitors.review_kind || ':' || of_visitors.visitor_id as visitor_link_review_id,
    of_visitors.review_kind,
    visitors.source_system,
    of_visitors.visitor_id,
    visitors.visitor_address,
    visitors.user_agent,
    of_visitors.count_candidates,
    of_visitors.candidates,
    evidence.evidence,
    of_visitors.best_confidence,
    of_visitors.rival_confidence,
    visitors.count_sessions,
    visitors.count_page_views,
    visitors.link_level = 'anonymous' as is_unassigned,
    evidence.first_evidence_at,
    evidence.last_evidence_at
from of_visitors
inner join visitors on of_visitors.visitor_id = visitors.visitor_id
left join evidence on of_visitors.visitor_id = evidence.visitor_id
