-- One row per customer and channel of its touches: since when it is touched there, the day of the
-- latest touch that the last build knew, and sums over the content of its touches, by which changes
-- of earlier days are noticed.
{{ config(materialized='table') }}
with

touches as (

    select * from {{ ref('int_relationship__touches') }}

),

contents as (

    select
        customer_id,
        channel,
        occurred_at,
        occurred_date,
        known_date,
        {{ content_number([
            'source_object', 'source_id', 'channel', 'topic', 'topic_industry', 'topic_product_line',
            'occurred_date', 'known_date'
        ]) }} as content_number
    from touches

)

select
    customer_id,
    channel,
    min(known_date) as first_known_date,
    max(occurred_at) as last_touch_at,
    max(
        case when known_date < {{ relationship_built_through() }} then occurred_date end
    ) as last_date_before,
    count(
        case
            when occurred_date > {{ add_days(as_of_date(), -90) }} then 1
        end
    ) as count_touches_90d,
    cast(sum(
        case when known_date < {{ relationship_built_through() }} then content_number else 0 end
    ) as bigint) as content_before,
    cast(sum(
        case when known_date < {{ as_of_date() }} then content_number else 0 end
    ) as bigint) as content_now
from contents
group by customer_id, channel
