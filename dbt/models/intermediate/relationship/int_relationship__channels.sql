-- One row per definition and channel: weight of a touch, whether the channel counts as one that can
-- be covered, and its bit, by which sets of channels are numbers.
with

definitions as (

    select * from {{ ref('int_relationship__definitions') }}

),

channels as (

    select
        *,
        dense_rank() over (order by channel nulls last) - 1 as channel_number,
        lead(valid_from) over (
            partition by channel order by valid_from asc nulls last
        ) as valid_until
    from {{ ref('relationship_channel') }}

)

select
    definitions.definition_version,
    channels.channel,
    cast(power(2, channels.channel_number) as bigint) as channel_bit,
    channels.weight,
    channels.is_covered,
    channels.needs_field
from definitions
inner join channels
    on
        definitions.period_start >= channels.valid_from
        and (
            channels.valid_until is null or definitions.period_start < channels.valid_until
        )
