-- One row per rule row that decides about the relationship indices, with the days on which it is
-- valid and its content as text.
with

parameters as (

    select * from {{ ref('relationship_parameter') }}

),

channels as (

    select * from {{ ref('relationship_channel') }}

),

topics as (

    select * from {{ ref('relationship_topic') }}

),

factors as (

    select * from {{ ref('relationship_factor') }}

),

-- Breadth counts what influence edges reach, so their rules are part of its definition.
graph_rules as (

    select distinct
        definition_version,
        period_start
    from {{ ref('int_graph__rules') }}

),

dated_rows as (

    select
        'parameter' as rule_table,
        parameter_id || '|' || coalesce(segment, '') as rule_key,
        valid_from,
        cast(cast(value as decimal(18, 6)) as string) as rule_value
    from parameters
    union all
    select
        'channel' as rule_table,
        channel as rule_key,
        valid_from,
        concat_ws(
            '|',
            cast(cast(weight as decimal(18, 6)) as string),
            case when is_covered then 'covered' else 'apart' end,
            coalesce(needs_field, '')
        ) as rule_value
    from channels
    union all
    select
        'topic' as rule_table,
        topic || '|' || coalesce(industry, '') as rule_key,
        valid_from,
        cast(cast(overlap_ratio as decimal(18, 6)) as string) as rule_value
    from topics
    union all
    select
        'factor' as rule_table,
        index_id || '|' || factor_id as rule_key,
        valid_from,
        formula_en || '|' || cast(cast(step_value as decimal(18, 6)) as string) as rule_value
    from factors
    union all
    select
        'graph' as rule_table,
        'graph' as rule_key,
        period_start as valid_from,
        cast(definition_version as string) as rule_value
    from graph_rules

)

select
    rule_table,
    rule_key,
    valid_from,
    lead(valid_from) over (
        partition by rule_table, rule_key order by valid_from asc nulls last
    ) as valid_until,
    rule_table || '|' || rule_key || '|' || rule_value as rule_text
from dated_rows
