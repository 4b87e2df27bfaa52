-- One row per act that can join two firms, but for meetings at events: referral, share, change of
-- firm, supply. Acts that join nobody are kept with the reason, because a person's shares count
-- towards the threshold whoever gets them.
{{ config(
    materialized=keys_materialization(),
    meta=graph_keys('(edge_type, act_id)', 'int_graph__changed_acts'),
    tags=['graph']
) }}
select
    edge_type,
    act_object,
    act_id,
    from_customer_id,
    to_customer_id,
    from_customer_number,
    to_customer_number,
    from_person_id,
    to_person_id,
    to_decision_level,
    occurred_at,
    dropped_reason
from {{ ref('int_graph__changed_acts') }}
where {{ is_changed_key('(edge_type, act_id)') }} and not is_gone
