-- One row per part of what records of touches are made from that is another than the records kept
-- from it, with its number now, if it is still there, and whose it is and was. What a build found
-- and did not come to replace stays here for the next one.
{{ config(materialized='table') }}
{%- set said = ['part_kind', 'part_key', 'content_number'] %}
{%- set kept = rows_kept_in('int_relationship__kept_parts', {
    'part_kind': 'string', 'part_key': 'string', 'part_date': 'date',
    'part_owner': 'string', 'content_number': 'bigint'
}) %}
with

parts as (

    select
        *,
        {{ row_hash(said) }} as part_hash
    from {{ ref('int_relationship__parts') }}

),

unfinished as (

    {{ rows_kept_in('int_relationship__changed_parts', {
        'part_kind': 'string', 'part_key': 'string', 'part_date': 'date'
    }) }}

),

-- Of a million parts all but a few are as they were: they are left out by one number each.
kept_hashes as (

    select {{ row_hash(['kept.part_kind', 'kept.part_key', 'kept.content_number']) }} as kept_hash
    from (
        {{ kept }}
    ) as kept
    left join unfinished
        on kept.part_kind = unfinished.part_kind and kept.part_key = unfinished.part_key
    where unfinished.part_key is null

),

differing as (

    select
        parts.*,
        kept_hashes.kept_hash
    from parts
    full outer join kept_hashes on parts.part_hash = kept_hashes.kept_hash
    where parts.part_hash is null or kept_hashes.kept_hash is null

),

known as (

    select
        kept.*,
        false as is_unfinished
    from (
        {{ kept }}
    ) as kept
    where
        {{ row_hash(said) }} in (select differing.kept_hash from differing)
    union all
    select
        part_kind,
        part_key,
        part_date,
        cast(null as string) as part_owner,
        cast(null as bigint) as content_number,
        true as is_unfinished
    from unfinished

),

found as (

    select * from differing
    where part_hash is not null

)

select
    coalesce(found.part_kind, known.part_kind) as part_kind,
    coalesce(found.part_key, known.part_key) as part_key,
    coalesce(found.part_date, known.part_date) as part_date,
    found.part_owner,
    known.part_owner as part_owner_before,
    found.content_number,
    coalesce(known.is_unfinished, false) as is_unfinished
from found
full outer join known on found.part_kind = known.part_kind and found.part_key = known.part_key
