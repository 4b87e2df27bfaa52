-- One row per edge, period of the rules and number of acts that counts in it: when that number
-- was reached, if it was. A kind of edge in which nobody claims influence (meeting at events)
-- keeps only what reaches the number, so that large events do not become millions of rows.
{{ config(materialized='table') }}
with

rules as (

    select * from {{ ref('int_graph__rules') }}

),

acts as (

    select
        acts.*,
        persons.decision_level,
        coalesce(acts.from_person_id, acts.from_customer_id) as actor_id
    from {{ ref('int_graph__acts') }} as acts
    left join {{ ref('dim_person') }} as persons on acts.to_person_id = persons.person_id

),

acts_of_actor as (

    select
        edge_type,
        actor_id,
        occurred_at,
        row_number() over (
            partition by edge_type, actor_id
            order by occurred_at asc nulls last, act_id asc nulls last
        ) as act_rank
    from acts
    where actor_id is not null

),

actors_passed as (

    select
        rules.definition_version,
        rules.edge_type,
        rules.min_events,
        acts_of_actor.actor_id,
        acts_of_actor.occurred_at as passed_at
    from rules
    inner join acts_of_actor
        on
            rules.edge_type = acts_of_actor.edge_type
            and rules.min_events = acts_of_actor.act_rank
    where rules.counted_per = 'person'

),

joining as (

    select
        rules.definition_version,
        rules.edge_type,
        rules.min_events,
        rules.counted_per,
        acts.act_id,
        acts.actor_id,
        acts.from_customer_id,
        acts.to_customer_id,
        acts.decision_level,
        acts.occurred_at
    from acts
    inner join rules on acts.edge_type = rules.edge_type
    where acts.dropped_reason is null
    union all
    select
        rules.definition_version,
        rules.edge_type,
        rules.min_events,
        rules.counted_per,
        acts.act_id,
        acts.actor_id,
        acts.to_customer_id as from_customer_id,
        acts.from_customer_id as to_customer_id,
        acts.decision_level,
        acts.occurred_at
    from acts
    inner join rules on acts.edge_type = rules.edge_type
    where acts.dropped_reason is null and rules.is_mutual

),

ranked as (

    select
        joining.*,
        actors_passed.passed_at as actor_passed_at,
        row_number() over (
            partition by
                joining.definition_version,
                joining.edge_type,
                joining.min_events,
                joining.from_customer_id,
                joining.to_customer_id
            order by joining.occurred_at asc nulls last, joining.act_id asc nulls last
        ) as act_rank
    from joining
    left join actors_passed
        on
            joining.definition_version = actors_passed.definition_version
            and joining.edge_type = actors_passed.edge_type
            and joining.min_events = actors_passed.min_events
            and joining.actor_id = actors_passed.actor_id

),

edges_of_acts as (

    select
        definition_version,
        edge_type,
        min_events,
        from_customer_id,
        to_customer_id,
        count(*) as count_events,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        min(
            case
                when counted_per = 'person' and actor_passed_at >= occurred_at then actor_passed_at
                when counted_per = 'person' and actor_passed_at is not null then occurred_at
                when counted_per = 'edge' and act_rank = min_events then occurred_at
            end
        ) as passed_at,
        min(case when decision_level = 'executive' then occurred_at end) as executive_at,
        min(case when decision_level = 'director' then occurred_at end) as director_at,
        min(case when decision_level = 'manager' then occurred_at end) as manager_at,
        min(case when decision_level = 'practitioner' then occurred_at end) as practitioner_at
    from ranked
    group by definition_version, edge_type, min_events, from_customer_id, to_customer_id

),

attendances as (

    select
        rules.definition_version,
        rules.min_events,
        attendances.*,
        count(*) over (
            partition by rules.definition_version, rules.min_events, attendances.customer_id
        ) as count_groups
    from {{ ref('int_graph__attendances') }} as attendances
    inner join rules
        on
            rules.edge_type = 'co_attendance'
            and attendances.group_size <= rules.max_group_size
    where attendances.customer_id is not null

),

-- Whoever was at fewer events than the number cannot have met anybody so often.
frequent as (

    select *
    from attendances
    where count_groups >= min_events

),

-- Counted first and one way only: most pairs meet once, and would be sorted for nothing.
acquainted as (

    select
        guests.definition_version,
        guests.min_events,
        guests.customer_id as one_customer_id,
        met.customer_id as other_customer_id
    from frequent as guests
    inner join frequent as met
        on
            guests.definition_version = met.definition_version
            and guests.min_events = met.min_events
            and guests.event_key = met.event_key
            and guests.customer_id < met.customer_id
    group by
        guests.definition_version,
        guests.min_events,
        guests.customer_id,
        met.customer_id
    having count(*) >= guests.min_events

),

pairs as (

    select
        definition_version,
        min_events,
        one_customer_id as from_customer_id,
        other_customer_id as to_customer_id
    from acquainted
    union all
    select
        definition_version,
        min_events,
        other_customer_id as from_customer_id,
        one_customer_id as to_customer_id
    from acquainted

),

meetings as (

    select
        guests.definition_version,
        guests.min_events,
        guests.event_key,
        pairs.from_customer_id,
        pairs.to_customer_id,
        case
            when guests.attended_at >= met.attended_at then guests.attended_at
            else met.attended_at
        end as occurred_at,
        met.executive_at,
        met.director_at,
        met.manager_at,
        met.practitioner_at
    from pairs
    inner join frequent as guests
        on
            pairs.definition_version = guests.definition_version
            and pairs.min_events = guests.min_events
            and pairs.from_customer_id = guests.customer_id
    inner join frequent as met
        on
            pairs.definition_version = met.definition_version
            and pairs.min_events = met.min_events
            and pairs.to_customer_id = met.customer_id
            and guests.event_key = met.event_key

),

meetings_ranked as (

    select
        *,
        row_number() over (
            partition by definition_version, min_events, from_customer_id, to_customer_id
            order by occurred_at asc nulls last, event_key asc nulls last
        ) as act_rank
    from meetings

),

edges_of_meetings as (

    select
        definition_version,
        'co_attendance' as edge_type,
        min_events,
        from_customer_id,
        to_customer_id,
        count(*) as count_events,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        min(case when act_rank = min_events then occurred_at end) as passed_at,
        min(executive_at) as executive_at,
        min(director_at) as director_at,
        min(manager_at) as manager_at,
        min(practitioner_at) as practitioner_at
    from meetings_ranked
    group by definition_version, min_events, from_customer_id, to_customer_id

),

edges as (

    select * from edges_of_acts
    union all
    select * from edges_of_meetings

)

select
    edges.edge_type
    || '|' || edges.from_customer_id
    || '|' || edges.to_customer_id as influence_edge_id,
    edges.definition_version,
    edges.edge_type,
    edges.min_events,
    edges.from_customer_id,
    edges.to_customer_id,
    edges.count_events,
    edges.first_at,
    edges.last_at,
    edges.passed_at,
    cast(edges.passed_at as date) as passed_date,
    rules.is_latest,
    rules.strength_ratio,
    rules.is_claim,
    edges.min_events = rules.threshold_events as is_threshold,
    edges.executive_at,
    edges.director_at,
    edges.manager_at,
    edges.practitioner_at
from edges
inner join rules
    on
        edges.definition_version = rules.definition_version
        and edges.edge_type = rules.edge_type
        and edges.min_events = rules.min_events
where rules.is_claim or edges.passed_at is not null
