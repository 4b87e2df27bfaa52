-- One row per threshold and unit: the value valid on the day that counts as today.
with

thresholds as (

    select * from {{ ref('thresholds') }}

),

begun as (

    select
        threshold_id,
        unit,
        value as threshold_value,
        valid_from,
        row_number() over (
            partition by threshold_id, unit order by valid_from desc nulls last
        ) as age_rank
    from thresholds
    where valid_from <= {{ as_of_date() }}

)

select
    threshold_id,
    unit,
    threshold_value,
    valid_from
from begun
where age_rank = 1
