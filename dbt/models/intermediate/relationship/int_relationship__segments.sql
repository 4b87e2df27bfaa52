-- One row per definition and customer: the number of decayed touches by which the frequency of its
-- segment saturates.
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

),

taus as (

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

),

customers as (

    select
        customer_id,
        segment
    from {{ ref('dim_customer') }}

)

select
    customers.customer_id,
    default_taus.definition_version,
    coalesce(own_taus.tau_touches, default_taus.tau_touches) as tau_touches
from customers
inner join taus as default_taus on default_taus.segment is null
left join taus as own_taus
    on
        customers.segment = own_taus.segment
        and default_taus.definition_version = own_taus.definition_version
