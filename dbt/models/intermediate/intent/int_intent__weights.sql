-- One row per signal, industry and first day: the weight that takes the place of the signal's own.
with

weights as (

    select * from {{ ref('intent_signal_weight') }}

)

select
    signal_id,
    industry,
    cast(weight as double) as weight,
    valid_from,
    lead(valid_from) over (
        partition by signal_id, industry order by valid_from asc nulls last
    ) as valid_until,
    concat_ws(
        '|', 'weight', signal_id, industry, cast(cast(weight as decimal(18, 4)) as string)
    ) as rule_text
from weights
