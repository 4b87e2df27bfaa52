-- One row per customer and neighbour over whom ways lead that are new or gone since the last
-- build; all that have any where the graph is made anew. A way that is new or gone has a first
-- step that is new or gone, or is handed on by somebody who did not do so before or no longer does;
-- up to there it was a way before. So the ways of the last build lead back to all who are
-- concerned. Up to the changed date the ways were as they are.
{{ config(materialized='table', tags=['graph']) }}
with

built_edges as (

    {{ built_graph_rows('int_graph__edges', {
        'rule_number': 'int', 'from_customer_number': 'int', 'to_customer_number': 'int',
        'passed_at': 'timestamp'
    }) }}

),

built_paths as (

    {{ built_graph_rows('int_graph__paths', {
        'definition_version': 'bigint', 'source_customer_number': 'int',
        'target_customer_number': 'int', 'over_1_customer_number': 'int', 'count_steps': 'bigint',
        'influence_ratio': 'double'
    }) }}

),

rules as (

    select
        rule_number,
        definition_version,
        strength_ratio * damping_ratio as strength_ratio,
        max_steps,
        floor_ratio,
        max_pass_on_accounts
    from {{ ref('int_graph__rules') }}

),

definitions as (

    select
        definition_version,
        max(strength_ratio) as strength_ratio,
        max(max_steps) as max_steps,
        max(floor_ratio) as floor_ratio,
        max(max_pass_on_accounts) as max_pass_on_accounts
    from rules
    group by definition_version

),

changed_edges as (

    select
        edges.*,
        edges.passed_at is not null as is_way,
        rules.definition_version,
        rules.strength_ratio
    from {{ ref('int_graph__changed_edges') }} as edges
    inner join rules on edges.rule_number = rules.rule_number
    where edges.has_other_days and (edges.was_way or edges.passed_at is not null)

),

-- Whoever is joined to more or fewer accounts than before may begin or cease to hand on.
joined_otherwise as (

    select distinct
        definition_version,
        from_customer_number
    from changed_edges
    where was_way <> is_way

),

built_ways as (

    select
        rules.definition_version,
        built_edges.rule_number,
        built_edges.from_customer_number,
        built_edges.to_customer_number
    from built_edges
    inner join rules on built_edges.rule_number = rules.rule_number
    inner join joined_otherwise
        on
            rules.definition_version = joined_otherwise.definition_version
            and built_edges.from_customer_number = joined_otherwise.from_customer_number
    where built_edges.passed_at is not null

),

ways_now as (

    select built_ways.*
    from built_ways
    left join changed_edges
        on
            built_ways.rule_number = changed_edges.rule_number
            and built_ways.from_customer_number = changed_edges.from_customer_number
            and built_ways.to_customer_number = changed_edges.to_customer_number
    where changed_edges.rule_number is null
    union all
    select
        definition_version,
        rule_number,
        from_customer_number,
        to_customer_number
    from changed_edges
    where is_way

),

accounts_before as (

    select
        definition_version,
        from_customer_number,
        count(distinct to_customer_number) as count_accounts
    from built_ways
    group by definition_version, from_customer_number

),

accounts_now as (

    select
        definition_version,
        from_customer_number,
        count(distinct to_customer_number) as count_accounts
    from ways_now
    group by definition_version, from_customer_number

),

handing_on_otherwise as (

    select
        joined_otherwise.definition_version,
        joined_otherwise.from_customer_number,
        definitions.strength_ratio,
        date '0001-01-01' as changed_date
    from joined_otherwise
    inner join definitions
        on joined_otherwise.definition_version = definitions.definition_version
    left join accounts_before
        on
            joined_otherwise.definition_version = accounts_before.definition_version
            and joined_otherwise.from_customer_number = accounts_before.from_customer_number
    left join accounts_now
        on
            joined_otherwise.definition_version = accounts_now.definition_version
            and joined_otherwise.from_customer_number = accounts_now.from_customer_number
    where
        (coalesce(accounts_before.count_accounts, 0) > definitions.max_pass_on_accounts)
        <> (coalesce(accounts_now.count_accounts, 0) > definitions.max_pass_on_accounts)

),

other_steps as (

    select
        definition_version,
        from_customer_number,
        strength_ratio,
        changed_date
    from changed_edges
    union all
    select
        definition_version,
        from_customer_number,
        strength_ratio,
        changed_date
    from handing_on_otherwise

),

strongest_steps as (

    select
        definition_version,
        from_customer_number,
        max(strength_ratio) as strength_ratio,
        min(changed_date) as changed_date
    from other_steps
    group by definition_version, from_customer_number

),

changed_ways as (

    select
        from_customer_number as source_customer_number,
        to_customer_number as first_customer_number,
        changed_date
    from changed_edges
    union all
    select
        built_paths.source_customer_number,
        coalesce(built_paths.over_1_customer_number, built_paths.target_customer_number)
            as first_customer_number,
        strongest_steps.changed_date
    from built_paths
    inner join strongest_steps
        on
            built_paths.definition_version = strongest_steps.definition_version
            and built_paths.target_customer_number = strongest_steps.from_customer_number
    inner join definitions on built_paths.definition_version = definitions.definition_version
    where
        built_paths.count_steps < definitions.max_steps
        and built_paths.influence_ratio * strongest_steps.strength_ratio
        >= definitions.floor_ratio - 0.000000001

)

select
    source_customer_number,
    first_customer_number,
    min(changed_date) as changed_date
from changed_ways
group by source_customer_number, first_customer_number
