-- One row per part from which the records of touches have been made. Written when they are, it says
-- what the next build compares with.
{{ config(
    materialized=kept_parts_materialization(),
    post_hook="{% if replaces_days() %}delete from {{ ref('int_relationship__changed_parts') }}{% endif %}"
) }}
-- depends_on: {{ ref('int_relationship__customer_records') }}
select
    part_kind,
    part_key,
    part_date,
    content_number
from {{ ref('int_relationship__changed_parts') }}
where content_number is not null
