-- One row per system, load and day: what has landed of the web log. Loads that an earlier build has
-- seen whole are not read again.
{{ config(materialized='table') }}
{%- set earlier = earlier_loads() %}
-- depends_on: {{ source('ops', 'removed_rows') }}
with

events as (

    select * from {{ ref('fct_web_event') }}
    {% if earlier %}
        where loaded_at >= {{ earlier.newest }}
    {% endif %}

),

read_days as (

    select
        source_system,
        loaded_at,
        cast(occurred_at as date) as event_date,
        count(*) as count_events,
        count(session_key) as count_session_keys,
        min(occurred_at) as first_seen_at,
        max(occurred_at) as last_seen_at
    from events
    group by source_system, loaded_at, cast(occurred_at as date)

)

select
    source_system,
    loaded_at,
    event_date,
    count_events,
    count_session_keys,
    first_seen_at,
    last_seen_at,
    '{{ web_source_version() }}' as source_version
from read_days
{% if earlier %}
    union all
    select
        source_system,
        loaded_at,
        event_date,
        count_events,
        count_session_keys,
        first_seen_at,
        last_seen_at,
        source_version
    from {{ earlier.rows }}
    where
        loaded_at < {{ earlier.newest }}
        -- Days that retention has removed since have to be built anew, as days without lines.
        and not exists (
            select 1
            from (
                select
                    system as removed_system,
                    event_date as removed_date,
                    removed_at
                from {{ source('ops', 'removed_rows') }}
            ) as removed_days
            where
                removed_system = source_system
                and removed_date = event_date
                and removed_at >= loaded_at
        )
{% endif %}
