{#- Fails for each row whose reference names an object that its system delivers but does not
    contain, unless the value is listed in mart_unmatched_reference: a source may be wrong about
    itself, but never without being shown. -#}
{% test reference_found_or_listed(model, column_name, to, object) %}
{%- set key = to.identifier.split('_', 1)[1] ~ '_id' %}
select source_rows.{{ column_name }}
from {{ model }} as source_rows
where
    source_rows.{{ column_name }} is not null
    and {{ dbt.split_part('source_rows.' ~ column_name, "':'", 1) }} in (
        select delivered.source_system from {{ to }} as delivered
    )
    and not exists (
        select 1
        from {{ to }} as known
        where known.{{ key }} = source_rows.{{ column_name }}
    )
    and not exists (
        select 1
        from {{ ref('mart_unmatched_reference') }} as listed
        where
            listed.object_name = '{{ object }}'
            and listed.field_name = '{{ column_name }}'
            and listed.source_system = source_rows.source_system
            and listed.missing_value = source_rows.{{ column_name }}
    )
{% endtest %}
