-- One row per contact that is linked to another, with the cluster it is in.
{{ config(materialized='table') }}
with

linked as (

    select
        group_id,
        record_id,
        rule_id,
        confidence
    from {{ ref('int_customer__contact_groups') }}
    where outcome = 'linked'

),

components as (

    {{ components_of('linked', node_column='record_id') }}

),

surest as (

    select
        record_id,
        rule_id as link_rule,
        confidence,
        row_number() over (
            partition by record_id order by confidence desc nulls last, group_id asc nulls last
        ) as link_rank
    from linked

)

select
    components.record_id,
    components.component_id,
    surest.link_rule,
    cast(null as double) as match_weight,
    surest.confidence
from components
inner join surest on components.record_id = surest.record_id and surest.link_rank = 1
