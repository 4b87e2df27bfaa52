-- One row per named visitor, as every model that follows the names has built it. The next build
-- compares it with the names of then; after a failure it still holds the state before.
{{ config(materialized='table') }}
{%- set earlier = earlier_table(this.identifier) if unfollowed_models(['web_names']) else none %}
-- depends_on: {{ ref('int_intent__visits') }}
-- depends_on: {{ ref('int_intent__matched_visits') }}
-- depends_on: {{ ref('int_intent__visit_sessions') }}
-- depends_on: {{ ref('int_intent__visit_days') }}
-- depends_on: {{ ref('int_intent__page_evidence') }}
-- depends_on: {{ ref('mart_web_session') }}
select
    visitor_id,
    contact_id,
    contact_name,
    decision_rank,
    visitor_account_id,
    visitor_account_name,
    account_id,
    person_key,
    link_level,
    linked_at
from {{ earlier or ref('int_intent__named_visitors') }}
