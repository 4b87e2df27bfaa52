-- One row per row that could not be loaded.
with

quarantined_rows as (

    select * from {{ source('ops', 'quarantined_rows') }}

)

select
    -- Rows of a database have no line number, so they are numbered within their load.
    system || ':' || table_name || ':' || load_id || ':' || cast(
        row_number() over (
            partition by system, table_name, load_id
            order by
                source_file asc nulls last,
                source_row asc nulls last,
                reason_code asc nulls last,
                raw_text asc nulls last
        ) as string
    ) as quarantined_row_id,
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
