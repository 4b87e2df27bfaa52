-- One row per part from which the records of touches have been made. Written when they are, it says
-- what the next build compares with.
{{ config(
    materialized=followed_parts_materialization(),
    meta={
        'key': '(part_kind, part_key)',
        'changed_keys': 'int_relationship__changed_parts',
        'changed_columns': '(part_kind, part_key)',
        'is_what_has_been_followed': true
    },
    post_hook="{% if replaces_days() %}delete from {{ ref('int_relationship__changed_parts') }}{% endif %}"
) }}
-- depends_on: {{ ref('int_relationship__customer_records') }}
-- depends_on: {{ ref('int_relationship__open_lines') }}
select
    part_kind,
    part_key,
    part_date,
    part_owner,
    content_number
from {{ ref('int_relationship__changed_parts') }}
where content_number is not null
