-- One row per customer: the one firm behind the account rows of several systems.
with

customers as (

    select * from {{ ref('dim_customer') }}

),

bridge as (

    select
        account_id,
        customer_id
    from {{ ref('bridge_account_customer') }}

),

opportunities as (

    select
        bridge.customer_id,
        count(*) filter (where opportunities.is_open) as open_opportunity_count,
        count(*) filter (where opportunities.is_won) as won_opportunity_count
    from {{ ref('fct_opportunity') }} as opportunities
    inner join bridge on opportunities.account_id = bridge.account_id
    group by bridge.customer_id

),

visitors as (

    select
        bridge.customer_id,
        count(*) as count_web_visitors
    from {{ ref('dim_web_visitor') }} as visitors
    inner join bridge on visitors.account_id = bridge.account_id
    group by bridge.customer_id

),

reps as (

    select * from {{ ref('dim_rep') }}

)

select
    customers.customer_id,
    customers.customer_name,
    customers.industry,
    customers.region,
    customers.country,
    customers.city,
    customers.tier,
    customers.size_employees,
    customers.segment,
    customers.tax_id,
    customers.web_domain,
    customers.owner_rep_id,
    reps.rep_name as owner_rep_name,
    customers.team_id,
    reps.team_name,
    customers.parent_customer_id,
    parents.customer_name as parent_customer_name,
    customers.count_accounts,
    customers.count_persons,
    coalesce(visitors.count_web_visitors, 0) as count_web_visitors,
    coalesce(opportunities.open_opportunity_count, 0) as open_opportunity_count,
    coalesce(opportunities.won_opportunity_count, 0) as won_opportunity_count,
    customers.source_systems,
    customers.created_at,
    cast(customers.created_at as date) as period_date
from customers
left join opportunities on customers.customer_id = opportunities.customer_id
left join visitors on customers.customer_id = visitors.customer_id
left join reps on customers.owner_rep_id = reps.rep_id
left join customers as parents on customers.parent_customer_id = parents.customer_id
