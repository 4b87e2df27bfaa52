-- One row per opportunity.
with

opportunities as (

    select * from {{ ref('fct_opportunity') }}

),

dimensions as (

    select * from {{ ref('int_selling__opportunity_dimensions') }}

),

high_value as (

    select
        unit as currency,
        threshold_value
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'high_value_amount'

),

joined as (

    select
        opportunities.opportunity_id,
        opportunities.opportunity_name,
        opportunities.source_system,
        dimensions.rep_id,
        dimensions.rep_name,
        dimensions.team_name,
        dimensions.industry,
        dimensions.region,
        dimensions.channel,
        dimensions.product_line,
        dimensions.account_id,
        dimensions.account_name,
        dimensions.product_name,
        cast(
            coalesce(
                opportunities.closed_at, opportunities.created_at, opportunities.engaged_at
            ) as date
        ) as period_date,
        opportunities.funnel_stage,
        opportunities.funnel_stage is not null as is_stage_known,
        opportunities.is_open,
        opportunities.is_closed,
        opportunities.is_won,
        opportunities.is_lost,
        opportunities.amount,
        opportunities.won_amount,
        opportunities.currency,
        opportunities.created_at,
        opportunities.engaged_at,
        opportunities.closed_at,
        opportunities.cycle_days,
        opportunities.is_referred,
        opportunities.amount >= high_value.threshold_value as is_high_value,
        opportunities.loss_reason,
        {{ date_month('coalesce(opportunities.created_at, opportunities.engaged_at)') }}
            as cohort_month
    from opportunities
    left join dimensions on opportunities.opportunity_id = dimensions.opportunity_id
    left join high_value on opportunities.currency = high_value.currency

)

select
    opportunity_id,
    opportunity_name,
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
    product_name,
    period_date,
    funnel_stage,
    is_stage_known,
    is_open,
    is_closed,
    is_won,
    is_lost,
    amount,
    won_amount,
    currency,
    created_at,
    engaged_at,
    closed_at,
    cycle_days,
    is_referred,
    is_high_value,
    is_high_value and is_referred as is_high_value_referred,
    is_high_value and is_referred is not null as is_high_value_referral_known,
    loss_reason,
    cohort_month
from joined
