-- One row per customer and channel of its touches: since when it is touched there, the latest, and
-- the day of the latest that the last build knew, if others have come since.
{{ config(materialized=followed_records_materialization()) }}
with

records as (

    select
        customer_id,
        channel,
        known_at,
        occurred_at
    from {{ ref('int_relationship__customer_records') }}
    where customer_id is not null and gone_in is null and {{ is_new_record() }}
    union all
    select
        customer_id,
        channel,
        known_at,
        occurred_at
    from {{ ref('int_relationship__customer_records') }}
    where
        customer_id is not null
        and gone_in is null
        and {{ is_old_record_of_pair() }}
        and not {{ is_new_record() }}

),

touches as (

    select
        customer_id,
        channel,
        cast(known_at as date) as first_known_date,
        cast(known_at as date) as last_known_date,
        occurred_at as last_touch_at,
        case when cast(known_at as date) <= {{ relationship_built_through() }} then occurred_at end
            as last_touch_before_at
    from records
    union all
    {{ followed_pairs() }}

)

select
    customer_id,
    channel,
    min(first_known_date) as first_known_date,
    max(last_known_date) as last_known_date,
    max(last_touch_at) as last_touch_at,
    cast(max(last_touch_before_at) as date) as last_date_before
from touches
group by customer_id, channel
