{# True where the row's system fills the column in at least one of its rows. What a system never
   delivers is unknown for each of its rows, not "no". #}
{% macro is_delivered(column, system='source_system') -%}
    (max(case when {{ column }} is not null then 1 else 0 end) over (partition by {{ system }}) = 1)
{%- endmacro %}
