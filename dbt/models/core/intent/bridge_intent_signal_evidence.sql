-- One row per hit and raw row behind it; what a page view followed (a quote) is a row of its own.
with

hit_evidence as (

    select * from {{ ref('int_intent__hit_evidence') }}

),

events as (

    select
        object_name,
        object_id,
        min(source_system) as source_system
    from {{ ref('int_intent__business_events') }}
    group by object_name, object_id

)

select
    signal_hit_id || ':' || evidence_object || ':' || evidence_id as signal_evidence_id,
    signal_hit_id,
    evidence_object,
    evidence_id,
    source_system,
    evidence_at,
    known_at,
    detail
from hit_evidence
union all
select
    hit_evidence.signal_hit_id
    || ':' || hit_evidence.related_object
    || ':' || hit_evidence.related_id as signal_evidence_id,
    hit_evidence.signal_hit_id,
    hit_evidence.related_object as evidence_object,
    hit_evidence.related_id as evidence_id,
    events.source_system,
    hit_evidence.related_at as evidence_at,
    hit_evidence.related_at as known_at,
    cast(null as string) as detail
from hit_evidence
left join events
    on
        hit_evidence.related_object = events.object_name
        and hit_evidence.related_id = events.object_id
where hit_evidence.related_id is not null
