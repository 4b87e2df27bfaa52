-- One row per customer of which the indices have been built, with what they rest on and the last
-- day. The next build compares with it; after a failure it still holds the state before.
{{ config(materialized='table', post_hook='{{ follow_records() }}') }}
-- depends_on: {{ ref('fct_relationship_index_day') }}
select
    customer_id,
    number_now,
    last_day_now,
    {{ as_of_date() }} as built_through
from {{ ref('int_relationship__customer_states') }}
