-- One row per reference field, system and value that names an object nobody delivered.
with

unmatched as (

    select * from {{ ref('int_quality__unmatched_references') }}

)

select
    source_system || ':' || object_name || '.' || field_name || ':' || missing_value
        as unmatched_reference_id,
    source_system,
    object_name,
    field_name,
    referenced_object,
    missing_value,
    count_rows
from unmatched
