-- One row per opportunity. Flags are unknown where the stage of the source is not mapped.
with

opportunities as (

    select * from {{ ref('int_canonical__opportunities') }}

),

stages as (

    select * from {{ ref('funnel_stage') }}

),

milestones as (

    select * from {{ ref('int_selling__opportunity_milestones') }}

),

staged as (

    select
        opportunities.*,
        stages.stage_order,
        stages.is_closed,
        stages.is_won,
        milestones.engaged_at,
        case
            when stages.is_closed then coalesce(opportunities.closed_at, milestones.closed_at)
            when stages.is_closed is null then opportunities.closed_at
        end as ended_at
    from opportunities
    left join stages on opportunities.funnel_stage = stages.funnel_stage
    left join milestones on opportunities.opportunity_id = milestones.opportunity_id

)

select
    opportunity_id,
    source_system,
    opportunity_name,
    account_id,
    contact_id,
    lead_id,
    product_id,
    product_line,
    owner_rep_id,
    referred_by_account_id,
    channel,
    complexity,
    loss_reason,
    funnel_stage,
    source_stage_source_code as stage_in_source,
    stage_order,
    erp_readiness,
    not is_closed as is_open,
    is_closed,
    is_won,
    is_closed and not is_won as is_lost,
    case
        when referred_by_account_id is not null or channel = 'referral' then true
        when {{ is_delivered('referred_by_account_id') }} then false
        when channel is not null then false
    end as is_referred,
    amount,
    case when is_won then amount end as won_amount,
    currency,
    created_at,
    engaged_at,
    expected_close_at,
    ended_at as closed_at,
    case
        when is_won and ended_at >= engaged_at then {{ elapsed_days('engaged_at', 'ended_at') }}
    end as cycle_days,
    first_loaded_at,
    loaded_at
from staged
