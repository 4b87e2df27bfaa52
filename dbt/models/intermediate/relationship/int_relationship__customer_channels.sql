-- One row per customer and channel of its touches: since when it is touched there, the latest, and
-- the day of the latest that the last build knew, if others have come since.
{{ config(materialized=followed_records_materialization()) }}
select
    customer_id,
    channel,
    min(known_date) as first_known_date,
    max(known_date) as last_known_date,
    max(occurred_at) as last_touch_at,
    max(
        case when known_date <= {{ relationship_built_through() }} then occurred_date end
    ) as last_date_before
from {{ ref('int_relationship__touches') }}
where {{ is_followed_record() }}
group by customer_id, channel
