-- One row per signal version and thing that happened which it may count: the evidence of all kinds
-- in one shape. A new kind of signal is one more model of evidence; a new signal is a rule row.
with

rules as (

    select * from {{ ref('int_intent__rules') }}

),

evidence as (

    {%- for model in ['int_intent__page_evidence', 'int_intent__other_evidence'] %}
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
        from {{ ref(model) }}
        {{ 'union all' if not loop.last }}
    {%- endfor %}

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
