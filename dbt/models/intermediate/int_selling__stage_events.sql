-- One row per recorded entry of an opportunity into a stage that is mapped to a funnel stage.
-- Events without a time or with a stage nobody has mapped stay out of the order of events; the
-- latter are listed in mart_code_usage.
with

events as (

    select * from {{ ref('int_canonical__opportunity_stage_events') }}

),

stages as (

    select * from {{ ref('funnel_stage') }}

)

select
    events.opportunity_stage_event_id,
    events.source_system,
    events.opportunity_id,
    events.funnel_stage,
    events.source_stage_source_code as stage_in_source,
    stages.stage_order,
    stages.is_closed,
    stages.is_won,
    events.entered_at,
    events.changed_by_rep_id,
    events.first_loaded_at,
    events.loaded_at
from events
inner join stages on events.funnel_stage = stages.funnel_stage
where events.entered_at is not null
