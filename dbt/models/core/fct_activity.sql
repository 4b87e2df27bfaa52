-- One row per activity.
with

activities as (

    select * from {{ ref('int_canonical__activities') }}

)

select
    activity_id,
    source_system,
    account_id,
    contact_id,
    opportunity_id,
    lead_id,
    rep_id,
    channel,
    direction,
    is_automatic,
    occurred_at,
    recorded_at,
    duration_minutes,
    first_loaded_at,
    loaded_at
from activities
