-- One row per period in which the rule rows of the graph did not change, kind of edge and number of
-- acts that counts in it. The period of the day that counts as today is the latest.
{{ config(materialized='table') }}
with

edge_rules as (

    select * from {{ ref('graph_edge_rule') }}
    where valid_from <= {{ as_of_date() }}

),

propagations as (

    select * from {{ ref('graph_propagation') }}
    where valid_from <= {{ as_of_date() }}

),

starts as (

    select valid_from as period_start from edge_rules
    union
    select valid_from as period_start from propagations

),

periods as (

    select
        period_start,
        lead(period_start) over (order by period_start asc nulls last) as period_end,
        cast(row_number() over (order by period_start asc nulls last) as bigint)
            as definition_version
    from starts

),

versions as (

    select distinct
        edge_type,
        version,
        valid_from
    from edge_rules

),

edge_versions as (

    select
        *,
        lead(valid_from) over (
            partition by edge_type order by valid_from asc nulls last
        ) as valid_until
    from versions

),

propagation_versions as (

    select
        *,
        lead(valid_from) over (order by valid_from asc nulls last) as valid_until
    from propagations

)

select
    periods.definition_version,
    periods.period_start,
    periods.period_end,
    periods.period_end is null as is_latest,
    edge_rules.edge_type,
    edge_rules.counted_per,
    edge_rules.min_events,
    min(edge_rules.min_events) over (
        partition by periods.definition_version, edge_rules.edge_type
    ) as threshold_events,
    cast(edge_rules.strength_ratio as double) as strength_ratio,
    edge_rules.is_mutual,
    edge_rules.is_claim,
    edge_rules.max_group_size,
    edge_rules.group_gap_days,
    propagation_versions.max_steps,
    cast(propagation_versions.damping_ratio as double) as damping_ratio,
    cast(propagation_versions.floor_ratio as double) as floor_ratio,
    propagation_versions.max_pass_on_accounts,
    cast(propagation_versions.saturation_accounts as double) as saturation_accounts,
    cast(
        row_number() over (
            order by
                periods.definition_version asc nulls last,
                edge_rules.edge_type asc nulls last,
                edge_rules.min_events asc nulls last
        ) as int
    ) as rule_number
from periods
inner join edge_versions
    on
        periods.period_start >= edge_versions.valid_from
        and (edge_versions.valid_until is null or periods.period_start < edge_versions.valid_until)
inner join edge_rules
    on
        edge_versions.edge_type = edge_rules.edge_type
        and edge_versions.version = edge_rules.version
inner join propagation_versions
    on
        periods.period_start >= propagation_versions.valid_from
        and (
            propagation_versions.valid_until is null
            or periods.period_start < propagation_versions.valid_until
        )
where edge_rules.is_active
