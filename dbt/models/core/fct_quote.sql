-- One row per quote.
with

quotes as (

    select * from {{ ref('int_canonical__quotes') }}

)

select
    quote_id,
    source_system,
    opportunity_id,
    list_price,
    offered_price,
    case
        when discount_ratio is not null then discount_ratio
        when list_price > 0 then 1 - {{ safe_ratio("offered_price", "list_price") }}
    end as discount_ratio,
    currency,
    quoted_at,
    valid_until,
    first_loaded_at,
    loaded_at
from quotes
