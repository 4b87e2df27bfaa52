-- One row per kind of record, system, channel, day of the source and day on which a record became
-- known: how many the system delivered, and a number for what else they say. Read from where the
-- records come from: whose they are is no matter here.
{{ config(materialized='table') }}
with

contents as (

    select
        content_id,
        topic,
        industry,
        {{ web_path('url_path') }} as url_path
    from {{ ref('int_canonical__contents') }}

),

paths as (

    select
        url_path,
        {{ content_sum(['topic', 'industry']) }} as content_number
    from contents
    where url_path is not null
    group by url_path

),

activities as (

    select
        *,
        coalesce(channel, 'other') as known_channel,
        {{ known_at('occurred_at', 'recorded_at') }} as known_at
    from {{ ref('fct_activity') }}
    where
        occurred_at < {{ as_of_end() }}
        and {{ known_at('occurred_at', 'recorded_at') }} < {{ as_of_end() }}

),

visits as (

    select * from {{ ref('int_intent__visits') }}
    where occurred_at < {{ as_of_end() }} and known_at < {{ as_of_end() }}

),

shares as (

    select * from {{ ref('int_canonical__content_shares') }}
    where shared_at < {{ as_of_end() }}

),

posts as (

    select * from {{ ref('int_canonical__community_posts') }}
    where posted_at < {{ as_of_end() }}

),

attendances as (

    select * from {{ ref('int_canonical__event_attendances') }}
    where attended_at < {{ as_of_end() }}

)

-- The number leaves out what is told by the row: millions of records are grouped by as little as
-- there is.
select
    'activity' as source_object,
    source_system,
    known_channel as channel,
    cast(known_at as date) as source_date,
    cast(known_at as date) as known_date,
    count(*) as count_records,
    {{ content_sum([
        'activity_id', 'account_id', 'contact_id', 'opportunity_id', 'lead_id', 'rep_id', 'direction',
        'occurred_at', 'known_at'
    ]) }} as content_number
from activities
group by source_system, known_channel, cast(known_at as date)
union all
select
    'web_session' as source_object,
    visits.source_system,
    'web' as channel,
    visits.session_date as source_date,
    cast(visits.known_at as date) as known_date,
    count(*) as count_records,
    {{ content_sum([
        'visits.session_id', 'visits.account_id', 'visits.contact_id', 'visits.occurred_at',
        'visits.known_at', 'visits.page_group', 'paths.content_number'
    ]) }} as content_number
from visits
left join paths on visits.url_path = paths.url_path
group by visits.source_system, visits.session_date, cast(visits.known_at as date)
union all
select
    'content_share' as source_object,
    shares.source_system,
    'share' as channel,
    cast(shares.shared_at as date) as source_date,
    cast(shares.shared_at as date) as known_date,
    count(*) as count_records,
    {{ content_sum([
        'shares.content_share_id', 'shares.account_id', 'shares.contact_id', 'shares.to_contact_id',
        'shares.shared_at', 'contents.topic', 'contents.industry'
    ]) }} as content_number
from shares
left join contents on shares.content_id = contents.content_id
group by shares.source_system, cast(shares.shared_at as date)
union all
select
    'community_post' as source_object,
    source_system,
    'community' as channel,
    cast(posted_at as date) as source_date,
    cast(posted_at as date) as known_date,
    count(*) as count_records,
    {{ content_sum(['community_post_id', 'account_id', 'contact_id', 'topic', 'posted_at']) }}
        as content_number
from posts
group by source_system, cast(posted_at as date)
union all
select
    'event_attendance' as source_object,
    source_system,
    'event' as channel,
    cast(attended_at as date) as source_date,
    cast(attended_at as date) as known_date,
    count(*) as count_records,
    {{ content_sum(['event_attendance_id', 'account_id', 'contact_id', 'attended_at']) }}
        as content_number
from attendances
group by source_system, cast(attended_at as date)
