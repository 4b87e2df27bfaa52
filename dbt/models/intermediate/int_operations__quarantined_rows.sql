-- One row per row that could not be loaded.
with

quarantined_rows as (

    select * from {{ source('ops', 'quarantined_rows') }}

)

select
    system as source_system,
    table_name as source_table,
    load_id,
    source_file,
    source_row,
    reason_code,
    reason_en,
    reason_zh,
    raw_text,
    quarantined_at
from quarantined_rows
