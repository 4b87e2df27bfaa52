-- One row per reference field, system and value that names an object which its system delivers but
-- does not contain. Where the system delivers no such object at all nothing can be said about the
-- reference, so it is not listed.
-- The linter cannot run the macro that lists the registry, so it sees an empty loop.
-- noqa: disable=all
{{ config(materialized='table') }}

{%- for reference in canonical_references() %}
{%- if not loop.first %}
union all
{%- endif %}
select
    '{{ reference.object }}' as object_name,
    '{{ reference.field }}' as field_name,
    '{{ reference.references }}' as referenced_object,
    source_rows.source_system,
    source_rows.{{ reference.field }} as missing_value,
    count(*) as count_rows
from {{ ref(object_model(reference.object)) }} as source_rows
where
    source_rows.{{ reference.field }} is not null
    and {{ dbt.split_part('source_rows.' ~ reference.field, "':'", 1) }} in (
        select delivered.source_system
        from {{ ref(object_model(reference.references)) }} as delivered
    )
    and not exists (
        select 1
        from {{ ref(object_model(reference.references)) }} as known
        where known.{{ reference.references }}_id = source_rows.{{ reference.field }}
    )
group by source_rows.source_system, source_rows.{{ reference.field }}
{%- endfor %}
