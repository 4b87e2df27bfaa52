-- One row per definition of the indices: a period in which no rule row changed, up to the day that
-- counts as today. The version names the first day and a digest of every row that decides, so an
-- edit without a new first day is a new version too.
{{ config(materialized='table') }}
with

rule_rows as (

    select *
    from {{ ref('int_relationship__rule_rows') }}
    where valid_from <= {{ as_of_date() }}

),

keywords as (

    select
        'keyword|' || concat_ws(
            '|',
            keyword_group,
            coalesce(industry, ''),
            language,
            use,
            keyword
        ) as rule_text
    from {{ ref('industry_keyword') }}

),

periods as (

    select
        first_days.valid_from as period_start,
        lead(first_days.valid_from) over (
            order by first_days.valid_from asc nulls last
        ) as period_end
    from (select distinct rule_rows.valid_from from rule_rows) as first_days

),

valid_rows as (

    select
        periods.period_start,
        rule_rows.rule_text
    from periods
    inner join rule_rows
        on
            periods.period_start >= rule_rows.valid_from
            and (rule_rows.valid_until is null or periods.period_start < rule_rows.valid_until)
    union all
    select
        periods.period_start,
        keywords.rule_text
    from periods
    cross join keywords

),

texts as (

    select
        period_start,
        count(*) as count_rules,
        {{ string_list('rule_text', '; ', distinct=false) }} as rule_texts
    from valid_rows
    group by period_start

),

valid_parameters as (

    select
        periods.period_start,
        dated.parameter_id,
        dated.value as parameter_value,
        row_number() over (
            partition by periods.period_start, dated.parameter_id
            order by dated.valid_from desc nulls last
        ) as age_rank
    from periods
    inner join {{ ref('relationship_parameter') }} as dated
        on periods.period_start >= dated.valid_from
    where dated.segment is null

),

parameters as (

    select
        period_start,
        max(case when parameter_id = 'half_life_days' then parameter_value end)
            as half_life_days,
        max(case when parameter_id = 'coverage_window_days' then parameter_value end)
            as coverage_window_days,
        max(case when parameter_id = 'breadth_tau_accounts' then parameter_value end)
            as breadth_tau_accounts,
        max(case when parameter_id = 'breadth_tau_industries' then parameter_value end)
            as breadth_tau_industries,
        max(case when parameter_id = 'breadth_tau_levels' then parameter_value end)
            as breadth_tau_levels,
        max(case when parameter_id = 'depth_limit_points' then parameter_value end)
            as depth_limit_points,
        max(case when parameter_id = 'breadth_limit_points' then parameter_value end)
            as breadth_limit_points,
        max(case when parameter_id = 'source_stale_days' then parameter_value end)
            as source_stale_days,
        max(case when parameter_id = 'source_retired_days' then parameter_value end)
            as source_retired_days
    from valid_parameters
    where age_rank = 1
    group by period_start

)

select
    periods.period_start,
    periods.period_end,
    periods.period_end is null as is_current,
    {{ format_date('periods.period_start', '%Y-%m-%d') }}
    || '.' || substr(md5(texts.rule_texts), 1, 8) as definition_version,
    texts.count_rules,
    parameters.half_life_days,
    parameters.coverage_window_days,
    parameters.breadth_tau_accounts,
    parameters.breadth_tau_industries,
    parameters.breadth_tau_levels,
    parameters.depth_limit_points,
    parameters.breadth_limit_points,
    parameters.source_stale_days,
    parameters.source_retired_days
from periods
inner join texts on periods.period_start = texts.period_start
inner join parameters on periods.period_start = parameters.period_start
