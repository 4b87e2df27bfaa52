-- One row per uninterrupted stay of an opportunity in one funnel stage. Several stages of a source
-- can be one funnel stage; moving between them is no exit. A stay ends when the next one begins;
-- the last stay has no end.
with

events as (

    select * from {{ ref('int_selling__stage_events') }}

),

marked as (

    select
        opportunity_id,
        source_system,
        funnel_stage,
        stage_order,
        is_closed,
        is_won,
        opportunity_stage_event_id,
        entered_at,
        case
            when lag(funnel_stage) over (
                partition by opportunity_id
                order by
                    entered_at asc nulls last,
                    stage_order asc nulls last,
                    opportunity_stage_event_id asc nulls last
            ) = funnel_stage then 0
            else 1
        end as starts_visit
    from events

),

numbered as (

    select
        opportunity_id,
        source_system,
        funnel_stage,
        stage_order,
        is_closed,
        is_won,
        entered_at,
        sum(starts_visit) over (
            partition by opportunity_id
            order by
                entered_at asc nulls last,
                stage_order asc nulls last,
                opportunity_stage_event_id asc nulls last
            rows between unbounded preceding and current row
        ) as visit_number
    from marked

),

visits as (

    select
        opportunity_id,
        source_system,
        visit_number,
        funnel_stage,
        stage_order,
        is_closed,
        is_won,
        min(entered_at) as entered_at
    from numbered
    group by
        opportunity_id,
        source_system,
        visit_number,
        funnel_stage,
        stage_order,
        is_closed,
        is_won

)

select
    opportunity_id,
    source_system,
    cast(visit_number as bigint) as visit_number,
    funnel_stage,
    stage_order,
    is_closed,
    is_won,
    entered_at,
    lead(entered_at) over (
        partition by opportunity_id order by visit_number asc nulls last
    ) as exited_at
from visits
