-- One row per customer in the middle of the star and opportunity of its own or of a neighbour: what
-- runs at the same time, and what was closed lately. Neighbours are joined by an edge above the
-- threshold, in either direction, or belong to the same group.
with

customers as (

    select * from {{ ref('dim_customer') }}

),

edges as (

    select * from {{ ref('fct_influence_edge') }}
    where is_above_threshold

),

limits as (

    select threshold_value as closed_days
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'star_closed_days'

),

joined as (

    select
        from_customer_id as customer_id,
        to_customer_id as neighbour_id,
        edge_type,
        'influences' as relation,
        strength_ratio
    from edges
    union all
    select
        to_customer_id as customer_id,
        from_customer_id as neighbour_id,
        edge_type,
        'influenced_by' as relation,
        strength_ratio
    from edges
    union all
    select
        customer_id,
        parent_customer_id as neighbour_id,
        'group' as edge_type,
        'parent' as relation,
        cast(0 as double) as strength_ratio
    from customers
    where customers.parent_customer_id <> customers.customer_id
    union all
    select
        parent_customer_id as customer_id,
        customer_id as neighbour_id,
        'group' as edge_type,
        'subsidiary' as relation,
        cast(0 as double) as strength_ratio
    from customers
    where customers.parent_customer_id <> customers.customer_id
    union all
    select
        customer_id,
        customer_id as neighbour_id,
        'own' as edge_type,
        'own' as relation,
        cast(1 as double) as strength_ratio
    from customers

),

neighbours as (

    select
        customer_id,
        neighbour_id,
        {{ string_list('relation') }} as relations,
        {{ string_list('edge_type') }} as edge_types,
        max(strength_ratio) as strength_ratio
    from joined
    group by customer_id, neighbour_id

),

accounts as (

    select
        account_id,
        customer_id
    from {{ ref('bridge_account_customer') }}

),

opportunities as (

    select
        opportunities.*,
        accounts.customer_id
    from {{ ref('fct_opportunity') }} as opportunities
    inner join accounts on opportunities.account_id = accounts.account_id
    cross join limits
    where
        opportunities.created_at < {{ as_of_end() }}
        and (
            opportunities.closed_at is null
            or cast(opportunities.closed_at as date)
            > {{ add_days(as_of_date(), '-limits.closed_days') }}
        )

),

reps as (

    select
        rep_id,
        rep_name,
        team_name
    from {{ ref('dim_rep') }}

)

select
    neighbours.customer_id || '|' || opportunities.opportunity_id as star_opportunity_id,
    neighbours.customer_id,
    focus.customer_name,
    opportunities.opportunity_id,
    opportunities.opportunity_name,
    neighbours.neighbour_id as opportunity_customer_id,
    owners.customer_name as opportunity_customer_name,
    owners.industry as opportunity_industry,
    neighbours.customer_id = neighbours.neighbour_id as is_own,
    neighbours.relations,
    neighbours.edge_types,
    neighbours.strength_ratio,
    opportunities.funnel_stage,
    opportunities.is_open,
    opportunities.is_won,
    opportunities.amount,
    opportunities.currency,
    opportunities.product_line,
    opportunities.owner_rep_id as rep_id,
    reps.rep_name,
    reps.team_name,
    opportunities.is_referred,
    referrers.customer_id as referred_by_customer_id,
    opportunities.created_at,
    opportunities.closed_at
from neighbours
inner join opportunities on neighbours.neighbour_id = opportunities.customer_id
left join customers as focus on neighbours.customer_id = focus.customer_id
left join customers as owners on neighbours.neighbour_id = owners.customer_id
left join accounts as referrers
    on opportunities.referred_by_account_id = referrers.account_id
left join reps on opportunities.owner_rep_id = reps.rep_id
