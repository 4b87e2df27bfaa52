-- One row per event and customer that was there. An event is a name without a pause of more days
-- than the rule row says, so next week's session of the same name is another one.
{{ config(
    materialized=keys_materialization(),
    meta=graph_keys('event_key', 'int_graph__changed_attendances'),
    tags=['graph']
) }}
select
    event_key,
    event_name,
    customer_id,
    customer_number,
    count_attendances,
    attended_at,
    executive_at,
    director_at,
    manager_at,
    practitioner_at,
    group_size
from {{ ref('int_graph__changed_attendances') }}
where {{ is_changed_key('event_key') }} and not is_gone
