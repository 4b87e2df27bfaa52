-- One row per system, field and raw code, with what became of it.
with

codes as (

    select * from {{ ref('int_canonical__code_usage') }}

)

select
    system || ':' || object || '.' || field || ':' || source_code as code_usage_id,
    system as source_system,
    object as object_name,
    field as field_name,
    code_list,
    source_code,
    canonical_code,
    status as code_status,
    status = 'unmapped' as is_unmapped,
    cast(sum(count_rows) as bigint) as count_rows
from codes
group by system, object, field, code_list, source_code, canonical_code, status
