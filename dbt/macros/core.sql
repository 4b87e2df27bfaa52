{# True where the row's system fills the column in at least one of its rows. What a system never
   delivers is unknown for each of its rows, not "no". #}
{% macro is_delivered(column, system='source_system') -%}
    (max(case when {{ column }} is not null then 1 else 0 end) over (partition by {{ system }}) = 1)
{%- endmacro %}

{# State of data by columns age_hours, warn_after_hours and error_after_hours of the row; without an
   age or a threshold it is unknown. #}
{% macro freshness_status() -%}
    case
        when age_hours is null or warn_after_hours is null or error_after_hours is null
            then 'unknown'
        when age_hours > error_after_hours then 'error'
        when age_hours > warn_after_hours then 'warn'
        else 'fresh'
    end
{%- endmacro %}
