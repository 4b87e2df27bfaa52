-- One row per hit and piece of evidence behind it: what its window counted, or the one thing that
-- raised it.
{{ config(materialized='table') }}
with

rules as (

    select * from {{ ref('int_intent__rules') }}

),

raised as (

    select
        raised_signals.*,
        rules.min_count,
        case
            when rules.window_seconds is not null
                then
                    {{ add_seconds('raised_signals.occurred_at', '-rules.window_seconds') }}
        end as window_start_at
    from {{ ref('int_intent__raised') }} as raised_signals
    inner join rules
        on
            raised_signals.signal_id = rules.signal_id
            and raised_signals.signal_version = rules.signal_version

),

evidence as (

    select * from {{ ref('int_intent__evidence') }}

),

joined as (

    select
        raised.signal_hit_id,
        evidence.evidence_object,
        evidence.evidence_id,
        evidence.source_system,
        evidence.evidence_at,
        evidence.known_at,
        evidence.detail,
        evidence.related_object,
        evidence.related_id,
        evidence.related_at
    from raised
    inner join evidence
        on
            raised.signal_id = evidence.signal_id
            and raised.signal_version = evidence.signal_version
            and raised.subject_key = evidence.subject_key
            and raised.evidence_id = evidence.evidence_id
    where raised.min_count = 1
    union all
    select
        raised.signal_hit_id,
        evidence.evidence_object,
        evidence.evidence_id,
        evidence.source_system,
        evidence.evidence_at,
        evidence.known_at,
        evidence.detail,
        evidence.related_object,
        evidence.related_id,
        evidence.related_at
    from raised
    inner join evidence
        on
            raised.signal_id = evidence.signal_id
            and raised.signal_version = evidence.signal_version
            and raised.subject_key = evidence.subject_key
            and raised.occurred_at >= evidence.evidence_at
    where
        raised.min_count > 1
        and (raised.window_start_at is null or evidence.evidence_at >= raised.window_start_at)

)

select *
from joined
