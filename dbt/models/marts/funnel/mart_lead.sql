-- One row per lead.
with

leads as (

    select * from {{ ref('fct_lead') }}

),

outcomes as (

    select * from {{ ref('int_selling__lead_outcomes') }}

),

accounts as (

    select * from {{ ref('dim_account') }}

),

reps as (

    select * from {{ ref('dim_rep') }}

),

joined as (

    select
        leads.lead_id,
        leads.lead_name,
        leads.source_system,
        leads.owner_rep_id as rep_id,
        reps.rep_name,
        reps.team_name,
        coalesce(leads.industry, accounts.industry) as industry,
        coalesce(accounts.region, reps.region) as region,
        leads.channel,
        leads.product_line,
        leads.account_id,
        accounts.account_name,
        cast(leads.created_at as date) as period_date,
        leads.created_at,
        leads.first_touch_at,
        leads.first_response_at,
        leads.response_minutes,
        {{ is_delivered('leads.first_response_at', 'leads.source_system') }} as is_response_known,
        outcomes.is_outcome_known,
        outcomes.is_converted,
        outcomes.is_won,
        leads.lead_status,
        leads.intent_label,
        outcomes.signed_at,
        outcomes.lead_to_signature_days,
        leads.estimated_amount,
        leads.currency,
        {{ date_month('leads.created_at') }} as cohort_month
    from leads
    left join outcomes on leads.lead_id = outcomes.lead_id
    left join accounts on leads.account_id = accounts.account_id
    left join reps on leads.owner_rep_id = reps.rep_id

)

select
    lead_id,
    lead_name,
    source_system,
    rep_id,
    rep_name,
    team_name,
    industry,
    region,
    channel,
    product_line,
    account_id,
    account_name,
    period_date,
    created_at,
    first_touch_at,
    first_response_at,
    response_minutes,
    is_response_known,
    case when is_response_known then first_response_at is not null end as has_response,
    is_outcome_known,
    is_converted,
    is_won,
    lead_status,
    intent_label,
    signed_at,
    lead_to_signature_days,
    estimated_amount,
    currency,
    cohort_month
from joined
