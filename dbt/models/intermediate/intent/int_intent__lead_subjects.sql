-- One row per lead with the dimensions by which lists filter, its account (its contact's where the
-- lead names none), its latest open opportunity, and whether it can still become business.
{{ config(materialized='table') }}
with

leads as (

    select * from {{ ref('fct_lead') }}

),

contacts as (

    select * from {{ ref('dim_contact') }}

),

accounts as (

    select * from {{ ref('dim_account') }}

),

reps as (

    select * from {{ ref('dim_rep') }}

),

linked as (

    select
        links.lead_id,
        opportunities.opportunity_id,
        opportunities.is_open,
        opportunities.amount,
        opportunities.currency,
        row_number() over (
            partition by links.lead_id
            order by
                case when opportunities.is_open then 0 else 1 end asc nulls last,
                opportunities.created_at desc nulls last,
                opportunities.opportunity_id desc
        ) as opportunity_rank
    from {{ ref('int_selling__lead_opportunities') }} as links
    inner join {{ ref('fct_opportunity') }} as opportunities
        on links.opportunity_id = opportunities.opportunity_id

),

opportunities as (

    select *
    from linked
    where opportunity_rank = 1

)

select
    leads.lead_id,
    leads.lead_name,
    leads.source_system,
    coalesce(leads.account_id, contacts.account_id) as account_id,
    accounts.account_name,
    leads.contact_id,
    contacts.contact_name,
    opportunities.opportunity_id,
    coalesce(leads.industry, accounts.industry) as industry,
    coalesce(accounts.region, reps.region) as region,
    reps.team_name,
    leads.owner_rep_id as rep_id,
    reps.rep_name,
    leads.channel,
    leads.product_line,
    leads.intent_label,
    leads.lead_status,
    leads.created_at,
    leads.first_touch_at,
    coalesce(opportunities.amount, leads.estimated_amount) as amount,
    case
        when opportunities.amount is not null then opportunities.currency
        else leads.currency
    end as currency,
    case
        when leads.lead_status = 'lost' then false
        when leads.lead_status = 'converted' then coalesce(opportunities.is_open, false)
        when leads.lead_status is null then leads.closed_at is null
        else true
    end as is_lead_open
from leads
left join contacts on leads.contact_id = contacts.contact_id
left join accounts on coalesce(leads.account_id, contacts.account_id) = accounts.account_id
left join reps on leads.owner_rep_id = reps.rep_id
left join opportunities on leads.lead_id = opportunities.lead_id
