-- One row per pair of customers and kind of edge, also those dropped as noise, with the reason.
with

edges as (

    select * from {{ ref('fct_influence_edge') }}

),

customers as (

    select * from {{ ref('dim_customer') }}

),

teams as (

    select
        team_id,
        team_name
    from {{ ref('dim_team') }}

),

names as (

    select
        edge_type,
        name_en,
        name_zh,
        row_number() over (
            partition by edge_type
            order by valid_from desc nulls last, version desc nulls last, min_events asc nulls last
        ) as version_rank
    from {{ ref('graph_edge_rule') }}
    where valid_from <= {{ as_of_date() }}

)

select
    edges.influence_edge_id,
    edges.edge_type,
    names.name_en as edge_type_name_en,
    names.name_zh as edge_type_name_zh,
    edges.from_customer_id,
    influencers.customer_name as from_customer_name,
    edges.to_customer_id,
    influenced.customer_name as to_customer_name,
    influencers.industry,
    influencers.region,
    influencers.segment,
    teams.team_name,
    influenced.industry as to_industry,
    edges.count_events,
    edges.first_at,
    edges.last_at,
    edges.above_threshold_at,
    cast(edges.first_at as date) as period_date,
    edges.strength_ratio,
    edges.is_above_threshold,
    not edges.is_above_threshold as is_dropped,
    edges.is_claim,
    edges.dropped_reason,
    edges.definition_version
from edges
left join customers as influencers on edges.from_customer_id = influencers.customer_id
left join customers as influenced on edges.to_customer_id = influenced.customer_id
left join teams on influencers.team_id = teams.team_id
left join names on edges.edge_type = names.edge_type and names.version_rank = 1
