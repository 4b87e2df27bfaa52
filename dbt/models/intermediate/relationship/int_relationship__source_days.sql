-- One row per system, channel and day on which the system delivered a record of the channel. Read
-- from where the records come from: whose they are, and about what, is no matter here.
{{ config(materialized='table') }}
with

records as (

    select
        source_system,
        coalesce(channel, 'other') as channel,
        {{ known_at('occurred_at', 'recorded_at') }} as known_at
    from {{ ref('fct_activity') }}
    where occurred_at < {{ as_of_end() }}
    union all
    select
        source_system,
        'web' as channel,
        known_at
    from {{ ref('int_relationship__web_sessions') }}
    union all
    select
        source_system,
        'share' as channel,
        shared_at as known_at
    from {{ ref('int_canonical__content_shares') }}
    where shared_at < {{ as_of_end() }}
    union all
    select
        source_system,
        'community' as channel,
        posted_at as known_at
    from {{ ref('int_canonical__community_posts') }}
    where posted_at < {{ as_of_end() }}
    union all
    select
        source_system,
        'event' as channel,
        attended_at as known_at
    from {{ ref('int_canonical__event_attendances') }}
    where attended_at < {{ as_of_end() }}

)

select
    source_system,
    channel,
    cast(known_at as date) as known_date,
    count(*) as count_records
from records
where known_at < {{ as_of_end() }}
group by source_system, channel, cast(known_at as date)
