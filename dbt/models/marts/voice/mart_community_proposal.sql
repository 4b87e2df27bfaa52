-- One row per product proposal that the community's questions make: who asked first, how many ask,
-- and whether all of them have an answer.
with

questions as (

    select * from {{ ref('mart_community_question') }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by proposal_id
            order by asked_at asc nulls last, community_post_id asc nulls last
        ) as question_rank
    from questions

),

counted as (

    select
        proposal_id,
        count(*) as count_questions,
        count(answered_at) as count_answered,
        count(distinct customer_id) as count_customers,
        {{ string_list('topic') }} as topics,
        min(case when answered_at is null then asked_at end) as open_since_at,
        max(asked_at) as last_asked_at,
        max(answered_at) as last_answered_at
    from questions
    group by proposal_id

)

select
    ranked.proposal_id,
    ranked.topic,
    counted.topics,
    ranked.question,
    ranked.customer_id,
    ranked.customer_name,
    ranked.industry,
    ranked.region,
    ranked.asked_at,
    cast(ranked.asked_at as date) as period_date,
    counted.last_asked_at,
    counted.count_questions,
    counted.count_questions - counted.count_answered as count_open_questions,
    counted.count_customers,
    case
        when counted.count_answered = counted.count_questions then 'answered'
        when counted.count_answered > 0 then 'partly_answered'
        else 'open'
    end as status,
    counted.count_answered < counted.count_questions as is_open,
    case when counted.count_answered = counted.count_questions then counted.last_answered_at end
        as answered_at,
    counted.open_since_at,
    -- Of the oldest question without an answer.
    {{ elapsed_days('counted.open_since_at', as_of_end()) }} as waiting_days
from ranked
inner join counted on ranked.proposal_id = counted.proposal_id
where ranked.question_rank = 1
