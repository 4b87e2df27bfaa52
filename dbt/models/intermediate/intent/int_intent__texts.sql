-- One row per text of a touch or community post, with whom it came from. A touch that names no
-- account takes the one of its opportunity, lead or contact, in this order. A text is known from
-- when it was recorded.
with

activity_texts as (

    select * from {{ ref('int_canonical__activity_texts') }}

),

activities as (

    select * from {{ ref('fct_activity') }}

),

posts as (

    select * from {{ ref('int_canonical__community_posts') }}

),

opportunities as (

    select * from {{ ref('fct_opportunity') }}

),

leads as (

    select * from {{ ref('fct_lead') }}

),

contacts as (

    select * from {{ ref('dim_contact') }}

)

select
    'activity_text' as text_object,
    activity_texts.activity_text_id as text_id,
    activity_texts.source_system,
    activities.activity_id,
    activities.channel,
    activities.direction,
    coalesce(
        activities.account_id,
        opportunities.account_id,
        leads.account_id,
        contacts.account_id
    ) as account_id,
    activities.contact_id,
    activities.opportunity_id,
    activities.lead_id,
    activities.occurred_at,
    case
        when activities.recorded_at > activities.occurred_at then activities.recorded_at
        else activities.occurred_at
    end as known_at,
    activity_texts.body
from activity_texts
inner join activities on activity_texts.activity_id = activities.activity_id
left join opportunities on activities.opportunity_id = opportunities.opportunity_id
left join leads on activities.lead_id = leads.lead_id
left join contacts on activities.contact_id = contacts.contact_id
where activities.occurred_at is not null and activity_texts.body is not null
union all
select
    'community_post' as text_object,
    posts.community_post_id as text_id,
    posts.source_system,
    cast(null as string) as activity_id,
    'community_post' as channel,
    'inbound' as direction,
    coalesce(posts.account_id, contacts.account_id) as account_id,
    posts.contact_id,
    cast(null as string) as opportunity_id,
    cast(null as string) as lead_id,
    posts.posted_at as occurred_at,
    posts.posted_at as known_at,
    posts.body
from posts
left join contacts on posts.contact_id = contacts.contact_id
where posts.posted_at is not null and posts.body is not null
