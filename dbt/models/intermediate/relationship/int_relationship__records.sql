-- One row per record of a touch, with or without a customer that is known: activities, visits to
-- our site by visitors who are known, contents passed on, posts, attendances. A record is known
-- from when it happened or, where that came later, from when it was recorded.
with

activities as (

    select * from {{ ref('fct_activity') }}
    where occurred_at < {{ as_of_end() }}

),

opportunities as (

    select
        opportunity_id,
        account_id,
        product_line
    from {{ ref('fct_opportunity') }}

),

leads as (

    select
        lead_id,
        account_id,
        product_line
    from {{ ref('fct_lead') }}

),

text_topics as (

    select
        texts.activity_id,
        min(matches.keyword_group) as keyword_group
    from {{ ref('int_intent__keyword_matches') }} as matches
    inner join {{ ref('int_canonical__activity_texts') }} as texts
        on matches.text_id = texts.activity_text_id
    where matches.text_object = 'activity_text'
    group by texts.activity_id

),

contents as (

    select
        content_id,
        topic,
        industry
    from {{ ref('int_canonical__contents') }}

),

sessions as (

    select * from {{ ref('int_relationship__web_sessions') }}

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

select
    'activity' as source_object,
    activities.activity_id as source_id,
    activities.source_system,
    coalesce(activities.account_id, opportunities.account_id, leads.account_id) as account_id,
    activities.contact_id,
    activities.rep_id,
    coalesce(activities.channel, 'other') as channel,
    activities.direction,
    text_topics.keyword_group as topic,
    cast(null as string) as topic_industry,
    coalesce(opportunities.product_line, leads.product_line) as topic_product_line,
    activities.occurred_at,
    {{ known_at('activities.occurred_at', 'activities.recorded_at') }} as known_at
from activities
left join opportunities on activities.opportunity_id = opportunities.opportunity_id
left join leads on activities.lead_id = leads.lead_id
left join text_topics on activities.activity_id = text_topics.activity_id
union all
select
    'web_session' as source_object,
    sessions.session_id as source_id,
    sessions.source_system,
    sessions.account_id,
    sessions.contact_id,
    cast(null as string) as rep_id,
    'web' as channel,
    'inbound' as direction,
    sessions.topic,
    sessions.topic_industry,
    cast(null as string) as topic_product_line,
    sessions.occurred_at,
    sessions.known_at
from sessions
union all
select
    'content_share' as source_object,
    shares.content_share_id as source_id,
    shares.source_system,
    shares.account_id,
    shares.contact_id,
    cast(null as string) as rep_id,
    'share' as channel,
    'inbound' as direction,
    contents.topic,
    contents.industry as topic_industry,
    cast(null as string) as topic_product_line,
    shares.shared_at as occurred_at,
    shares.shared_at as known_at
from shares
left join contents on shares.content_id = contents.content_id
union all
select
    'community_post' as source_object,
    community_post_id as source_id,
    source_system,
    account_id,
    contact_id,
    cast(null as string) as rep_id,
    'community' as channel,
    'inbound' as direction,
    topic,
    cast(null as string) as topic_industry,
    cast(null as string) as topic_product_line,
    posted_at as occurred_at,
    posted_at as known_at
from posts
union all
select
    'event_attendance' as source_object,
    event_attendance_id as source_id,
    source_system,
    account_id,
    contact_id,
    cast(null as string) as rep_id,
    'event' as channel,
    'inbound' as direction,
    cast(null as string) as topic,
    cast(null as string) as topic_industry,
    cast(null as string) as topic_product_line,
    attended_at as occurred_at,
    attended_at as known_at
from attendances
