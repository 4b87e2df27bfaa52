-- One row per act and edge that it speaks for, and one per act that joins nobody, with the reason:
-- what stands behind the edges of the graph. Of meetings only those of edges that count are shown.
with

acts as (

    select
        *,
        count(*) over (
            partition by edge_type, coalesce(from_person_id, from_customer_id)
        ) as count_acts_of_actor
    from {{ ref('int_graph__acts') }}

),

edges as (

    select * from {{ ref('fct_influence_edge') }}

),

mutual as (

    select distinct edge_type
    from {{ ref('int_graph__rules') }}
    where is_latest and is_mutual

),

attendances as (

    select attendances.*
    from {{ ref('int_graph__attendances') }} as attendances
    inner join {{ ref('int_graph__rules') }} as rules
        on
            rules.edge_type = 'co_attendance'
            and rules.is_latest
            and rules.min_events = rules.threshold_events
            and attendances.group_size <= rules.max_group_size

),

forward as (

    select
        edges.influence_edge_id,
        acts.edge_type,
        acts.act_object,
        acts.act_id,
        acts.from_customer_id,
        acts.to_customer_id,
        acts.from_person_id,
        acts.to_person_id,
        acts.occurred_at,
        acts.count_acts_of_actor,
        edges.is_above_threshold,
        coalesce(acts.dropped_reason, edges.dropped_reason) as dropped_reason
    from acts
    left join edges
        on
            acts.edge_type = edges.edge_type
            and acts.from_customer_id = edges.from_customer_id
            and acts.to_customer_id = edges.to_customer_id

),

backward as (

    select
        edges.influence_edge_id,
        acts.edge_type,
        acts.act_object,
        acts.act_id,
        edges.from_customer_id,
        edges.to_customer_id,
        acts.to_person_id as from_person_id,
        acts.from_person_id as to_person_id,
        acts.occurred_at,
        acts.count_acts_of_actor,
        edges.is_above_threshold,
        edges.dropped_reason
    from acts
    inner join mutual on acts.edge_type = mutual.edge_type
    inner join edges
        on
            acts.edge_type = edges.edge_type
            and acts.to_customer_id = edges.from_customer_id
            and acts.from_customer_id = edges.to_customer_id
    where acts.dropped_reason is null

),

meetings as (

    select
        edges.influence_edge_id,
        edges.edge_type,
        'event_attendance' as act_object,
        guests.event_key as act_id,
        edges.from_customer_id,
        edges.to_customer_id,
        cast(null as string) as from_person_id,
        cast(null as string) as to_person_id,
        case
            when guests.attended_at >= met.attended_at then guests.attended_at
            else met.attended_at
        end as occurred_at,
        edges.count_events as count_acts_of_actor,
        edges.is_above_threshold,
        edges.dropped_reason
    from edges
    inner join attendances as guests on edges.from_customer_id = guests.customer_id
    inner join attendances as met
        on edges.to_customer_id = met.customer_id and guests.event_key = met.event_key
    where edges.edge_type = 'co_attendance'

),

all_acts as (

    select * from forward
    union all
    select * from backward
    union all
    select * from meetings

),

customers as (

    select
        customer_id,
        customer_name
    from {{ ref('dim_customer') }}

),

persons as (

    select
        person_id,
        person_name
    from {{ ref('dim_person') }}

)

select
    coalesce(all_acts.influence_edge_id, all_acts.edge_type) || '|' || all_acts.act_id
        as influence_act_id,
    all_acts.influence_edge_id,
    all_acts.edge_type,
    all_acts.act_object,
    all_acts.act_id,
    all_acts.from_customer_id,
    influencers.customer_name as from_customer_name,
    all_acts.from_person_id,
    actors.person_name as from_person_name,
    all_acts.to_customer_id,
    influenced.customer_name as to_customer_name,
    all_acts.to_person_id,
    receivers.person_name as to_person_name,
    all_acts.occurred_at,
    cast(all_acts.occurred_at as date) as period_date,
    all_acts.count_acts_of_actor,
    coalesce(all_acts.is_above_threshold, false) as is_above_threshold,
    all_acts.dropped_reason
from all_acts
left join customers as influencers on all_acts.from_customer_id = influencers.customer_id
left join customers as influenced on all_acts.to_customer_id = influenced.customer_id
left join persons as actors on all_acts.from_person_id = actors.person_id
left join persons as receivers on all_acts.to_person_id = receivers.person_id
