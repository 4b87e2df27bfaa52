-- One row per opportunity: the dimensions by which pages filter. A dimension the opportunity does
-- not state itself comes from its account, product, lead or rep, in the order written here.
with

opportunities as (

    select * from {{ ref('fct_opportunity') }}

),

leads as (

    select * from {{ ref('fct_lead') }}

),

accounts as (

    select * from {{ ref('dim_account') }}

),

products as (

    select * from {{ ref('dim_product') }}

),

reps as (

    select * from {{ ref('dim_rep') }}

)

select
    opportunities.opportunity_id,
    opportunities.owner_rep_id as rep_id,
    reps.rep_name,
    reps.team_name,
    coalesce(accounts.industry, leads.industry) as industry,
    coalesce(accounts.region, reps.region) as region,
    coalesce(opportunities.channel, leads.channel) as channel,
    coalesce(opportunities.product_line, products.product_line, leads.product_line) as product_line,
    opportunities.account_id,
    accounts.account_name,
    products.product_name
from opportunities
left join leads on opportunities.lead_id = leads.lead_id
left join accounts on opportunities.account_id = accounts.account_id
left join products on opportunities.product_id = products.product_id
left join reps on opportunities.owner_rep_id = reps.rep_id
