-- One row per definition and touch: its weight, and how much its topic overlaps with the customer's
-- industry and with the product lines that were open on the day on which the touch was known. The
-- overlap is the mean of what can be compared; where nothing can, it is unknown.
with

touches as (

    select
        *,
        case when topic_product_line is not null then customer_id end as line_customer_id
    from {{ ref('int_relationship__touches') }}

),

customers as (

    select
        customer_id,
        industry
    from {{ ref('dim_customer') }}

),

channels as (

    select * from {{ ref('int_relationship__channels') }}

),

topics as (

    select * from {{ ref('int_relationship__topics') }}

),

compared as (

    select
        channels.definition_version,
        touches.touch_id,
        touches.customer_id,
        touches.channel,
        touches.occurred_at,
        touches.known_at,
        touches.occurred_date,
        touches.known_date,
        channels.channel_bit,
        channels.is_covered,
        channels.weight,
        coalesce(industry_topics.overlap_ratio, other_topics.overlap_ratio) as topic_overlap,
        case
            when touches.topic_industry is not null and customers.industry is not null
                then
                    case
                        when touches.topic_industry = customers.industry then 1
                        else 0
                    end
        end as industry_overlap,
        case
            when touches.topic_product_line is null or any_lines.customer_id is null then null
            when same_lines.customer_id is not null then 1
            else 0
        end as line_overlap
    from touches
    inner join channels on touches.channel = channels.channel
    left join customers on touches.customer_id = customers.customer_id
    left join topics as industry_topics
        on
            channels.definition_version = industry_topics.definition_version
            and touches.topic = industry_topics.topic
            and customers.industry = industry_topics.industry
    left join topics as other_topics
        on
            channels.definition_version = other_topics.definition_version
            and touches.topic = other_topics.topic
            and other_topics.industry is null
    left join {{ ref('int_relationship__open_lines') }} as any_lines
        on
            touches.line_customer_id = any_lines.customer_id
            and any_lines.product_line is null
            and touches.known_date >= any_lines.first_date
            and touches.known_date <= coalesce(any_lines.last_date, date '9999-12-31')
    left join {{ ref('int_relationship__open_lines') }} as same_lines
        on
            touches.customer_id = same_lines.customer_id
            and touches.topic_product_line = same_lines.product_line
            and touches.known_date >= same_lines.first_date
            and touches.known_date <= coalesce(same_lines.last_date, date '9999-12-31')

)

select
    definition_version,
    touch_id,
    customer_id,
    channel,
    occurred_at,
    known_at,
    occurred_date,
    known_date,
    channel_bit,
    is_covered,
    cast(weight as double) as weight,
    {{ safe_ratio(
        'coalesce(topic_overlap, 0) + coalesce(industry_overlap, 0) + coalesce(line_overlap, 0)',
        '(case when topic_overlap is null then 0 else 1 end'
        ~ ' + case when industry_overlap is null then 0 else 1 end'
        ~ ' + case when line_overlap is null then 0 else 1 end)'
    ) }} as overlap_ratio
from compared
