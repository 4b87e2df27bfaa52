{# Tables and views are made in place, in one transaction. dbt's own way round - a second relation,
   two renames, a drop after the commit - keeps readers from seeing nothing; nobody reads the
   warehouse while dbt writes it, and a build of many small models spent more on renaming than on
   some layers. #}

{% macro drop_statement(relation) -%}
    {%- if relation is not none -%}
        drop {{ relation.type }} if exists {{ relation }} cascade;
    {%- endif -%}
{%- endmacro %}

{% materialization table, adapter='duckdb' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {# A model that compares with its own last state needs that until its rows are made. #}
    {%- set reads_itself = existing_relation is not none and (this | string) in sql -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- set made_relation = make_intermediate_relation(target_relation) if reads_itself
        else target_relation -%}
    {%- call statement('main') -%}
        {{ drop_statement(none if reads_itself else existing_relation) }}
        {{ create_table_as(False, made_relation, sql) }}
    {%- endcall -%}
    {%- if reads_itself -%}
        {{ drop_relation_if_exists(existing_relation) }}
        {{ adapter.rename_relation(made_relation, target_relation) }}
    {%- endif -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do persist_docs(target_relation, model) %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- call statement('main') -%}
        {{ drop_statement(load_cached_relation(this)) }}
        {{ get_create_view_as_sql(target_relation, sql) }}
    {%- endcall -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do persist_docs(target_relation, model) %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
