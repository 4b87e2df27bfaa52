-- One row: what the tables of the graph are made by, and whether this build makes them anew. Their
-- rows are only replaced on top of a build that finished under the same rule rows and models.
{{ config(materialized='table') }}
-- depends_on: {{ ref('int_graph__rules') }}
{%- set build = graph_build() %}
select
    '{{ build.version }}' as rule_version,
    '{{ build.id }}' as changes_id,
    cast('{{ build.is_anew }}' as boolean) as is_anew
