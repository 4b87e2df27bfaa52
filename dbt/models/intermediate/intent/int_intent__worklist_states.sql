-- One row per list and item that somebody has worked on: what the actions come to, as the page
-- folds them. Of two actions of a kind the later one counts; reopening ends outcome and snooze.
{{ config(materialized='table') }}
with

actions as (

    select * from {{ ref('int_intent__worklist_actions') }}

),

outcomes as (

    select * from {{ ref('worklist_outcome') }}

),

numbered as (

    select
        list_name,
        subject_id,
        count(*) as count_actions,
        max(acted_at) as last_acted_at,
        max(case when action = 'assign' then action_number end) as assign_number,
        max(case when action = 'snooze' then action_number end) as snooze_number,
        max(case when action = 'outcome' then action_number end) as outcome_number,
        max(case when action = 'reopen' then action_number end) as reopen_number
    from actions
    group by list_name, subject_id

),

latest as (

    select
        list_name,
        subject_id,
        count_actions,
        last_acted_at,
        assign_number,
        case when snooze_number > coalesce(reopen_number, 0) then snooze_number end
            as snooze_number,
        case when outcome_number > coalesce(reopen_number, 0) then outcome_number end
            as outcome_number
    from numbered

)

select
    latest.list_name,
    latest.subject_id,
    latest.count_actions,
    latest.last_acted_at,
    assigned.value as assigned_to,
    snoozed.until_date as snoozed_until,
    coalesce({{ as_of_date() }} < snoozed.until_date, false) as is_snoozed,
    reported.value as outcome,
    reported.acted_at as outcome_at,
    coalesce(outcomes.is_finished, false) as is_finished
from latest
left join actions as assigned
    on
        latest.list_name = assigned.list_name
        and latest.subject_id = assigned.subject_id
        and latest.assign_number = assigned.action_number
left join actions as snoozed
    on
        latest.list_name = snoozed.list_name
        and latest.subject_id = snoozed.subject_id
        and latest.snooze_number = snoozed.action_number
left join actions as reported
    on
        latest.list_name = reported.list_name
        and latest.subject_id = reported.subject_id
        and latest.outcome_number = reported.action_number
left join outcomes on reported.value = outcomes.outcome
