-- One row per definition, topic and industry (none: every other industry): how much the topic is
-- about what the customer does.
with

definitions as (

    select * from {{ ref('int_relationship__definitions') }}

),

topics as (

    select
        *,
        lead(valid_from) over (
            partition by topic, industry order by valid_from asc nulls last
        ) as valid_until
    from {{ ref('relationship_topic') }}

)

select
    definitions.definition_version,
    topics.topic,
    topics.industry,
    topics.overlap_ratio
from definitions
inner join topics
    on
        definitions.period_start >= topics.valid_from
        and (topics.valid_until is null or definitions.period_start < topics.valid_until)
