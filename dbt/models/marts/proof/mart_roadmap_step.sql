-- One row per step of the roadmap: whether it may begin and whether it is done, from its criteria
-- alone. In each track the first step that is not done is the current one.
with

steps as (

    select * from {{ ref('roadmap_step') }}

),

criteria as (

    select * from {{ ref('mart_roadmap_criterion') }}

),

judged as (

    select
        step_id,
        count(case when criterion_kind = 'entry' then 1 end) as count_entry,
        count(case when criterion_kind = 'exit' then 1 end) as count_exit,
        count(case when criterion_kind = 'entry' and is_met then 1 end) as count_entry_met,
        count(case when criterion_kind = 'exit' and is_met then 1 end) as count_exit_met,
        count(case when criterion_kind = 'entry' and not is_met then 1 end) as count_entry_missed,
        count(case when criterion_kind = 'exit' and not is_met then 1 end) as count_exit_missed,
        {{ string_list("case when criterion_kind = 'entry' then description_en end", '; ') }}
            as entry_en,
        {{ string_list("case when criterion_kind = 'exit' then description_en end", '; ') }}
            as exit_en,
        {{ string_list("case when criterion_kind = 'entry' then description_zh end", '；') }}
            as entry_zh,
        {{ string_list("case when criterion_kind = 'exit' then description_zh end", '；') }}
            as exit_zh
    from criteria
    group by step_id

),

answered as (

    select
        steps.*,
        judged.count_entry_met + judged.count_exit_met as count_criteria_met,
        judged.count_entry + judged.count_exit as count_criteria,
        case
            when judged.count_entry_missed > 0 then false
            when coalesce(judged.count_entry_met, 0) = coalesce(judged.count_entry, 0) then true
        end as entry_met,
        case
            when judged.count_exit_missed > 0 then false
            when judged.count_exit > 0 and judged.count_exit_met = judged.count_exit then true
        end as exit_met,
        case when judged.entry_en is not null then 'Begin: ' || judged.entry_en || '. ' else '' end
        || 'Done: ' || coalesce(judged.exit_en, '') as criteria_en,
        case when judged.entry_zh is not null then '进入：' || judged.entry_zh || '。' else '' end
        || '完成：' || coalesce(judged.exit_zh, '') as criteria_zh
    from steps
    left join judged on steps.step_id = judged.step_id

),

current_steps as (

    select
        track,
        min(step_order) as step_order
    from answered
    where not coalesce(exit_met, false)
    group by track

)

select
    answered.step_id,
    answered.track,
    answered.phase,
    answered.step_order,
    answered.phase_name_en,
    answered.phase_name_zh,
    answered.name_en,
    answered.name_zh,
    answered.entry_met,
    answered.exit_met,
    current_steps.step_order is not null as is_current,
    cast(coalesce(answered.count_criteria_met, 0) as bigint) as count_criteria_met,
    cast(coalesce(answered.count_criteria, 0) as bigint) as count_criteria,
    answered.criteria_en,
    answered.criteria_zh
from answered
left join current_steps
    on answered.track = current_steps.track and answered.step_order = current_steps.step_order
