{# Numbers that stand for what rows say: a build compares them with those of the last one to see what
   has changed, without keeping the rows themselves. #}

{# Whole number, the same for the same values of these columns, small enough to be added up over
   all rows. #}
{% macro content_number(columns) -%}
    {{- return(adapter.dispatch('content_number', 'sales_migration_health')(columns)) -}}
{%- endmacro %}

{% macro default__content_number(columns) -%}
    cast(hash({{ columns | join(', ') }}) % 2147483647 as bigint)
{%- endmacro %}

{% macro spark__content_number(columns) -%}
    pmod(xxhash64({{ columns | join(', ') }}), 2147483647)
{%- endmacro %}

{# Number that no two of a table's rows share unless they say the same: one column to join by. #}
{% macro row_hash(columns) -%}
    {{- return(adapter.dispatch('row_hash', 'sales_migration_health')(columns)) -}}
{%- endmacro %}

{% macro default__row_hash(columns) -%}
    hash({{ columns | join(', ') }})
{%- endmacro %}

{% macro spark__row_hash(columns) -%}
    xxhash64({{ columns | join(', ') }})
{%- endmacro %}

{% macro content_sum(columns) -%}
    cast(sum({{ content_number(columns) }}) as bigint)
{%- endmacro %}

{# Number of the bucket, of 65,536, of a key; NULL for none. #}
{% macro key_bucket(key) -%}
    {{- return(adapter.dispatch('key_bucket', 'sales_migration_health')(key)) -}}
{%- endmacro %}

{% macro default__key_bucket(key) -%}
    case when {{ key }} is not null then cast(hash({{ key }}) % 65536 as usmallint) end
{%- endmacro %}

{% macro spark__key_bucket(key) -%}
    case when {{ key }} is not null then cast(pmod(xxhash64({{ key }}), 65536) as int) end
{%- endmacro %}
