-- One row per part of what acts are made from, with a number for what it says: the acts of a kind
-- and day, and the accounts, contacts, people and times at firms of one bucket. A part with another
-- number than before is read again, the others are not.
{{ config(
    materialized=keys_materialization(),
    meta=graph_keys('(part_kind, part_date, part_number)', 'int_graph__changed_parts'),
    tags=['graph']
) }}
select
    part_kind,
    part_date,
    part_number,
    content_number
from {{ ref('int_graph__changed_parts') }}
where
    {{ is_changed_key('(part_kind, part_date, part_number)') }}
    and content_number is not null
