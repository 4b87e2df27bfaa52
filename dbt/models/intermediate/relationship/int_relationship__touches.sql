-- One row per touch of a customer that is known by the day that counts as today.
select
    source_object || ':' || source_id as touch_id,
    customer_id,
    contact_id,
    rep_id,
    channel,
    direction,
    topic,
    topic_industry,
    topic_product_line,
    occurred_at,
    known_at,
    cast(occurred_at as date) as occurred_date,
    cast(known_at as date) as known_date,
    source_system,
    source_object,
    source_id
from {{ ref('int_relationship__customer_records') }}
where customer_id is not null and gone_in is null
