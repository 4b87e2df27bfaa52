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

    select
        numbers.customer_id,
        numbers.customer_number,
        customers.industry
    from {{ ref('int_graph__customers') }} as numbers
    inner join {{ ref('dim_customer') }} as customers
        on numbers.customer_id = customers.customer_id

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
        edge_number,
        cast(executive_at as date) as executive_date,
        cast(director_at as date) as director_date,
        cast(manager_at as date) as manager_date,
        cast(practitioner_at as date) as practitioner_date
    from {{ ref('int_graph__edges') }}
    where coalesce(executive_at, director_at, manager_at, practitioner_at) is not null

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
    from {{ ref('int_graph__paths') }} as paths
    inner join edge_levels on paths.last_edge_number = edge_levels.edge_number
    group by paths.source_customer_number, paths.definition_version

),

units as (

    select
        source_customer_number,
        definition_version,
        1 as count_accounts,
        0 as count_industries,
        0 as count_levels,
        min(passed_date) as passed_date
    from {{ ref('int_graph__paths') }}
    group by source_customer_number, definition_version, target_customer_number
    union all
    select
        paths.source_customer_number,
        paths.definition_version,
        0 as count_accounts,
        1 as count_industries,
        0 as count_levels,
        min(paths.passed_date) as passed_date
    from {{ ref('int_graph__paths') }} as paths
    inner join industries on paths.target_customer_number = industries.customer_number
    group by paths.source_customer_number, paths.definition_version, industries.industry_number
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

days as (

    select
        units.source_customer_number,
        steps.is_restated,
        case
            when units.passed_date < steps.earliest_date then steps.earliest_date
            else units.passed_date
        end as reach_date,
        cast(sum(units.count_accounts * steps.step) as bigint) as change_accounts,
        cast(sum(units.count_industries * steps.step) as bigint) as change_industries,
        cast(sum(units.count_levels * steps.step) as bigint) as change_levels
    from units
    inner join steps on units.definition_version = steps.definition_version
    where steps.period_end is null or units.passed_date < steps.period_end
    group by
        units.source_customer_number,
        steps.is_restated,
        case
            when units.passed_date < steps.earliest_date then steps.earliest_date
            else units.passed_date
        end

),

counted as (

    select
        source_customer_number,
        reach_date,
        case when is_restated then 'restated' else 'as_defined' end as basis,
        change_accounts,
        change_industries,
        change_levels,
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
    from days

)

select
    customers.customer_id || '|' || cast(counted.reach_date as string) || '|' || counted.basis
        as influence_reach_day_id,
    customers.customer_id,
    counted.reach_date,
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
inner join customers on counted.source_customer_number = customers.customer_number
where
    counted.change_accounts <> 0
    or counted.change_industries <> 0
    or counted.change_levels <> 0
