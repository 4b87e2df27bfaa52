-- One row per system and canonical object that it delivers.
with

coverage as (

    select * from {{ ref('int_quality__object_coverage') }}

)

select
    source_system || ':' || object_name as object_coverage_id,
    source_system,
    object_name,
    count_rows
from coverage
