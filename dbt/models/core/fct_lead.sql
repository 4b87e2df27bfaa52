-- One row per lead.
with

leads as (

    select * from {{ ref('int_canonical__leads') }}

)

select
    lead_id,
    source_system,
    lead_name,
    account_id,
    contact_id,
    owner_rep_id,
    opportunity_id,
    channel,
    industry,
    product_line,
    intent_label,
    lead_status,
    created_at,
    first_touch_at,
    first_response_at,
    closed_at,
    case
        when first_response_at >= created_at
            then {{ elapsed_minutes('created_at', 'first_response_at') }}
    end as response_minutes,
    estimated_amount,
    currency,
    first_loaded_at,
    loaded_at
from leads
