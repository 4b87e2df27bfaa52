-- One row per customer: whom it influences under today's rules, each account by its strongest way
-- only. Points are 100 · (1 − exp(−sum of influence ÷ saturation)): they grow with every account
-- and never pass 100. Unknown where no source delivers any kind of edge.
with

customers as (

    select * from {{ ref('int_graph__customers') }}

),

rules as (

    select
        definition_version,
        max(saturation_accounts) as saturation_accounts
    from {{ ref('int_graph__rules') }}
    where is_latest
    group by definition_version

),

known as (

    select max(case when is_delivered then 1 else 0 end) = 1 as is_graph_known
    from {{ ref('int_graph__edge_types') }}

),

given as (

    select
        source_customer_number as customer_number,
        -- In whatever order they are added up.
        round(sum(influence_ratio), 9) as influence_accounts,
        count(*) as count_accounts_influenced,
        cast(sum(case when count_steps = 1 then 1 else 0 end) as bigint) as count_direct_accounts
    from {{ ref('int_graph__pairs') }}
    where definition_version in (select rules.definition_version from rules)
    group by source_customer_number

),

received as (

    select
        target_customer_number as customer_number,
        count(*) as count_accounts_influencing
    from {{ ref('int_graph__pairs') }}
    where definition_version in (select rules.definition_version from rules)
    group by target_customer_number

),

reach as (

    select * from {{ ref('fct_influence_reach_day') }}
    where basis = 'as_defined' and last_date = date '9999-12-31'

)

select
    customers.customer_id,
    known.is_graph_known,
    case
        when known.is_graph_known
            then
                {{ influence_points(
                    'coalesce(given.influence_accounts, 0)', 'rules.saturation_accounts'
                ) }}
    end as influence_points,
    case when known.is_graph_known then coalesce(given.influence_accounts, 0) end
        as influence_accounts,
    case when known.is_graph_known then coalesce(given.count_accounts_influenced, 0) end
        as count_accounts_influenced,
    case when known.is_graph_known then coalesce(given.count_direct_accounts, 0) end
        as count_direct_accounts,
    case
        when known.is_graph_known and reach.customer_id is null then 0
        when known.is_graph_known then reach.count_industries
    end as count_industries_influenced,
    case
        when known.is_graph_known and reach.customer_id is null then 0
        when known.is_graph_known then reach.count_levels
    end as count_levels_reached,
    case when known.is_graph_known then coalesce(received.count_accounts_influencing, 0) end
        as count_accounts_influencing,
    case
        when known.is_graph_known
            then given.customer_number is not null or received.customer_number is not null
    end as is_in_graph,
    rules.definition_version
from customers
cross join known
cross join rules
left join given on customers.customer_number = given.customer_number
left join received on customers.customer_number = received.customer_number
left join reach on customers.customer_id = reach.customer_id
