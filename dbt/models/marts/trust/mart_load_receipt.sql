-- One row per load of a source table.
with

receipts as (

    select * from {{ ref('int_operations__receipts') }}

)

select
    load_receipt_id,
    source_system,
    source_table,
    load_id,
    kind,
    load_mode,
    load_status,
    schedule,
    cast(finished_at as date) as period_date,
    started_at,
    finished_at,
    rows_asked,
    rows_received,
    rows_loaded,
    rows_merged,
    rows_rejected,
    rejected_reasons,
    rows_deleted,
    rows_gap,
    rows_previous,
    cursor_from,
    cursor_to,
    newest_at,
    count_files,
    count_bytes,
    count_calls,
    count_retries,
    quota_used,
    quota_limit,
    coverage_seen,
    coverage_all,
    coverage_en,
    coverage_zh,
    schema_changes,
    message_en,
    message_zh,
    remedy_en,
    remedy_zh
from receipts
