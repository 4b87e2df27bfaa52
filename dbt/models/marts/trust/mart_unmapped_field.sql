-- One row per column of a source table that no rule row uses, or that a rule row uses although it
-- has not landed.
with

fields as (

    select * from {{ ref('int_canonical__unmapped_fields') }}

)

select
    system || ':' || table_name || '.' || column_name as unmapped_field_id,
    system as source_system,
    table_name as source_table,
    column_name as source_field,
    status as mapping_status
from fields
where status <> 'mapped'
