-- One row per pair of customers and kind of edge under today's rules. An edge below the threshold
-- is kept, counts nowhere and says so. Edges of a customer to itself are none.
{{ config(
    materialized=keys_materialization(),
    meta=graph_keys('from_customer_id', 'int_graph__changed_edges'),
    tags=['graph']
) }}
with

rules as (

    select * from {{ ref('int_graph__rules') }}
    where is_latest

),

customers as (

    select * from {{ ref('int_graph__customers') }}

),

influencers as (

    select * from customers
    where {{ is_changed_key('customer_id') }}

),

edges as (

    select
        rules.edge_type,
        edges.from_customer_number,
        edges.to_customer_number,
        max(edges.count_events) as count_events,
        min(edges.first_at) as first_at,
        max(edges.last_at) as last_at,
        max(case when edges.passed_at is not null then rules.strength_ratio else 0 end)
            as strength_ratio,
        min(edges.passed_at) as passed_at,
        min(case when rules.min_events = rules.threshold_events then edges.passed_at end)
            as above_threshold_at,
        max(case when rules.is_claim then 1 else 0 end) = 1 as is_claim,
        min(edges.executive_at) as executive_at,
        min(edges.director_at) as director_at,
        min(edges.manager_at) as manager_at,
        min(edges.practitioner_at) as practitioner_at,
        max(rules.definition_version) as definition_version
    from {{ ref('int_graph__edges') }} as edges
    inner join rules on edges.rule_number = rules.rule_number
    inner join influencers on edges.from_customer_number = influencers.customer_number
    group by rules.edge_type, edges.from_customer_number, edges.to_customer_number

)

select
    edges.edge_type
    || '|' || influencers.customer_id
    || '|' || influenced.customer_id as influence_edge_id,
    influencers.customer_id as from_customer_id,
    influenced.customer_id as to_customer_id,
    edges.edge_type,
    edges.count_events,
    edges.first_at,
    edges.last_at,
    edges.strength_ratio,
    edges.passed_at is not null as is_above_threshold,
    edges.above_threshold_at,
    case when edges.passed_at is null then 'below_threshold' end as dropped_reason,
    edges.is_claim,
    edges.executive_at,
    edges.director_at,
    edges.manager_at,
    edges.practitioner_at,
    edges.definition_version
from edges
inner join influencers on edges.from_customer_number = influencers.customer_number
inner join customers as influenced on edges.to_customer_number = influenced.customer_number
