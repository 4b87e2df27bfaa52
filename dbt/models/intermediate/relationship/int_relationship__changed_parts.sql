-- One row per part of what records of touches are made from that is another than the records kept
-- from it. What a build found and did not come to replace stays here for the next one.
{{ config(materialized='table') }}
with

parts as (

    select * from {{ ref('int_relationship__parts') }}

),

kept as (

    {{ rows_kept_in('int_relationship__kept_parts', {
        'part_kind': 'string', 'part_date': 'date', 'part_number': 'int', 'content_number': 'bigint'
    }) }}

),

unfinished as (

    {{ rows_kept_in('int_relationship__changed_parts', {
        'part_kind': 'string', 'part_date': 'date', 'part_number': 'int'
    }) }}

)

select
    coalesce(parts.part_kind, kept.part_kind) as part_kind,
    coalesce(parts.part_date, kept.part_date) as part_date,
    coalesce(parts.part_number, kept.part_number) as part_number
from parts
full outer join kept
    on
        parts.part_kind = kept.part_kind
        and parts.part_date is not distinct from kept.part_date
        and parts.part_number is not distinct from kept.part_number
where parts.content_number is distinct from kept.content_number
union
select
    part_kind,
    part_date,
    part_number
from unfinished
