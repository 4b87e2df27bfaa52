-- One row per lead and opportunity that belong together, whichever of the two names the other.
with

leads as (

    select * from {{ ref('fct_lead') }}

),

opportunities as (

    select * from {{ ref('fct_opportunity') }}

),

named_by_lead as (

    select
        leads.lead_id,
        opportunities.opportunity_id
    from leads
    inner join opportunities on leads.opportunity_id = opportunities.opportunity_id

),

named_by_opportunity as (

    select
        leads.lead_id,
        opportunities.opportunity_id
    from leads
    inner join opportunities on leads.lead_id = opportunities.lead_id

)

select
    lead_id,
    opportunity_id
from named_by_lead
union distinct
select
    lead_id,
    opportunity_id
from named_by_opportunity
