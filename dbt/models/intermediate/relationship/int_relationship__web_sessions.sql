-- One row per session on our site of a visitor who is known, with the topic of most of its pages.
with

contents as (

    select
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
        visits.source_system,
        visits.account_id,
        visits.contact_id,
        visits.occurred_at,
        visits.known_at,
        coalesce(paths.topic, visits.page_group) as topic,
        paths.industry
    from {{ ref('int_intent__visits') }} as visits
    left join paths on visits.url_path = paths.url_path
    where visits.occurred_at < {{ as_of_end() }}

),

sessions as (

    select
        session_id,
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
    inner join sessions on pages.session_id = sessions.session_id
    where pages.topic is not null and sessions.topic < sessions.other_topic
    group by pages.session_id, pages.topic

)

select
    sessions.session_id,
    sessions.source_system,
    sessions.account_id,
    sessions.contact_id,
    coalesce(page_topics.topic, sessions.topic) as topic,
    case
        when page_topics.session_id is null then sessions.industry
        else page_topics.industry
    end as topic_industry,
    sessions.occurred_at,
    sessions.known_at
from sessions
left join page_topics
    on sessions.session_id = page_topics.session_id and page_topics.topic_rank = 1
