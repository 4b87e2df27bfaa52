-- One row per threshold and unit: the value valid on the day that counts as today.
with

thresholds as (

    select * from {{ ref('thresholds') }}

)

select
    threshold_id,
    unit,
    value as threshold_value,
    valid_from
from thresholds
where valid_from <= {{ as_of_date() }}
qualify row_number() over (partition by threshold_id, unit order by valid_from desc) = 1
