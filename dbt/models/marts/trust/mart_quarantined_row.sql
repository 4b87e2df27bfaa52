-- One row per row that could not be loaded, with its reason.
with

quarantined_rows as (

    select * from {{ ref('int_operations__quarantined_rows') }}

)

select
    quarantined_row_id,
    source_system,
    source_table,
    load_id,
    source_file,
    source_row,
    reason_code,
    reason_en,
    reason_zh,
    raw_text,
    cast(quarantined_at as date) as period_date,
    quarantined_at
from quarantined_rows
