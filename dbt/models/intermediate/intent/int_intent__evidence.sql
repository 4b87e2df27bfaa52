-- One row per signal version and thing that happened which it may count: the evidence of all kinds
-- in one shape. A new kind of signal is one more model here; a new signal is a rule row.
{{ config(materialized='table') }}
with

rules as (

    select * from {{ ref('int_intent__rules') }}

),

evidence as (

    select * from {{ ref('int_intent__page_evidence') }}
    union all
    select * from {{ ref('int_intent__sequence_evidence') }}
    union all
    select * from {{ ref('int_intent__return_evidence') }}
    union all
    select * from {{ ref('int_intent__higher_level_evidence') }}
    union all
    select * from {{ ref('int_intent__keyword_evidence') }}
    union all
    select * from {{ ref('int_intent__question_evidence') }}
    union all
    select * from {{ ref('int_intent__share_evidence') }}
    union all
    select * from {{ ref('int_intent__person_change_evidence') }}

)

select
    evidence.signal_id,
    evidence.signal_version,
    evidence.subject_key,
    evidence.unit_key,
    evidence.account_id,
    evidence.contact_id,
    evidence.visitor_id,
    evidence.opportunity_id,
    evidence.lead_id,
    evidence.evidence_object,
    evidence.evidence_id,
    evidence.source_system,
    evidence.evidence_at,
    evidence.known_at,
    evidence.detail,
    evidence.related_object,
    evidence.related_id,
    evidence.related_at
from evidence
inner join rules
    on
        evidence.signal_id = rules.signal_id
        and evidence.signal_version = rules.signal_version
where
    evidence.subject_key is not null
    and evidence.evidence_at < {{ as_of_end() }}
    and (rules.valid_until is null or cast(evidence.evidence_at as date) < rules.valid_until)
