-- One row per business event and system that saw it. The system that raises an event triggers
-- nothing by that; where no rule row names it, it is the one that saw the event first.
with

events as (

    select * from {{ ref('int_canonical__business_events') }}

),

definitions as (

    select * from {{ ref('business_event_definition') }}

),

accounts as (

    select * from {{ ref('dim_account') }}

),

reps as (

    select * from {{ ref('dim_rep') }}

),

placed as (

    select
        events.*,
        definitions.name_en as event_name_en,
        definitions.name_zh as event_name_zh,
        coalesce(
            definitions.raised_in,
            case
                when events.correlation_id is not null
                    then first_value(events.observed_in) over (
                        partition by events.source_system, events.correlation_id
                        order by
                            events.occurred_at asc nulls last,
                            events.business_event_id asc nulls last
                    )
            end
        ) as raised_in
    from events
    left join definitions on events.event_name = definitions.event_name

)

select
    placed.business_event_id,
    placed.source_system,
    accounts.owner_rep_id as rep_id,
    reps.rep_name,
    reps.team_name,
    accounts.industry,
    accounts.region,
    placed.event_name,
    placed.event_name_en,
    placed.event_name_zh,
    placed.correlation_id,
    placed.account_id,
    accounts.account_name,
    placed.order_id,
    placed.raised_in,
    placed.observed_in,
    placed.occurred_at,
    cast(placed.occurred_at as date) as period_date,
    placed.has_triggered,
    coalesce(placed.raised_in <> placed.observed_in and placed.has_triggered is not null, false)
        as is_trigger_known
from placed
left join accounts on placed.account_id = accounts.account_id
left join reps on accounts.owner_rep_id = reps.rep_id
