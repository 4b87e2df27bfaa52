-- One row per customer, basis and day on which the accounts, industries or decision levels that it
-- reaches by influence changed. They stay until the last day, the last of all days where nothing
-- has changed since; before the first row there is nothing.
-- As defined: by the rules of the day; restated: all days by today's, where the rules have changed.
{{ config(
    materialized=keys_materialization(),
    meta=graph_keys(
        'customer_id',
        'int_graph__changed_sources',
        spans={'first': 'reach_date', 'last': 'last_date', 'kind': 'basis'}
    ),
    tags=['graph']
) }}
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
        false as is_restated,
        period_start,
        period_end
    from periods
    union all
    select
        definition_version,
        true as is_restated,
        cast(null as date) as period_start,
        cast(null as date) as period_end
    from periods
    where is_latest and definition_version > 1

),

-- What was reached before the rules begin counts from their first day, and no longer on their end.
steps as (

    select
        definition_version,
        is_restated,
        period_end,
        period_start as earliest_date,
        1 as step
    from spans
    union all
    select
        definition_version,
        is_restated,
        period_end,
        period_end as earliest_date,
        -1 as step
    from spans
    where period_end is not null

),

customers as (

    select * from {{ ref('int_graph__customers') }}

),

sources as (

    select
        customers.customer_id,
        customers.customer_number as source_customer_number,
        {{ since_date('customers.customer_id') }} as since_date
    from customers
    where {{ is_changed_key('customers.customer_id') }}

),

industries as (

    select
        customer_number,
        dense_rank() over (order by industry asc nulls last) as industry_number
    from customers
    where industry is not null

),

edge_levels as (

    select
        rule_number,
        from_customer_number,
        to_customer_number,
        cast(executive_at as date) as executive_date,
        cast(director_at as date) as director_date,
        cast(manager_at as date) as manager_date,
        cast(practitioner_at as date) as practitioner_date
    from {{ ref('int_graph__edges') }}
    where coalesce(executive_at, director_at, manager_at, practitioner_at) is not null

),

paths as (

    select
        paths.definition_version,
        paths.source_customer_number,
        paths.target_customer_number,
        paths.last_rule_number,
        coalesce(
            paths.over_2_customer_number,
            paths.over_1_customer_number,
            paths.source_customer_number
        ) as last_from_customer_number,
        paths.passed_date
    from {{ ref('int_graph__paths') }} as paths
    inner join sources on paths.source_customer_number = sources.source_customer_number

),

pairs as (

    select
        pairs.definition_version,
        pairs.source_customer_number,
        pairs.target_customer_number,
        pairs.passed_date
    from {{ ref('int_graph__pairs') }} as pairs
    inner join sources on pairs.source_customer_number = sources.source_customer_number

),

-- A level is reached when both the way and somebody of that level on its last edge are there.
levels as (

    select
        paths.source_customer_number,
        paths.definition_version,
        min(
            case
                when paths.passed_date >= edge_levels.executive_date then paths.passed_date
                else edge_levels.executive_date
            end
        ) as executive_date,
        min(
            case
                when paths.passed_date >= edge_levels.director_date then paths.passed_date
                else edge_levels.director_date
            end
        ) as director_date,
        min(
            case
                when paths.passed_date >= edge_levels.manager_date then paths.passed_date
                else edge_levels.manager_date
            end
        ) as manager_date,
        min(
            case
                when paths.passed_date >= edge_levels.practitioner_date then paths.passed_date
                else edge_levels.practitioner_date
            end
        ) as practitioner_date
    from paths
    inner join edge_levels
        on
            paths.last_rule_number = edge_levels.rule_number
            and paths.last_from_customer_number = edge_levels.from_customer_number
            and paths.target_customer_number = edge_levels.to_customer_number
    group by paths.source_customer_number, paths.definition_version

),

units as (

    select
        source_customer_number,
        definition_version,
        1 as count_accounts,
        0 as count_industries,
        0 as count_levels,
        passed_date
    from pairs
    union all
    select
        pairs.source_customer_number,
        pairs.definition_version,
        0 as count_accounts,
        1 as count_industries,
        0 as count_levels,
        min(pairs.passed_date) as passed_date
    from pairs
    inner join industries on pairs.target_customer_number = industries.customer_number
    group by pairs.source_customer_number, pairs.definition_version, industries.industry_number
    {%- for level in ['executive', 'director', 'manager', 'practitioner'] %}
        union all
        select
            source_customer_number,
            definition_version,
            0 as count_accounts,
            0 as count_industries,
            1 as count_levels,
            {{ level }}_date as passed_date
        from levels
        where {{ level }}_date is not null
    {%- endfor %}

),

dated as (

    select
        units.source_customer_number,
        steps.is_restated,
        sources.since_date,
        case
            when units.passed_date < steps.earliest_date then steps.earliest_date
            else units.passed_date
        end as reach_date,
        units.count_accounts * steps.step as change_accounts,
        units.count_industries * steps.step as change_industries,
        units.count_levels * steps.step as change_levels
    from units
    inner join steps on units.definition_version = steps.definition_version
    inner join sources on units.source_customer_number = sources.source_customer_number
    where steps.period_end is null or units.passed_date < steps.period_end

),

-- What was reached before the first day to compute is taken together.
days as (

    select
        source_customer_number,
        is_restated,
        case when reach_date < since_date then date '0001-01-01' else reach_date end as reach_date,
        cast(sum(change_accounts) as bigint) as change_accounts,
        cast(sum(change_industries) as bigint) as change_industries,
        cast(sum(change_levels) as bigint) as change_levels
    from dated
    group by
        source_customer_number,
        is_restated,
        case when reach_date < since_date then date '0001-01-01' else reach_date end

),

-- A day on which nothing changed would neither count nor end the days before it.
changes as (

    select *
    from days
    where change_accounts <> 0 or change_industries <> 0 or change_levels <> 0

),

counted as (

    select
        source_customer_number,
        reach_date,
        lead(reach_date) over (
            partition by source_customer_number, is_restated order by reach_date asc nulls last
        ) as next_date,
        case when is_restated then 'restated' else 'as_defined' end as basis,
        cast(
            sum(change_accounts) over (
                partition by source_customer_number, is_restated
                order by reach_date asc nulls last
                rows between unbounded preceding and current row
            ) as bigint
        ) as count_accounts,
        cast(
            sum(change_industries) over (
                partition by source_customer_number, is_restated
                order by reach_date asc nulls last
                rows between unbounded preceding and current row
            ) as bigint
        ) as count_industries,
        cast(
            sum(change_levels) over (
                partition by source_customer_number, is_restated
                order by reach_date asc nulls last
                rows between unbounded preceding and current row
            ) as bigint
        ) as count_levels
    from changes

)

select
    sources.customer_id || '|' || cast(counted.reach_date as string) || '|' || counted.basis
        as influence_reach_day_id,
    sources.customer_id,
    counted.reach_date,
    coalesce({{ add_days('counted.next_date', -1) }}, date '9999-12-31') as last_date,
    counted.basis,
    counted.count_accounts,
    -- Reached, but of nobody the industry or level is known: unknown, not none.
    case
        when counted.count_accounts = 0 or counted.count_industries > 0
            then counted.count_industries
    end as count_industries,
    case when counted.count_accounts = 0 or counted.count_levels > 0 then counted.count_levels end
        as count_levels
from counted
inner join sources on counted.source_customer_number = sources.source_customer_number
where counted.reach_date >= sources.since_date
