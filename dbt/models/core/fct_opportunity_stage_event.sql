-- One row per recorded stage change of an opportunity, mapped or not.
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
    events.entered_at,
    events.changed_by_rep_id,
    events.first_loaded_at,
    events.loaded_at
from events
left join stages on events.funnel_stage = stages.funnel_stage
