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

    select
        definition_version,
        rule_number,
        strength_ratio,
        strength_ratio * damping_ratio as handed_on_ratio,
        max_steps,
        floor_ratio,
        max_pass_on_accounts
    from {{ ref('int_graph__rules') }}

),

-- What ends here even if the strongest edge came next is not joined to all that could come.
strongest as (

    select
        definition_version,
        max(handed_on_ratio) as handed_on_ratio,
        max(floor_ratio) as floor_ratio
    from rules
    group by definition_version

),

step_1 as (

    select
        rules.definition_version,
        edges.from_customer_number as source_customer_number,
        edges.to_customer_number as target_customer_number,
        cast(null as int) as over_1_customer_number,
        cast(null as int) as over_2_customer_number,
        edges.rule_number as last_rule_number,
        cast(1 as bigint) as count_steps,
        rules.strength_ratio as influence_ratio,
        cast(edges.passed_at as date) as passed_date
    from {{ ref('int_graph__edges') }} as edges
    inner join rules on edges.rule_number = rules.rule_number
    where
        edges.passed_at is not null
        and {{ is_changed_key('(from_customer_number, to_customer_number)') }}

),
{% for step in [2, 3] -%}
    {%- set before = 'lasting_' ~ (step - 1) %}

    {{ before }} as (

        select ways.*
        from step_{{ step - 1 }} as ways
        inner join strongest on ways.definition_version = strongest.definition_version
        -- The floor itself counts, whatever the last digit of a product is.
        where
            ways.influence_ratio * strongest.handed_on_ratio >= strongest.floor_ratio - 0.000000001

    ),

    -- Of a million edges only those that follow: what is joined stays small.
    edges_{{ step }} as (

        select
            edges.rule_number,
            edges.from_customer_number,
            edges.to_customer_number,
            cast(edges.passed_at as date) as passed_date,
            rules.definition_version,
            rules.handed_on_ratio,
            rules.floor_ratio,
            rules.max_pass_on_accounts
        from {{ ref('int_graph__edges') }} as edges
        inner join rules on edges.rule_number = rules.rule_number
        where
            edges.passed_at is not null
            and rules.max_steps >= {{ step }}
            and edges.from_customer_number
            in (select {{ before }}.target_customer_number from {{ before }})

    ),

    -- Who hands nothing on: joined to more accounts than the limit.
    ending_{{ step }} as (

        select
            definition_version,
            from_customer_number
        from edges_{{ step }}
        group by definition_version, from_customer_number
        having count(distinct to_customer_number) > max(max_pass_on_accounts)

    ),

    step_{{ step }} as (

        select
            ways.definition_version,
            ways.source_customer_number,
            edges.to_customer_number as target_customer_number,
            coalesce(ways.over_1_customer_number, ways.target_customer_number)
                as over_1_customer_number,
            case when ways.over_1_customer_number is not null then ways.target_customer_number end
                as over_2_customer_number,
            edges.rule_number as last_rule_number,
            cast({{ step }} as bigint) as count_steps,
            ways.influence_ratio * edges.handed_on_ratio as influence_ratio,
            case
                when ways.passed_date >= edges.passed_date then ways.passed_date
                else edges.passed_date
            end as passed_date
        from {{ before }} as ways
        inner join edges_{{ step }} as edges
            on
                ways.definition_version = edges.definition_version
                and ways.target_customer_number = edges.from_customer_number
        left join ending_{{ step }} as ending
            on
                edges.definition_version = ending.definition_version
                and edges.from_customer_number = ending.from_customer_number
        where
            ending.from_customer_number is null
            and ways.influence_ratio * edges.handed_on_ratio >= edges.floor_ratio - 0.000000001
            and edges.to_customer_number <> ways.source_customer_number
            and edges.to_customer_number
            <> coalesce(ways.over_1_customer_number, ways.target_customer_number)

    ),
{% endfor %}

ways as (

    select * from step_1
    union all
    select * from step_2
    union all
    select * from step_3

)

select *
from ways
