-- One row per order with the dimensions by which pages filter; what the order does not state comes
-- from its opportunity.
with

orders as (

    select * from {{ ref('fct_order') }}

),

opportunities as (

    select * from {{ ref('int_selling__opportunity_dimensions') }}

),

accounts as (

    select * from {{ ref('dim_account') }}

)

select
    orders.order_id,
    orders.source_system,
    opportunities.rep_id,
    opportunities.rep_name,
    opportunities.team_name,
    coalesce(accounts.industry, opportunities.industry) as industry,
    coalesce(accounts.region, opportunities.region) as region,
    opportunities.channel,
    opportunities.product_line,
    orders.account_id,
    accounts.account_name,
    cast(orders.ordered_at as date) as period_date,
    orders.order_status,
    orders.currency,
    coalesce(orders.country, accounts.country) as country,
    orders.ordered_at,
    orders.promised_at,
    orders.is_typed_by_hand
from orders
left join opportunities on orders.opportunity_id = opportunities.opportunity_id
left join accounts on orders.account_id = accounts.account_id
