-- One row per period of the rules and pair of customers of which one influences the other: the
-- strongest, the shortest and the earliest of the ways between them.
{{ config(
    materialized=keys_materialization(),
    meta=graph_keys('source_customer_number', 'int_graph__changed_sources'),
    tags=['graph']
) }}
select
    definition_version,
    source_customer_number,
    target_customer_number,
    max(influence_ratio) as influence_ratio,
    min(count_steps) as count_steps,
    min(passed_date) as passed_date
from {{ ref('int_graph__paths') }}
where {{ is_changed_key('source_customer_number') }}
group by definition_version, source_customer_number, target_customer_number
