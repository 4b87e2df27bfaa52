-- One row per edge, period of the rules and number of acts that counts in it: when that number
-- was reached, if it was, worked out from all acts between customers of which any has changed. A
-- kind of edge in which nobody claims influence (meeting at events) keeps only what reaches the
-- number, so that large events do not become millions of rows.
{{ config(materialized='view') }}
with

rules as (

    select * from {{ ref('int_graph__rules') }}

),

changed_pairs as (

    select * from {{ ref('int_graph__changed_pairs') }}

),

acts as (

    select
        edge_type,
        coalesce(from_person_id, from_customer_id) as actor_id,
        from_customer_number,
        to_customer_number,
        to_decision_level as decision_level,
        occurred_at
    from {{ ref('int_graph__acts') }}
    where
        dropped_reason is null
        and {{ is_among(['from_customer_number', 'to_customer_number'], 'changed_pairs') }}

),

-- All acts of whoever acts, whomever they join.
acts_of_actors as (

    select
        edge_type,
        coalesce(from_person_id, from_customer_id) as actor_id,
        occurred_at
    from {{ ref('int_graph__acts') }}
    where {{ is_among(
        ['edge_type', 'coalesce(from_person_id, from_customer_id)'],
        'acts',
        ['edge_type', 'actor_id']
    ) }}

),

actors_passed as (

    select
        rules.rule_number,
        acts_of_actors.actor_id,
        {{ nth_smallest('acts_of_actors.occurred_at', 'max(rules.min_events)') }} as passed_at
    from acts_of_actors
    inner join rules on acts_of_actors.edge_type = rules.edge_type
    where rules.counted_per = 'person' and acts_of_actors.actor_id is not null
    group by rules.rule_number, acts_of_actors.actor_id
    having count(*) >= max(rules.min_events)

),

directions as (

    select
        *,
        false as is_back
    from rules
    union all
    select
        *,
        true as is_back
    from rules
    where is_mutual

),

joined as (

    select
        directions.rule_number,
        directions.min_events,
        directions.counted_per,
        acts.actor_id,
        case when directions.is_back then acts.to_customer_number else acts.from_customer_number end
            as from_customer_number,
        case when directions.is_back then acts.from_customer_number else acts.to_customer_number end
            as to_customer_number,
        acts.decision_level,
        acts.occurred_at
    from acts
    inner join directions on acts.edge_type = directions.edge_type

),

joining as (

    select *
    from joined
    where {{ is_among(
        ['rule_number', 'from_customer_number', 'to_customer_number'], 'changed_pairs'
    ) }}

),

-- Where one act is enough, any may be the first: only the time of the earliest is taken. Acts of
-- one time need no order among them: whichever is the nth, its time is the same.
ranked as (

    select
        *,
        cast(1 as bigint) as act_rank
    from joining
    where counted_per = 'person' or min_events = 1
    union all
    select
        *,
        row_number() over (
            partition by rule_number, from_customer_number, to_customer_number
            order by occurred_at asc nulls last
        ) as act_rank
    from joining
    where counted_per = 'edge' and min_events > 1

),

edges_of_acts as (

    select
        ranked.rule_number,
        ranked.from_customer_number,
        ranked.to_customer_number,
        count(*) as count_events,
        min(ranked.occurred_at) as first_at,
        max(ranked.occurred_at) as last_at,
        min(
            case
                when ranked.counted_per = 'person' and actors_passed.passed_at >= ranked.occurred_at
                    then actors_passed.passed_at
                when ranked.counted_per = 'person' and actors_passed.passed_at is not null
                    then ranked.occurred_at
                when ranked.counted_per = 'edge' and ranked.act_rank = ranked.min_events
                    then ranked.occurred_at
            end
        ) as passed_at,
        min(case when ranked.decision_level = 'executive' then ranked.occurred_at end)
            as executive_at,
        min(case when ranked.decision_level = 'director' then ranked.occurred_at end)
            as director_at,
        min(case when ranked.decision_level = 'manager' then ranked.occurred_at end) as manager_at,
        min(case when ranked.decision_level = 'practitioner' then ranked.occurred_at end)
            as practitioner_at
    from ranked
    left join actors_passed
        on
            ranked.rule_number = actors_passed.rule_number
            and ranked.actor_id = actors_passed.actor_id
    group by ranked.rule_number, ranked.from_customer_number, ranked.to_customer_number

),

attendances as (

    select
        rules.rule_number,
        rules.min_events,
        attendances.customer_number,
        attendances.event_key,
        attendances.attended_at,
        attendances.executive_at,
        attendances.director_at,
        attendances.manager_at,
        attendances.practitioner_at,
        count(*) over (
            partition by rules.rule_number, attendances.customer_number
        ) as count_groups
    from {{ ref('int_graph__attendances') }} as attendances
    inner join rules
        on
            rules.edge_type = 'co_attendance'
            and attendances.group_size <= rules.max_group_size
    where
        attendances.customer_number is not null
        and {{ is_among(
            ['attendances.customer_number'], 'changed_pairs', ['from_customer_number']
        ) }}

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
        guests.rule_number,
        guests.customer_number as one_customer_number,
        met.customer_number as other_customer_number
    from frequent as guests
    inner join frequent as met
        on
            guests.rule_number = met.rule_number
            and guests.event_key = met.event_key
            and guests.customer_number < met.customer_number
    where {{ is_among(
        ['guests.rule_number', 'guests.customer_number', 'met.customer_number'],
        'changed_pairs',
        ['rule_number', 'from_customer_number', 'to_customer_number']
    ) }}
    group by guests.rule_number, guests.customer_number, met.customer_number
    having count(*) >= max(guests.min_events)

),

pairs as (

    select
        rule_number,
        one_customer_number as from_customer_number,
        other_customer_number as to_customer_number
    from acquainted
    union all
    select
        rule_number,
        other_customer_number as from_customer_number,
        one_customer_number as to_customer_number
    from acquainted

),

meetings as (

    select
        guests.rule_number,
        guests.min_events,
        pairs.from_customer_number,
        pairs.to_customer_number,
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
            pairs.rule_number = guests.rule_number
            and pairs.from_customer_number = guests.customer_number
    inner join frequent as met
        on
            pairs.rule_number = met.rule_number
            and pairs.to_customer_number = met.customer_number
            and guests.event_key = met.event_key

),

meetings_ranked as (

    select
        *,
        row_number() over (
            partition by rule_number, from_customer_number, to_customer_number
            order by occurred_at asc nulls last
        ) as act_rank
    from meetings

),

edges_of_meetings as (

    select
        rule_number,
        from_customer_number,
        to_customer_number,
        count(*) as count_events,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        min(case when act_rank = min_events then occurred_at end) as passed_at,
        min(executive_at) as executive_at,
        min(director_at) as director_at,
        min(manager_at) as manager_at,
        min(practitioner_at) as practitioner_at
    from meetings_ranked
    group by rule_number, from_customer_number, to_customer_number

),

edges as (

    select * from edges_of_acts
    union all
    select * from edges_of_meetings

)

select
    edges.rule_number,
    edges.from_customer_number,
    edges.to_customer_number,
    edges.count_events,
    edges.first_at,
    edges.last_at,
    edges.passed_at,
    edges.executive_at,
    edges.director_at,
    edges.manager_at,
    edges.practitioner_at
from edges
inner join rules on edges.rule_number = rules.rule_number
where rules.is_claim or edges.passed_at is not null
