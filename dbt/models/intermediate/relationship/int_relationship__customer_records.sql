-- One row per record of a touch that is known by the day that counts as today, with the customer it
-- is of, if any: by its account, else by that of its opportunity or lead, else by the person. A row
-- says in which build it came; one that has gone is kept, and says so, until the indices follow.
{{ config(materialized=kept_records_materialization()) }}
-- depends_on: {{ ref('int_relationship__changed_parts') }}
with

contents as (

    select
        content_id,
        topic,
        industry,
        url_path
    from {{ ref('int_canonical__contents') }}

),

paths as (

    select
        {{ web_path('url_path') }} as url_path,
        min(topic) as topic,
        min(industry) as industry
    from contents
    where url_path is not null
    group by {{ web_path('url_path') }}

),

pages as (

    select
        visits.session_id,
        visits.session_date,
        visits.source_system,
        visits.account_id,
        visits.contact_id,
        visits.occurred_at,
        visits.known_at,
        coalesce(paths.topic, visits.page_group) as topic,
        paths.industry
    from {{ ref('int_intent__visits') }} as visits
    left join paths on visits.url_path = paths.url_path
    where
        visits.occurred_at < {{ as_of_end() }}
        and visits.known_at < {{ as_of_end() }}
        and {{ is_changed_part('web_session', 'visits.session_date') }}

),

visitor_sessions as (

    select
        session_id,
        min(session_date) as session_date,
        min(source_system) as source_system,
        max(account_id) as account_id,
        max(contact_id) as contact_id,
        min(topic) as topic,
        max(topic) as other_topic,
        max(case when topic is not null then industry end) as industry,
        min(occurred_at) as occurred_at,
        min(known_at) as known_at
    from pages
    group by session_id

),

-- Of several topics of a session the one with most pages.
page_topics as (

    select
        pages.session_id,
        pages.topic,
        max(pages.industry) as industry,
        row_number() over (
            partition by pages.session_id
            order by count(*) desc, pages.topic asc nulls last
        ) as topic_rank
    from pages
    inner join visitor_sessions on pages.session_id = visitor_sessions.session_id
    where pages.topic is not null and visitor_sessions.topic < visitor_sessions.other_topic
    group by pages.session_id, pages.topic

),

-- A visit by a visitor who is known, about the topic of most of its pages.
sessions as (

    select
        visitor_sessions.session_id,
        visitor_sessions.session_date,
        visitor_sessions.source_system,
        visitor_sessions.account_id,
        visitor_sessions.contact_id,
        coalesce(page_topics.topic, visitor_sessions.topic) as topic,
        case
            when page_topics.session_id is null then visitor_sessions.industry
            else page_topics.industry
        end as topic_industry,
        visitor_sessions.occurred_at,
        visitor_sessions.known_at
    from visitor_sessions
    left join page_topics
        on visitor_sessions.session_id = page_topics.session_id and page_topics.topic_rank = 1

),

-- A day of becoming known is that of one of two times: each is looked for by itself, which leaves
-- the other rows unread.
activities as (

    select
        *,
        {{ known_at('occurred_at', 'recorded_at') }} as known_at
    from {{ ref('fct_activity') }}
    where occurred_at < {{ as_of_end() }} and {{ is_near_changed_part('activity', 'occurred_at') }}
    union all
    select
        *,
        {{ known_at('occurred_at', 'recorded_at') }} as known_at
    from {{ ref('fct_activity') }}
    where
        occurred_at < {{ as_of_end() }}
        and {{ is_near_changed_part('activity', 'recorded_at') }}
        and not {{ is_near_changed_part('activity', 'occurred_at') }}

),

text_topics as (

    select
        activity_id,
        min(keyword_group) as keyword_group
    from {{ ref('int_intent__keyword_matches') }}
    where
        text_object = 'activity_text'
        and {{ is_near_changed_part('activity', 'known_at') }}
        and {{ is_changed_part('activity', 'cast(known_at as date)') }}
    group by activity_id

),

shares as (

    select * from {{ ref('int_canonical__content_shares') }}
    where
        shared_at < {{ as_of_end() }}
        and {{ is_near_changed_part('content_share', 'shared_at') }}
        and {{ is_changed_part('content_share', 'cast(shared_at as date)') }}

),

posts as (

    select * from {{ ref('int_canonical__community_posts') }}
    where
        posted_at < {{ as_of_end() }}
        and {{ is_changed_part('community_post', 'cast(posted_at as date)') }}

),

attendances as (

    select * from {{ ref('int_canonical__event_attendances') }}
    where
        attended_at < {{ as_of_end() }}
        and {{ is_changed_part('event_attendance', 'cast(attended_at as date)') }}

),

