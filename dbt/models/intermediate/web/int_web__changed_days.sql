-- One row per day of the web log that this build computes.
{{ config(materialized='table') }}
{%- set built = last_built_days('landed') %}
with

landed as (

    select * from {{ ref('int_web__landed_days') }}

),

built as (

    {{ built }}

),

reach as (

    select * from {{ ref('int_web__rule_version') }}

),

known_days as (

    select
        event_date,
        sum(count_events) as count_events
    from (
        select
            event_date,
            count_events
        from landed
        union all
        select
            event_date,
            0 as count_events
        from built
    ) as listed_days
    group by event_date

),

changed as (

    select
        coalesce(landed.event_date, built.event_date) as event_date,
        min(least(landed.first_seen_at, built.first_seen_at)) as first_seen_at,
        max(greatest(landed.last_seen_at, built.last_seen_at)) as last_seen_at
    from landed
    full outer join built
        on
            landed.source_system = built.source_system
            and landed.loaded_at = built.loaded_at
            and coalesce(landed.event_date, date '0001-01-01')
            = coalesce(built.event_date, date '0001-01-01')
    where landed.count_events is distinct from built.count_events
    group by coalesce(landed.event_date, built.event_date)

),

spans as (

    select
        true as is_changed,
        changed.event_date,
        least(
            cast({{ add_seconds('changed.first_seen_at', '-reach.reach_seconds') }} as date),
            {{ add_days('changed.event_date', -1) }}
        ) as first_date,
        cast({{ add_seconds('changed.last_seen_at', 'reach.reach_seconds') }} as date) as last_date
    from changed
    cross join reach

),

marked as (

    select
        known_days.event_date,
        known_days.count_events,
        max(
            case
                when reach.is_rebuilt then 2
                when {{ is_asked_for('known_days.event_date') }} then 2
                when
                    spans.is_changed
                    and coalesce(known_days.event_date, date '0001-01-01')
                    = coalesce(spans.event_date, date '0001-01-01')
                    then 2
                when known_days.event_date between spans.first_date and spans.last_date then 1
                else 0
            end
        ) as change_level
    from known_days
    cross join reach
    left join spans on not reach.is_rebuilt
    group by known_days.event_date, known_days.count_events

)

select
    event_date,
    change_level = 2 as has_new_lines,
    cast(count_events as bigint) as count_events
from marked
where change_level > 0
