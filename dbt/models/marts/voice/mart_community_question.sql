-- One row per question that a customer asked in the community, with the proposal it belongs to:
-- questions in the same words are one proposal, on whatever board they are asked.
with

accounts as (

    select
        account_id,
        customer_id
    from {{ ref('bridge_account_customer') }}

),

people as (

    select
        contact_id,
        person_id,
        customer_id
    from {{ ref('bridge_contact_person') }}

),

posts as (

    select
        posts.community_post_id,
        posts.source_system,
        coalesce(accounts.customer_id, people.customer_id) as customer_id,
        people.person_id,
        posts.topic,
        posts.body,
        posts.posted_at as asked_at,
        case when posts.answered_at < {{ as_of_end() }} then posts.answered_at end as answered_at
    from {{ ref('int_canonical__community_posts') }} as posts
    left join accounts on posts.account_id = accounts.account_id
    left join people on posts.contact_id = people.contact_id
    where posts.is_question and posts.posted_at < {{ as_of_end() }}

),

customers as (

    select * from {{ ref('dim_customer') }}

),

worded as (

    select
        posts.*,
        lower(trim(coalesce(posts.body, posts.community_post_id))) as words
    from posts

)

select
    worded.community_post_id,
    'proposal:' || md5(worded.words) as proposal_id,
    worded.source_system,
    worded.customer_id,
    customers.customer_name,
    customers.industry,
    customers.region,
    customers.segment,
    worded.person_id,
    worded.topic,
    worded.body as question,
    worded.asked_at,
    cast(worded.asked_at as date) as period_date,
    worded.answered_at,
    worded.answered_at is not null as is_answered,
    case
        when worded.answered_at >= worded.asked_at
            then {{ elapsed_days('worded.asked_at', 'worded.answered_at') }}
    end as answer_days,
    case
        when worded.answered_at is null
            then {{ elapsed_days('worded.asked_at', as_of_end()) }}
    end as waiting_days
from worded
left join customers on worded.customer_id = customers.customer_id
