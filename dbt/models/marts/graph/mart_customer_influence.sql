-- One row per customer: whom it influences, who influences it, and the business it brought.
with

influence as (

    select * from {{ ref('fct_customer_influence') }}

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

edges as (

    select
        from_customer_id as customer_id,
        cast(sum(case when is_above_threshold then 1 else 0 end) as bigint) as count_edges,
        cast(sum(case when is_above_threshold then 0 else 1 end) as bigint) as count_edges_dropped
    from {{ ref('fct_influence_edge') }}
    group by from_customer_id

),

referrals as (

    select
        from_customer_id as customer_id,
        count(distinct to_customer_id) as count_accounts_referred,
        count(distinct act_id) as count_opportunities_referred
    from {{ ref('int_graph__acts') }}
    where edge_type = 'referral' and dropped_reason is null
    group by from_customer_id

)

select
    influence.customer_id,
    customers.customer_name,
    customers.industry,
    customers.region,
    customers.segment,
    customers.tier,
    teams.team_name,
    influence.is_graph_known,
    influence.is_in_graph,
    influence.influence_points,
    influence.influence_accounts,
    influence.count_accounts_influenced,
    influence.count_direct_accounts,
    influence.count_industries_influenced,
    influence.count_levels_reached,
    influence.count_accounts_influencing,
    coalesce(edges.count_edges, 0) as count_edges,
    coalesce(edges.count_edges_dropped, 0) as count_edges_dropped,
    referrals.customer_id is not null as is_referrer,
    coalesce(referrals.count_accounts_referred, 0) as count_accounts_referred,
    coalesce(referrals.count_opportunities_referred, 0) as count_opportunities_referred,
    influence.definition_version
from influence
left join customers on influence.customer_id = customers.customer_id
left join teams on customers.team_id = teams.team_id
left join edges on influence.customer_id = edges.customer_id
left join referrals on influence.customer_id = referrals.customer_id
