-- One row per text that holds a keyword of a signal (kinds keyword and repeat_keyword).
with

rules as (

    select *
    from {{ ref('int_intent__rules') }}
    where is_active and kind in ('keyword', 'repeat_keyword')

),

matches as (

    select * from {{ ref('int_intent__keyword_matches') }}

),

texts as (

    select * from {{ ref('int_intent__texts') }}

)

select
    rules.signal_id,
    rules.signal_version,
    case
        when rules.subject_level = 'account' then texts.account_id
        else coalesce(texts.contact_id, texts.account_id)
    end as subject_key,
    texts.text_object || ':' || texts.text_id as unit_key,
    texts.account_id,
    texts.contact_id,
    cast(null as string) as visitor_id,
    texts.opportunity_id,
    texts.lead_id,
    texts.text_object as evidence_object,
    texts.text_id as evidence_id,
    texts.source_system,
    texts.occurred_at as evidence_at,
    texts.known_at,
    matches.keywords as detail,
    cast(null as string) as related_object,
    cast(null as string) as related_id,
    cast(null as timestamp) as related_at
from matches
inner join texts
    on matches.text_object = texts.text_object and matches.text_id = texts.text_id
inner join rules
    on
        matches.keyword_group = rules.keyword_group
        and (rules.direction is null or texts.direction = rules.direction)
        and case
            when rules.channels is null then texts.text_object = 'activity_text'
            else {{ is_in_rule_list("coalesce(texts.channel, '')", 'rules.channels') }}
        end
