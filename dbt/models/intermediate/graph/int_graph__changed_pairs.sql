-- One row per rule and pair of customers between which an act has come or gone since the last
-- build, or which were at an event that has changed: only their edges can be others than before.
-- Who acts as a person counts over all its acts, so the edges of all of them may change by one. No
-- pair where the graph is made anew: then all edges are found.
{{ config(materialized='table', tags=['graph']) }}
with

rules as (

    select * from {{ ref('int_graph__rules') }}
    where {{ 'false' if is_graph_anew() else 'true' }}

),

changed_acts as (

    select
        edge_type,
        coalesce(from_person_id, from_customer_id) as actor_id,
        from_customer_number,
        to_customer_number,
        dropped_reason
    from {{ ref('int_graph__changed_acts') }}

),

acts as (

    select
        edge_type,
        coalesce(from_person_id, from_customer_id) as actor_id,
        from_customer_number,
        to_customer_number
    from {{ ref('int_graph__acts') }}
    where dropped_reason is null

),

actors as (

    select distinct
        rules.rule_number,
        changed_acts.edge_type,
        changed_acts.actor_id
    from changed_acts
    inner join rules on changed_acts.edge_type = rules.edge_type
    where rules.counted_per = 'person'

),

joined as (

    select
        rules.rule_number,
        changed_acts.from_customer_number,
        changed_acts.to_customer_number
    from changed_acts
    inner join rules on changed_acts.edge_type = rules.edge_type
    where changed_acts.dropped_reason is null
    union
    select
        actors.rule_number,
        acts.from_customer_number,
        acts.to_customer_number
    from acts
    inner join actors on acts.edge_type = actors.edge_type and acts.actor_id = actors.actor_id

),

attendances as (

    select distinct
        rules.rule_number,
        attendances.event_key,
        attendances.customer_number
    from {{ ref('int_graph__changed_attendances') }} as attendances
    inner join rules
        on
            rules.edge_type = 'co_attendance'
            and attendances.group_size <= rules.max_group_size
    where attendances.customer_number is not null

)

select
    rule_number,
    from_customer_number,
    to_customer_number
from joined
union
select
    joined.rule_number,
    joined.to_customer_number as from_customer_number,
    joined.from_customer_number as to_customer_number
from joined
inner join rules on joined.rule_number = rules.rule_number
where rules.is_mutual
union
select
    guests.rule_number,
    guests.customer_number as from_customer_number,
    met.customer_number as to_customer_number
from attendances as guests
inner join attendances as met
    on
        guests.rule_number = met.rule_number
        and guests.event_key = met.event_key
        and guests.customer_number <> met.customer_number
