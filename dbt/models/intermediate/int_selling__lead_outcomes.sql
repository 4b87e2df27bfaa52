-- One row per lead: what became of it. Where no lead of a system is linked to any opportunity the
-- outcome is unknown: the link is missing, not the business. Of a lead younger than the threshold
-- lead_maturity_days it is unknown too; else the newest weeks would always look worst.
with

leads as (

    select * from {{ ref('fct_lead') }}

),

links as (

    select * from {{ ref('int_selling__lead_opportunities') }}

),

opportunities as (

    select * from {{ ref('fct_opportunity') }}

),

thresholds as (

    select * from {{ ref('int_rules__thresholds') }}

),

maturity as (

    select max(threshold_value) as maturity_days
    from thresholds
    where threshold_id = 'lead_maturity_days'

),

outcomes as (

    select
        links.lead_id,
        count(*) as count_opportunities,
        max(case when opportunities.is_won then 1 else 0 end) as has_won,
        min(case when opportunities.is_won then opportunities.closed_at end) as signed_at
    from links
    inner join opportunities on links.opportunity_id = opportunities.opportunity_id
    group by links.lead_id

),

judged as (

    select
        leads.lead_id,
        leads.created_at,
        outcomes.count_opportunities,
        outcomes.has_won,
        outcomes.signed_at,
        {{ is_delivered('outcomes.lead_id', 'leads.source_system') }} as is_linked,
        coalesce(
            {{ elapsed_days('leads.created_at', as_of_end()) }} >= maturity.maturity_days, true
        ) as is_mature
    from leads
    cross join maturity
    left join outcomes on leads.lead_id = outcomes.lead_id

),

known as (

    select
        *,
        is_linked and is_mature as is_outcome_known
    from judged

)

select
    lead_id,
    is_outcome_known,
    case when is_outcome_known then coalesce(count_opportunities, 0) > 0 end as is_converted,
    case when is_outcome_known then coalesce(has_won, 0) = 1 end as is_won,
    signed_at,
    case
        when signed_at >= created_at then {{ elapsed_days('created_at', 'signed_at') }}
    end as lead_to_signature_days
from known
