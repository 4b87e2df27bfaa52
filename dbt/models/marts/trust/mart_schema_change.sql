-- One row per change of a source table's structure that a load met: what came, went or became
-- another type, and what the load did.
with

schema_changes as (

    select * from {{ source('ops', 'schema_changes') }}

)

select
    system || ':' || table_name || ':' || load_id || ':' || cast(position as string)
        as schema_change_id,
    system as source_system,
    table_name as source_table,
    load_id,
    change as schema_change,
    column_name,
    type_before,
    type_after,
    policy as drift_policy,
    status as load_status,
    cast(found_at as date) as period_date,
    found_at
from schema_changes
