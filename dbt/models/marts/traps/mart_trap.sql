-- One row per trap: how many things it looked at, how many are cases, and whether that is more than
-- is tolerated. Unknown where no source delivers what it takes, or there was nothing to look at.
with

traps as (

    select * from {{ ref('trap') }}

),

rules as (

    select
        trap_id,
        max(case when rule = 'tolerated_ratio' then rule_value end) as tolerated_ratio,
        max(case when rule = 'window_days' then rule_value end) as window_days,
        max(case when rule = 'recent_days' then rule_value end) as recent_days
    from {{ ref('int_traps__rules') }}
    group by trap_id

),

delivered as (

    select object_name
    from {{ ref('int_quality__object_coverage') }}
    where count_rows > 0
    group by object_name

),

missing as (

    select
        traps.trap_id,
        {{ string_list('needed.object') }} as missing_objects,
        {{ string_list('needed.description_en') }} as missing_en,
        {{ string_list('needed.description_zh', separator='、') }} as missing_zh
    from traps
    inner join {{ ref('canonical_objects') }} as needed
        on {{ is_in_rule_list('needed.object', 'traps.objects') }}
    left join delivered on needed.object = delivered.object_name
    where delivered.object_name is null
    group by traps.trap_id

),

counted as (

    select
        examined.trap_id,
        count(*) as count_examined,
        count(*) filter (where examined.is_case) as count_cases,
        count(*) filter (where examined.age_days <= rules.recent_days) as count_examined_recent,
        count(*) filter (where examined.is_case and examined.age_days <= rules.recent_days)
            as count_cases_recent,
        min(case when examined.is_case then examined.occurred_at end) as first_case_at,
        max(case when examined.is_case then examined.occurred_at end) as last_case_at
    from {{ ref('int_traps__examined') }} as examined
    inner join rules on examined.trap_id = rules.trap_id
    group by examined.trap_id

),

judged as (

    select
        traps.trap_id,
        traps.display_order,
        traps.name_en,
        traps.name_zh,
        traps.question_en,
        traps.question_zh,
        traps.remedy_en,
        traps.remedy_zh,
        rules.tolerated_ratio,
        rules.window_days,
        rules.recent_days,
        missing.missing_objects,
        missing.missing_en,
        missing.missing_zh,
        case when missing.trap_id is null then coalesce(counted.count_examined, 0) end
            as count_examined,
        case when missing.trap_id is null then coalesce(counted.count_cases, 0) end as count_cases,
        case when missing.trap_id is null then coalesce(counted.count_examined_recent, 0) end
            as count_examined_recent,
        case when missing.trap_id is null then coalesce(counted.count_cases_recent, 0) end
            as count_cases_recent,
        case when missing.trap_id is null then counted.first_case_at end as first_case_at,
        case when missing.trap_id is null then counted.last_case_at end as last_case_at
    from traps
    inner join rules on traps.trap_id = rules.trap_id
    left join missing on traps.trap_id = missing.trap_id
    left join counted on traps.trap_id = counted.trap_id

)

select
    trap_id,
    display_order,
    name_en,
    name_zh,
    question_en,
    question_zh,
    remedy_en,
    remedy_zh,
    count_cases,
    count_examined,
    {{ safe_ratio('count_cases', 'count_examined') }} as case_ratio,
    tolerated_ratio as threshold_value,
    {{ safe_ratio('count_cases', 'count_examined') }} > tolerated_ratio as is_triggered,
    case
        when missing_objects is not null then 'object'
        when count_examined = 0 then 'nothing_examined'
    end as unknown_reason,
    case
        when missing_objects is not null then 'No source delivers: ' || missing_en
        when count_examined = 0 then 'There was nothing to look at'
    end as unknown_reason_en,
    case
        when missing_objects is not null then '没有来源提供：' || missing_zh
        when count_examined = 0 then '没有可检查的数据'
    end as unknown_reason_zh,
    count_cases_recent,
    count_examined_recent,
    {{ safe_ratio('count_cases_recent', 'count_examined_recent') }} as case_ratio_recent,
    window_days,
    recent_days,
    first_case_at,
    last_case_at
from judged
