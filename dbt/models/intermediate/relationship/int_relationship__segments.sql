-- One row per definition and segment with a row of its own: the number of decayed touches by which
-- its frequency saturates; without a segment, that of all others.
with

definitions as (

    select * from {{ ref('int_relationship__definitions') }}

),

parameters as (

    select
        *,
        lead(valid_from) over (
            partition by segment order by valid_from asc nulls last
        ) as valid_until
    from {{ ref('relationship_parameter') }}
    where parameter_id = 'frequency_tau_touches'

)

select
    definitions.definition_version,
    parameters.segment,
    parameters.value as tau_touches
from definitions
inner join parameters
    on
        definitions.period_start >= parameters.valid_from
        and (
            parameters.valid_until is null
            or definitions.period_start < parameters.valid_until
        )
