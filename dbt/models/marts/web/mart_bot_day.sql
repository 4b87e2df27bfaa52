-- One row per system, day, kind of visitor and the rule by which programs are known.
{{ config(
    materialized=days_materialization(),
    meta={'day_column': 'period_date', 'own_lines_only': true},
    tags=['web_days']
) }}
with

flags as (

    select * from {{ ref('int_web__visitor_day_flags') }}
    where {{ is_changed_day('event_date') }}

),

bot_rules as (

    select * from {{ ref('web_bot_rule') }}

),

visitors as (

    select
        source_system,
        event_date,
        visitor_id,
        is_bot,
        bot_reason,
        count_requests,
        count_bytes,
        case
            when is_bot then 'bot'
            when is_staff then 'staff'
            else 'guest'
        end as visitor_kind
    from flags

)

select
    visitors.source_system || ':' || coalesce(cast(visitors.event_date as string), 'unknown')
    || ':' || visitors.visitor_kind || coalesce(':' || visitors.bot_reason, '') as bot_day_id,
    visitors.source_system,
    visitors.event_date as period_date,
    visitors.visitor_kind,
    visitors.bot_reason,
    bot_rules.name_en as bot_reason_en,
    bot_rules.name_zh as bot_reason_zh,
    count(distinct visitors.visitor_id) as count_visitors,
    cast(sum(visitors.count_requests) as bigint) as count_requests,
    cast(
        sum(case when visitors.is_bot then visitors.count_requests else 0 end) as bigint
    ) as count_bot_requests,
    cast(sum(visitors.count_bytes) as bigint) as count_bytes
from visitors
left join bot_rules on visitors.bot_reason = bot_rules.bot_rule_id
group by
    visitors.source_system,
    visitors.event_date,
    visitors.visitor_kind,
    visitors.bot_reason,
    bot_rules.name_en,
    bot_rules.name_zh
