-- One row per meaning of a value, as every model of identities has followed it. The next build
-- compares it with the meanings of then; after a failure it still holds the state before.
{{ config(materialized='table') }}
{%- set tags = ['web_identities'] %}
{%- set earlier = earlier_table(this.identifier) if unfollowed_models(tags) else none %}
-- depends_on: {{ ref('int_intent__named_visitors') }}
-- depends_on: {{ ref('mart_visitor_link') }}
-- depends_on: {{ ref('int_identity__visitor_reviews') }}
select
    field,
    observed_value,
    link_rule_id,
    evidence_kind,
    evidence_value,
    contact_id,
    account_id,
    confidence,
    valid_from,
    valid_to,
    choose_by,
    narrowness,
    is_shared
from {{ earlier or ref('int_identity__value_meanings') }}
