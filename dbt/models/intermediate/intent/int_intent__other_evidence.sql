-- One row per signal version and thing that happened which it may count, of all kinds of evidence
-- but page views, of which there are too many to be made anew with every build.
{{ config(materialized='table') }}
with

evidence as (

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
    signal_id,
    signal_version,
    subject_key,
    unit_key,
    account_id,
    contact_id,
    visitor_id,
    opportunity_id,
    lead_id,
    evidence_object,
    evidence_id,
    source_system,
    evidence_at,
    known_at,
    detail,
    related_object,
    related_id,
    related_at
from evidence