records as (

    select
        'activity' as source_object,
        activities.activity_id as source_id,
        activities.source_system,
        cast(activities.known_at as date) as source_date,
        activities.account_id as own_account_id,
        activities.contact_id,
        activities.opportunity_id,
        activities.lead_id,
        activities.rep_id,
        coalesce(activities.channel, 'other') as channel,
        activities.direction,
        text_topics.keyword_group as topic,
        cast(null as string) as topic_industry,
        activities.occurred_at,
        activities.known_at
    from activities
    left join text_topics on activities.activity_id = text_topics.activity_id
    where
        activities.known_at < {{ as_of_end() }}
        and {{ is_changed_part('activity', 'cast(activities.known_at as date)') }}
    union all
    select
        'web_session' as source_object,
        sessions.session_id as source_id,
        sessions.source_system,
        sessions.session_date as source_date,
        sessions.account_id as own_account_id,
        sessions.contact_id,
        cast(null as string) as opportunity_id,
        cast(null as string) as lead_id,
        cast(null as string) as rep_id,
        'web' as channel,
        'inbound' as direction,
        sessions.topic,
        sessions.topic_industry,
        sessions.occurred_at,
        sessions.known_at
    from sessions
    union all
    select
        'content_share' as source_object,
        shares.content_share_id as source_id,
        shares.source_system,
        cast(shares.shared_at as date) as source_date,
        shares.account_id as own_account_id,
        shares.contact_id,
        cast(null as string) as opportunity_id,
        cast(null as string) as lead_id,
        cast(null as string) as rep_id,
        'share' as channel,
        'inbound' as direction,
        contents.topic,
        contents.industry as topic_industry,
        shares.shared_at as occurred_at,
        shares.shared_at as known_at
    from shares
    left join contents on shares.content_id = contents.content_id
    union all
    select
        'community_post' as source_object,
        community_post_id as source_id,
        source_system,
        cast(posted_at as date) as source_date,
        account_id as own_account_id,
        contact_id,
        cast(null as string) as opportunity_id,
        cast(null as string) as lead_id,
        cast(null as string) as rep_id,
        'community' as channel,
        'inbound' as direction,
        topic,
        cast(null as string) as topic_industry,
        posted_at as occurred_at,
        posted_at as known_at
    from posts
    union all
    select
        'event_attendance' as source_object,
        event_attendance_id as source_id,
        source_system,
        cast(attended_at as date) as source_date,
        account_id as own_account_id,
        contact_id,
        cast(null as string) as opportunity_id,
        cast(null as string) as lead_id,
        cast(null as string) as rep_id,
        'event' as channel,
        'inbound' as direction,
        cast(null as string) as topic,
        cast(null as string) as topic_industry,
        attended_at as occurred_at,
        attended_at as known_at
    from attendances
    union all
    {{ records_of_changed_keys() }}

),

opportunities as (

    select
        opportunity_id,
        account_id,
        product_line
    from {{ ref('fct_opportunity') }}
    where {{ is_named_in('records', 'opportunity_id') }}

),

leads as (

    select
        lead_id,
        account_id,
        product_line
    from {{ ref('fct_lead') }}
    where {{ is_named_in('records', 'lead_id') }}

),

placed as (

    select
        records.*,
        coalesce(records.own_account_id, opportunities.account_id, leads.account_id)
            as account_id,
        coalesce(opportunities.product_line, leads.product_line) as topic_product_line
    from records
    left join opportunities on records.opportunity_id = opportunities.opportunity_id
    left join leads on records.lead_id = leads.lead_id

),

customers as (

    select
        account_id,
        customer_id
    from {{ ref('bridge_account_customer') }}
    where {{ is_named_in('placed', 'account_id') }}

),

persons as (

    select
        contact_id,
        customer_id
    from {{ ref('bridge_contact_person') }}
    where {{ is_named_in('placed', 'contact_id') }}

)

select
    placed.source_object,
    placed.source_id,
    placed.source_system,
    placed.source_date,
    placed.own_account_id,
    placed.account_id,
    placed.contact_id,
    placed.opportunity_id,
    placed.lead_id,
    coalesce(customers.customer_id, persons.customer_id) as customer_id,
    placed.rep_id,
    placed.channel,
    placed.direction,
    placed.topic,
    placed.topic_industry,
    placed.topic_product_line,
    placed.occurred_at,
    placed.known_at,
    cast(1 as int) as written_in,
    cast(null as int) as gone_in
from placed
left join customers on placed.account_id = customers.account_id
left join persons
    on
        -- Nobody is looked for where the account says whose touch it is.
        case when customers.customer_id is null then placed.contact_id end = persons.contact_id
