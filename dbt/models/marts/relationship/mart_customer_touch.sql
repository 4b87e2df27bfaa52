-- One row per touch of a customer in the time that pages list: who, how, about what, and how much
-- it still counts for the frequency on the day that counts as today.
with

definitions as (

    select * from {{ ref('int_relationship__definitions') }}
    where is_current

),

limits as (

    select cast(max(threshold_value) as bigint) as listed_days
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'relationship_touch_days'

),

touches as (

    select touches.*
    from {{ ref('int_relationship__touches') }} as touches
    inner join limits
        on touches.occurred_date > {{ add_days(as_of_date(), '-limits.listed_days') }}

),

weights as (

    select
        channels.channel,
        channels.weight,
        definitions.half_life_days
    from {{ ref('int_relationship__channels') }} as channels
    inner join definitions on channels.definition_version = definitions.definition_version

),

customers as (

    select
        customer_id,
        customer_name
    from {{ ref('dim_customer') }}

),

persons as (

    select
        bridge.contact_id,
        bridge.person_id,
        people.person_name
    from {{ ref('bridge_contact_person') }} as bridge
    left join {{ ref('dim_person') }} as people on bridge.person_id = people.person_id

),

reps as (

    select
        rep_id,
        rep_name
    from {{ ref('dim_rep') }}

)

select
    touches.touch_id,
    touches.customer_id,
    customers.customer_name,
    persons.person_id,
    persons.person_name,
    touches.rep_id,
    reps.rep_name,
    touches.channel,
    touches.direction,
    touches.topic,
    touches.topic_product_line as product_line,
    touches.occurred_at,
    touches.known_at,
    touches.occurred_date as period_date,
    touches.source_system,
    touches.source_object,
    touches.source_id,
    round(
        weights.weight * power(
            cast(0.5 as double),
            {{ elapsed_days('touches.occurred_date', as_of_date()) }}
            / cast(weights.half_life_days as double)
        ),
        4
    ) as weight_points
from touches
inner join weights on touches.channel = weights.channel
left join customers on touches.customer_id = customers.customer_id
left join persons on touches.contact_id = persons.contact_id
left join reps on touches.rep_id = reps.rep_id
