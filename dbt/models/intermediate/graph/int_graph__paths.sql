-- One row per period of the rules and way by which influence reaches one customer from another,
-- over at most as many steps as the rule row says. A way visits no account twice, so a cycle ends
-- by itself; what is handed on below the floor ends too. An account joined to very many passes
-- nothing on. Of parallel edges between two customers every one is a way of its own.
{{ config(
    materialized=keys_materialization(),
    meta=graph_keys(
        '(source_customer_number, coalesce(over_1_customer_number, target_customer_number))',
        'int_graph__changed_ways',
        'source_customer_number, first_customer_number'
    ),
    tags=['graph']
) }}
-- depends_on: {{ ref('int_graph__changed_ways') }}
with

rules as (

    select distinct
        definition_version,
        max_steps,
        damping_ratio,
        floor_ratio,
        max_pass_on_accounts
    from {{ ref('int_graph__rules') }}

),

edges as (

    select
        edge_rules.definition_version,
        edges.rule_number,
        edges.from_customer_number,
        edges.to_customer_number,
        edge_rules.strength_ratio,
        cast(edges.passed_at as date) as passed_date
    from {{ ref('int_graph__edges') }} as edges
    inner join {{ ref('int_graph__rules') }} as edge_rules
        on edges.rule_number = edge_rules.rule_number
    where edges.passed_at is not null

),

-- Who hands nothing on: joined to more accounts than the limit. Few have so many edges at all.
many_edges as (

    select
        edges.definition_version,
        edges.from_customer_number
    from edges
    inner join rules on edges.definition_version = rules.definition_version
    group by edges.definition_version, edges.from_customer_number
    having count(*) > max(rules.max_pass_on_accounts)

),

ending as (

    select
        edges.definition_version,
        edges.from_customer_number
    from edges
    inner join many_edges
        on
            edges.definition_version = many_edges.definition_version
            and edges.from_customer_number = many_edges.from_customer_number
    inner join rules on edges.definition_version = rules.definition_version
    group by edges.definition_version, edges.from_customer_number
    having count(distinct edges.to_customer_number) > max(rules.max_pass_on_accounts)

),

handed_on as (

    select
        edges.definition_version,
        edges.rule_number,
        edges.from_customer_number,
        edges.to_customer_number,
        edges.strength_ratio * rules.damping_ratio as strength_ratio,
        edges.passed_date,
        rules.max_steps,
        rules.floor_ratio
    from edges
    inner join rules on edges.definition_version = rules.definition_version
    left join ending
        on
            edges.definition_version = ending.definition_version
            and edges.from_customer_number = ending.from_customer_number
    where ending.from_customer_number is null

),

step_1 as (

    select
        definition_version,
        from_customer_number as source_customer_number,
        to_customer_number as target_customer_number,
        cast(null as int) as over_1_customer_number,
        cast(null as int) as over_2_customer_number,
        rule_number as last_rule_number,
        cast(1 as bigint) as count_steps,
        strength_ratio as influence_ratio,
        passed_date
    from edges
    where {{ is_changed_key('(from_customer_number, to_customer_number)') }}

),

-- Of a million edges only those that follow: what is joined stays small.
second_edges as (

    select * from handed_on
    where
        max_steps >= 2
        and from_customer_number in (select step_1.target_customer_number from step_1)

),

step_2 as (

    select
        step_1.definition_version,
        step_1.source_customer_number,
        second_edges.to_customer_number as target_customer_number,
        step_1.target_customer_number as over_1_customer_number,
        cast(null as int) as over_2_customer_number,
        second_edges.rule_number as last_rule_number,
        cast(2 as bigint) as count_steps,
        step_1.influence_ratio * second_edges.strength_ratio as influence_ratio,
        case
            when step_1.passed_date >= second_edges.passed_date then step_1.passed_date
            else second_edges.passed_date
        end as passed_date
    from step_1
    inner join second_edges
        on
            step_1.definition_version = second_edges.definition_version
            and step_1.target_customer_number = second_edges.from_customer_number
    where
        -- The floor itself counts, whatever the last digit of a product is.
        step_1.influence_ratio * second_edges.strength_ratio
        >= second_edges.floor_ratio - 0.000000001
        and second_edges.to_customer_number <> step_1.source_customer_number

),

-- What ends here even if the strongest edge came next is not joined to all that could come.
strongest as (

    select
        definition_version,
        max(strength_ratio) as strength_ratio,
        max(floor_ratio) as floor_ratio
    from handed_on
    group by definition_version

),

lasting as (

    select step_2.*
    from step_2
    inner join strongest on step_2.definition_version = strongest.definition_version
    where
        step_2.influence_ratio * strongest.strength_ratio
        >= strongest.floor_ratio - 0.000000001

),

third_edges as (

    select * from handed_on
    where
        max_steps >= 3
        and from_customer_number in (select lasting.target_customer_number from lasting)

),

step_3 as (

    select
        lasting.definition_version,
        lasting.source_customer_number,
        third_edges.to_customer_number as target_customer_number,
        lasting.over_1_customer_number,
        lasting.target_customer_number as over_2_customer_number,
        third_edges.rule_number as last_rule_number,
        cast(3 as bigint) as count_steps,
        lasting.influence_ratio * third_edges.strength_ratio as influence_ratio,
        case
            when lasting.passed_date >= third_edges.passed_date then lasting.passed_date
            else third_edges.passed_date
        end as passed_date
    from lasting
    inner join third_edges
        on
            lasting.definition_version = third_edges.definition_version
            and lasting.target_customer_number = third_edges.from_customer_number
    where
        lasting.influence_ratio * third_edges.strength_ratio
        >= third_edges.floor_ratio - 0.000000001
        and third_edges.to_customer_number <> lasting.source_customer_number
        and third_edges.to_customer_number <> lasting.over_1_customer_number

),

ways as (

    select * from step_1
    union all
    select * from step_2
    union all
    select * from step_3

)

select *
from ways
