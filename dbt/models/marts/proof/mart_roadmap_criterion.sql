-- One row per criterion of a step of the roadmap: whether it has held in each of the last weeks
-- that its rule row asks for. One week against it is enough for no; a week that is unknown leaves
-- the answer open.
with

criteria as (

    select * from {{ ref('roadmap_criterion') }}

),

names as (

    select
        metric_id,
        name_en,
        name_zh,
        unit
    from {{ ref('metric_catalogue') }}

),

metric_weeks as (

    select
        metric_id,
        week_start,
        value as metric_value,
        100 * attainment_ratio as attainment_points,
        unknown_reason,
        unknown_reason_en,
        unknown_reason_zh
    from {{ ref('mart_scorecard_metric_week') }}
    union all
    select
        family as metric_id,
        week_start,
        cast(null as double) as metric_value,
        attainment_points,
        case when attainment_points is null then 'no_rows' end as unknown_reason,
        case when attainment_points is null then 'No metric of the family is known' end
            as unknown_reason_en,
        case when attainment_points is null then '该族没有已知指标' end as unknown_reason_zh
    from {{ ref('mart_scorecard_family_week') }}

),

last_weeks as (

    select max(week_start) as last_week_start
    from {{ ref('mart_scorecard_family_week') }}

),

measured as (

    select
        criteria.criterion_id,
        metric_weeks.week_start,
        metric_weeks.week_start = last_weeks.last_week_start as is_last,
        case
            when criteria.measure = 'value' then metric_weeks.metric_value
            else metric_weeks.attainment_points
        end as actual_value,
        case
            when criteria.comparison = 'at_least'
                then
                    case
                        when criteria.measure = 'value' then metric_weeks.metric_value
                        else metric_weeks.attainment_points
                    end >= criteria.limit_value
            else
                case
                    when criteria.measure = 'value' then metric_weeks.metric_value
                    else metric_weeks.attainment_points
                end <= criteria.limit_value
        end as is_met,
        metric_weeks.unknown_reason,
        metric_weeks.unknown_reason_en,
        metric_weeks.unknown_reason_zh
    from criteria
    inner join metric_weeks on criteria.metric_id = metric_weeks.metric_id
    cross join last_weeks
    where
        metric_weeks.week_start
        > {{ add_days('last_weeks.last_week_start', '-7 * criteria.duration_weeks') }}

),

summed as (

    select
        criterion_id,
        count(case when is_met then 1 end) as count_weeks_met,
        count(case when not is_met then 1 end) as count_weeks_missed,
        max(case when is_last then actual_value end) as actual_value,
        max(unknown_reason) as unknown_reason,
        max(case when is_last then unknown_reason_en end) as last_reason_en,
        max(case when is_last then unknown_reason_zh end) as last_reason_zh,
        max(unknown_reason_en) as unknown_reason_en,
        max(unknown_reason_zh) as unknown_reason_zh
    from measured
    group by criterion_id

),

judged as (

    select
        criteria.*,
        summed.actual_value,
        coalesce(summed.count_weeks_met, 0) as count_weeks_met,
        case
            when summed.count_weeks_missed > 0 then false
            when summed.count_weeks_met >= criteria.duration_weeks then true
        end as is_met,
        coalesce(summed.unknown_reason, 'too_few_weeks') as unknown_reason,
        coalesce(summed.last_reason_en, summed.unknown_reason_en, 'Not enough weeks yet')
            as reason_en,
        coalesce(summed.last_reason_zh, summed.unknown_reason_zh, '周数尚不足') as reason_zh,
        coalesce(
            names.name_en,
            case criteria.metric_id
                when 'technical' then 'Technical attainment'
                when 'organisational' then 'Organisational attainment'
                when 'commercial' then 'Commercial attainment'
                when 'all' then 'Attainment of the whole'
            end,
            criteria.metric_id
        ) as subject_en,
        coalesce(
            names.name_zh,
            case criteria.metric_id
                when 'technical' then '技术达成度'
                when 'organisational' then '组织达成度'
                when 'commercial' then '商业达成度'
                when 'all' then '整体达成度'
            end,
            criteria.metric_id
        ) as subject_zh,
        case
            when criteria.measure = 'attainment_points'
                then cast({{ rounded('criteria.limit_value') }} as string)
            when names.unit = 'ratio'
                then cast({{ rounded('100 * criteria.limit_value') }} as string) || '%'
            else cast(cast(criteria.limit_value as decimal(18, 0)) as string)
        end as limit_text,
        case
            when criteria.measure = 'attainment_points' then ' points'
            when names.unit in ('hours', 'days', 'minutes') then ' ' || names.unit
            else ''
        end as unit_en,
        case
            when criteria.measure = 'attainment_points' then ' 分'
            when names.unit = 'hours' then ' 小时'
            when names.unit = 'days' then ' 天'
            when names.unit = 'minutes' then ' 分钟'
            else ''
        end as unit_zh
    from criteria
    left join summed on criteria.criterion_id = summed.criterion_id
    left join names on criteria.metric_id = names.metric_id

)

select
    criterion_id as roadmap_criterion_id,
    step_id,
    criterion_kind,
    metric_id,
    measure,
    comparison,
    cast(limit_value as double) as limit_value,
    duration_weeks,
    actual_value,
    count_weeks_met,
    is_met,
    subject_en || case when comparison = 'at_least' then ' at least ' else ' at most ' end
    || limit_text || unit_en || ' for ' || cast(duration_weeks as string) || ' weeks'
        as description_en,
    subject_zh || case when comparison = 'at_least' then '不低于 ' else '不高于 ' end
    || limit_text || unit_zh || '，持续 ' || cast(duration_weeks as string) || ' 周'
        as description_zh,
    case when is_met is null then unknown_reason end as unknown_reason,
    case when is_met is null then reason_en end as unknown_reason_en,
    case when is_met is null then reason_zh end as unknown_reason_zh
from judged
