-- One row per currency and period in which its rate holds.
with

rates as (

    select * from {{ ref('currency_rate') }}

)

select
    currency,
    cny_per,
    valid_from,
    lead(valid_from) over (partition by currency order by valid_from asc nulls last) as valid_until
from rates
