-- One row per period in which the rule rows of intent did not change. The version names the first
-- day and a digest of every row that decides about hits and points, so an edit without a new
-- version shows as well.
{{ config(materialized='table') }}
with

rules as (

    select
        rule_text,
        valid_from,
        valid_until
    from {{ ref('int_intent__rules') }}

),

weights as (

    select
        rule_text,
        valid_from,
        valid_until
    from {{ ref('int_intent__weights') }}

),

keywords as (

    select * from {{ ref('industry_keyword') }}

),

floors as (

    select threshold_value as floor_points
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'intent_floor_points'

),

dated_rows as (

    select * from rules
    union all
    select * from weights

),

periods as (

    select
        first_days.valid_from as period_start,
        lead(first_days.valid_from) over (
            order by first_days.valid_from asc nulls last
        ) as period_end
    from (select distinct dated_rows.valid_from from dated_rows) as first_days

),

valid_rows as (

    select
        periods.period_start,
        dated_rows.rule_text
    from periods
    inner join dated_rows
        on
            periods.period_start >= dated_rows.valid_from
            and (
                dated_rows.valid_until is null or periods.period_start < dated_rows.valid_until
            )
    union all
    select
        periods.period_start,
        concat_ws(
            '|',
            'keyword',
            keywords.keyword_group,
            coalesce(keywords.industry, ''),
            keywords.language,
            keywords.use,
            keywords.keyword
        ) as rule_text
    from periods
    cross join keywords
    union all
    select
        periods.period_start,
        'floor|' || cast(cast(floors.floor_points as decimal(18, 4)) as string) as rule_text
    from periods
    cross join floors

),

texts as (

    select
        period_start,
        count(*) as count_rules,
        {{ string_list('rule_text', '; ', distinct=false) }} as rule_texts
    from valid_rows
    group by period_start

)

select
    periods.period_start,
    periods.period_end,
    {{ format_date('periods.period_start', '%Y-%m-%d') }}
    || '.' || substr(md5(texts.rule_texts), 1, 8) as rule_version,
    texts.count_rules
from periods
inner join texts on periods.period_start = texts.period_start
