-- One row per part of what records of touches are made from that is another than the records kept
-- from it, with its number now, if it is still there, and whose it is and was. What a build found
-- and did not come to replace stays here for the next one.
{{ config(materialized='table') }}
with

parts as (

    select * from {{ ref('int_relationship__parts') }}

),

kept as (

    {{ rows_kept_in('int_relationship__kept_parts', {
        'part_kind': 'string', 'part_key': 'string', 'part_date': 'date',
        'part_owner': 'string', 'content_number': 'bigint'
    }) }}

),

unfinished as (

    {{ rows_kept_in('int_relationship__changed_parts', {
        'part_kind': 'string', 'part_key': 'string', 'part_date': 'date'
    }) }}

),

known as (

    select
        kept.*,
        false as is_unfinished
    from kept
    left join unfinished
        on kept.part_kind = unfinished.part_kind and kept.part_key = unfinished.part_key
    where unfinished.part_key is null
    union all
    select
        part_kind,
        part_key,
        part_date,
        cast(null as string) as part_owner,
        cast(null as bigint) as content_number,
        true as is_unfinished
    from unfinished

)

select
    coalesce(parts.part_kind, known.part_kind) as part_kind,
    coalesce(parts.part_key, known.part_key) as part_key,
    coalesce(parts.part_date, known.part_date) as part_date,
    parts.part_owner,
    known.part_owner as part_owner_before,
    parts.content_number,
    coalesce(known.is_unfinished, false) as is_unfinished
from parts
full outer join known on parts.part_kind = known.part_kind and parts.part_key = known.part_key
where
    parts.content_number is distinct from known.content_number
    or known.is_unfinished
