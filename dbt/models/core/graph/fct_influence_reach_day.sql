-- One row per customer, basis and day on which the accounts, industries or decision levels that it
-- reaches by influence changed. Until the next row they stay; before the first there is nothing.
-- As defined: by the rules of the day; restated: all days by today's, where the rules have changed.
with

periods as (

    select distinct
        definition_version,
        period_start,
        period_end,
        is_latest
    from {{ ref('int_graph__rules') }}

),

spans as (

    select
        definition_version,
        'as_defined' as basis,
        period_start,
        period_end
    from periods
    union all
    select
        definition_version,
        'restated' as basis,
        cast(null as date) as period_start,
        cast(null as date) as period_end
    from periods
    where is_latest and definition_version > 1

),

paths as (

    select
        source_customer_id,
        target_customer_id,
        last_edge_id,
        definition_version,
        passed_date
    from {{ ref('int_graph__paths') }}

),

industries as (

    select
        customer_id,
        industry
    from {{ ref('dim_customer') }}
    where industry is not null

),

passed_edges as (

    select * from {{ ref('int_graph__edges') }}
    where passed_at is not null

),

edge_levels as (

    select
        definition_version,
        influence_edge_id,
        'executive' as decision_level,
        min(cast(executive_at as date)) as level_date
    from passed_edges
    where executive_at is not null
    group by definition_version, influence_edge_id
    union all
    select
        definition_version,
        influence_edge_id,
        'director' as decision_level,
        min(cast(director_at as date)) as level_date
    from passed_edges
    where director_at is not null
    group by definition_version, influence_edge_id
    union all
    select
        definition_version,
        influence_edge_id,
        'manager' as decision_level,
        min(cast(manager_at as date)) as level_date
    from passed_edges
    where manager_at is not null
    group by definition_version, influence_edge_id
    union all
    select
        definition_version,
        influence_edge_id,
        'practitioner' as decision_level,
        min(cast(practitioner_at as date)) as level_date
    from passed_edges
    where practitioner_at is not null
    group by definition_version, influence_edge_id

),

units as (

    select
        source_customer_id,
        definition_version,
        'account' as kind,
        target_customer_id as unit_id,
        min(passed_date) as passed_date
    from paths
    group by source_customer_id, definition_version, target_customer_id
    union all
    select
        paths.source_customer_id,
        paths.definition_version,
        'industry' as kind,
        industries.industry as unit_id,
        min(paths.passed_date) as passed_date
    from paths
    inner join industries on paths.target_customer_id = industries.customer_id
    group by paths.source_customer_id, paths.definition_version, industries.industry
    union all
    select
        paths.source_customer_id,
        paths.definition_version,
        'level' as kind,
        edge_levels.decision_level as unit_id,
        min(
            case
                when paths.passed_date >= edge_levels.level_date then paths.passed_date
                else edge_levels.level_date
            end
        ) as passed_date
    from paths
    inner join edge_levels
        on
            paths.definition_version = edge_levels.definition_version
            and paths.last_edge_id = edge_levels.influence_edge_id
    group by paths.source_customer_id, paths.definition_version, edge_levels.decision_level

),

reached as (

    select
        units.source_customer_id,
        units.kind,
        units.unit_id,
        spans.basis,
        case
            when spans.period_start is null or units.passed_date >= spans.period_start
                then units.passed_date
            else spans.period_start
        end as start_date,
        spans.period_end as end_date
    from units
    inner join spans on units.definition_version = spans.definition_version
    where spans.period_end is null or units.passed_date < spans.period_end

),

changes as (

    select
        source_customer_id,
        basis,
        kind,
        start_date as reach_date,
        1 as step
    from reached
    union all
    select
        source_customer_id,
        basis,
        kind,
        end_date as reach_date,
        -1 as step
    from reached
    where end_date is not null

),

days as (

    select
        source_customer_id,
        basis,
        reach_date,
        sum(case when kind = 'account' then step else 0 end) as change_accounts,
        sum(case when kind = 'industry' then step else 0 end) as change_industries,
        sum(case when kind = 'level' then step else 0 end) as change_levels
    from changes
    group by source_customer_id, basis, reach_date

),

counted as (

    select
        source_customer_id,
        basis,
        reach_date,
        change_accounts,
        change_industries,
        change_levels,
        cast(
            sum(change_accounts) over (
                partition by source_customer_id, basis
                order by reach_date asc nulls last
                rows between unbounded preceding and current row
            ) as bigint
        ) as count_accounts,
        cast(
            sum(change_industries) over (
                partition by source_customer_id, basis
                order by reach_date asc nulls last
                rows between unbounded preceding and current row
            ) as bigint
        ) as count_industries,
        cast(
            sum(change_levels) over (
                partition by source_customer_id, basis
                order by reach_date asc nulls last
                rows between unbounded preceding and current row
            ) as bigint
        ) as count_levels
    from days

)

select
    source_customer_id || '|' || cast(reach_date as string) || '|' || basis
        as influence_reach_day_id,
    source_customer_id as customer_id,
    reach_date,
    basis,
    count_accounts,
    -- Reached, but of nobody the industry or level is known: unknown, not none.
    case when count_accounts = 0 or count_industries > 0 then count_industries end
        as count_industries,
    case when count_accounts = 0 or count_levels > 0 then count_levels end as count_levels
from counted
where change_accounts <> 0 or change_industries <> 0 or change_levels <> 0
