-- One row per hit and raw row behind it, with where the raw row stands: file and line of a web log,
-- address of the page, excerpt of the text.
with

evidence as (

    select * from {{ ref('bridge_intent_signal_evidence') }}

),

hits as (

    select * from {{ ref('fct_intent_signal_hit') }}

),

visits as (

    select
        web_event_id,
        url_path,
        engaged_seconds
    from {{ ref('int_intent__visits') }}

),

texts as (

    select
        text_object,
        text_id,
        channel,
        body
    from {{ ref('int_intent__texts') }}

)

select
    evidence.signal_evidence_id,
    evidence.signal_hit_id,
    hits.signal_id,
    hits.account_id,
    evidence.evidence_object,
    evidence.evidence_id,
    evidence.source_system,
    evidence.evidence_at,
    case
        when evidence.evidence_object = 'web_event'
            then {{ regexp_group('evidence.evidence_id', '^[^:]*:([^/]*/)?(.*)#([0-9]+)$', 2) }}
    end as source_file,
    case
        when evidence.evidence_object = 'web_event'
            then
                cast(
                    {{ regexp_group(
                        'evidence.evidence_id', '^[^:]*:([^/]*/)?(.*)#([0-9]+)$', 3
                    ) }} as bigint
                )
    end as source_row,
    visits.url_path as url,
    visits.engaged_seconds,
    texts.channel,
    case when texts.text_id is not null then evidence.detail end as keywords,
    coalesce(
        case
            when length(texts.body) > 300 then substr(texts.body, 1, 300) || ' …'
            else texts.body
        end,
        case when evidence.evidence_object <> 'web_event' then evidence.detail end
    ) as text_excerpt
from evidence
inner join hits on evidence.signal_hit_id = hits.signal_hit_id
left join visits
    on
        case when evidence.evidence_object = 'web_event' then evidence.evidence_id end
        = visits.web_event_id
left join texts
    on
        evidence.evidence_object = texts.text_object
        and evidence.evidence_id = texts.text_id
