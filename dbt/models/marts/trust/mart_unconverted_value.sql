-- One row per table, field and raw value that could not be read as the field's type, and per table
-- with rows that have no key.
with

raw_values as (

    select * from {{ ref('int_canonical__unconverted_values') }}

)

select
    system || ':' || table_name || ':' || object || '.' || field || ':'
    || coalesce(raw_value, reason) as unconverted_value_id,
    system as source_system,
    table_name as source_table,
    object as object_name,
    field as field_name,
    raw_value as source_value,
    reason as unconverted_reason,
    cast(sum(count_rows) as bigint) as count_rows
from raw_values
group by system, table_name, object, field, raw_value, reason
