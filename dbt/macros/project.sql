{# A model's schema is the folder it lives in, without the target's name before it. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}

{# The day that counts as today, as a SQL date. No model may ask the clock. #}
{% macro as_of_date() -%}
    cast('{{ var("as_of") }}' as date)
{%- endmacro %}

{# The end of that day (exclusive) as UTC timestamp. #}
{% macro as_of_end() -%}
    cast({{ add_days(as_of_date(), 1) }} as timestamp)
{%- endmacro %}

{# What does not fit into the memory that DuckDB is given is worked on from disk. #}
{% macro bound_memory() -%}
    {%- if target.type == 'duckdb' and var('duckdb_memory') -%}
        set memory_limit = '{{ var("duckdb_memory") }}'
    {%- endif -%}
{%- endmacro %}

{# Spark only: landed Parquet becomes external tables at the same place. DuckDB reads the files
   directly (external_location of the generated sources), so there this does nothing. #}
{% macro register_landed_tables() -%}
    {%- if execute and target.type == 'spark' and flags.WHICH in ('run', 'build') -%}
        {%- set schemas = {} -%}
        {#- Not named `source`: SQLMesh would take its attributes for sources. -#}
        {%- set sources = graph.sources -%}
        {%- for landed in sources.values() if landed.meta.get('is_landed') -%}
            {%- if landed.schema not in schemas -%}
                {%- do schemas.update({landed.schema: true}) -%}
                {%- do run_query('create database if not exists ' ~ landed.schema) -%}
            {%- endif -%}
            {%- set name = landed.schema ~ '.' ~ landed.identifier -%}
            {%- do run_query('drop table if exists ' ~ name) -%}
            {%- do run_query(
                'create table ' ~ name ~ " using parquet options (mergeSchema 'true', path '"
                ~ env_var('SMH_HOME') ~ '/lake/raw/' ~ landed.source_name ~ '/' ~ landed.name
                ~ "')"
            ) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
