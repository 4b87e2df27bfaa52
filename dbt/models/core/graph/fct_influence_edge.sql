-- One row per pair of customers and kind of edge under today's rules. An edge below the threshold
-- is kept, counts nowhere and says so. Edges of a customer to itself are none.
with

edges as (

    select * from {{ ref('int_graph__edges') }}
    where is_latest

)

select
    influence_edge_id,
    from_customer_id,
    to_customer_id,
    edge_type,
    max(count_events) as count_events,
    min(first_at) as first_at,
    max(last_at) as last_at,
    max(case when passed_at is not null then strength_ratio else 0 end) as strength_ratio,
    min(passed_at) is not null as is_above_threshold,
    min(case when is_threshold then passed_at end) as above_threshold_at,
    case when min(passed_at) is null then 'below_threshold' end as dropped_reason,
    cast(max(case when is_claim then 1 else 0 end) as bigint) = 1 as is_claim,
    min(executive_at) as executive_at,
    min(director_at) as director_at,
    min(manager_at) as manager_at,
    min(practitioner_at) as practitioner_at,
    max(definition_version) as definition_version
from edges
group by influence_edge_id, from_customer_id, to_customer_id, edge_type
