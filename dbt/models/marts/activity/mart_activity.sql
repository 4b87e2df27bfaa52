-- One row per activity. `channel` is the way of the touch (call, mail, meeting …).
with

activities as (

    select * from {{ ref('fct_activity') }}

),

contacts as (

    select * from {{ ref('dim_contact') }}

),

accounts as (

    select * from {{ ref('dim_account') }}

),

opportunities as (

    select * from {{ ref('int_selling__opportunity_dimensions') }}

),

reps as (

    select * from {{ ref('dim_rep') }}

),

placed as (

    select
        activities.*,
        opportunities.product_line,
        coalesce(activities.account_id, contacts.account_id, opportunities.account_id)
            as known_account_id
    from activities
    left join contacts on activities.contact_id = contacts.contact_id
    left join opportunities on activities.opportunity_id = opportunities.opportunity_id

)

select
    placed.activity_id,
    placed.source_system,
    placed.rep_id,
    reps.rep_name,
    reps.team_name,
    accounts.industry,
    coalesce(accounts.region, reps.region) as region,
    placed.channel,
    placed.product_line,
    placed.known_account_id as account_id,
    accounts.account_name,
    placed.contact_id,
    placed.opportunity_id,
    placed.lead_id,
    cast(placed.occurred_at as date) as period_date,
    placed.direction,
    placed.is_automatic,
    placed.is_automatic is not null as is_capture_known,
    placed.occurred_at,
    placed.recorded_at,
    placed.duration_minutes
from placed
left join accounts on placed.known_account_id = accounts.account_id
left join reps on placed.rep_id = reps.rep_id
