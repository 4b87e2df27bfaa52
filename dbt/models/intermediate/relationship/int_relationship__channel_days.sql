-- One row per definition and day: which channels some system delivers on that day, and which of
-- them are silent for too long, so that nobody can say what happens there. A channel is silent as
-- soon as one of its systems is; a system that stays silent is given up in the end.
{{ config(materialized='table') }}
with

definitions as (

    select * from {{ ref('int_relationship__definitions') }}

),

channels as (

    select * from {{ ref('int_relationship__channels') }}
    where is_covered

),

records as (

    select * from {{ ref('int_relationship__source_days') }}

),

first_days as (

    select
        source_system,
        channel,
        min(known_date) as first_date
    from records
    group by source_system, channel

),

system_days as (

    select distinct
        source_system,
        known_date
    from records

),

silences as (

    select
        source_system,
        known_date,
        coalesce(
            lead(known_date) over (
                partition by source_system order by known_date asc nulls last
            ),
            {{ add_days(as_of_date(), 1) }}
        ) as next_date
    from system_days

),

days as (

    select date_day
    from {{ ref('dim_date') }}
    where
        date_day <= {{ as_of_date() }}
        and date_day >= (select min(records.known_date) from records)

),

states as (

    select
        days.date_day as index_date,
        definitions.definition_version,
        first_days.channel,
        max(
            case
                when
                    {{ elapsed_days('silences.known_date', 'days.date_day') }}
                    > definitions.source_retired_days
                    then 0
                when
                    {{ elapsed_days('silences.known_date', 'days.date_day') }}
                    > definitions.source_stale_days
                    then 2
                else 1
            end
        ) as channel_state
    from days
    inner join silences
        on days.date_day >= silences.known_date and days.date_day < silences.next_date
    inner join first_days
        on
            silences.source_system = first_days.source_system
            and days.date_day >= first_days.first_date
    cross join definitions
    group by days.date_day, definitions.definition_version, first_days.channel

)

select
    states.definition_version,
    states.index_date,
    cast(
        sum(case when states.channel_state > 0 then channels.channel_bit else 0 end) as bigint
    ) as delivered_bits,
    cast(
        sum(case when states.channel_state = 2 then channels.channel_bit else 0 end) as bigint
    ) as silent_bits
from states
inner join channels
    on
        states.definition_version = channels.definition_version
        and states.channel = channels.channel
group by states.definition_version, states.index_date
