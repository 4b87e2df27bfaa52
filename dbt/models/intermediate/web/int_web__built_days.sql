-- One row per system, load and day of which every per-day web model has been built. The next build
-- compares it with what has landed; after a failure it still holds the state before.
{{ config(materialized='table') }}
{%- set earlier = incomplete_days() %}
-- depends_on: {{ ref('int_web__visitor_days') }}
-- depends_on: {{ ref('int_web__visitor_day_flags') }}
-- depends_on: {{ ref('int_web__overlong_sessions') }}
-- depends_on: {{ ref('fct_web_page_view') }}
-- depends_on: {{ ref('fct_web_session') }}
-- depends_on: {{ ref('mart_web_day') }}
-- depends_on: {{ ref('mart_web_visitor_day') }}
-- depends_on: {{ ref('mart_web_address_day') }}
-- depends_on: {{ ref('mart_web_address') }}
-- depends_on: {{ ref('mart_bot_day') }}
-- depends_on: {{ ref('int_web__visitor_views') }}
-- depends_on: {{ ref('int_identity__seen_values') }}
-- depends_on: {{ ref('int_identity__address_networks') }}
-- depends_on: {{ ref('int_identity__followed_meanings') }}
-- depends_on: {{ ref('int_intent__visits') }}
-- depends_on: {{ ref('int_intent__matched_visits') }}
-- depends_on: {{ ref('int_intent__visit_sessions') }}
-- depends_on: {{ ref('int_intent__visit_days') }}
-- depends_on: {{ ref('int_intent__page_evidence') }}
-- depends_on: {{ ref('mart_web_session') }}
with

landed as (

    select * from {{ ref('int_web__landed_days') }}

),

versions as (

    select * from {{ ref('int_web__rule_version') }}

)

{% if earlier %}
    -- Some model was left out of this build: nothing is done yet.
    {{ earlier }}
{% else %}
    select
        landed.source_system,
        landed.loaded_at,
        landed.event_date,
        landed.count_events,
        landed.first_seen_at,
        landed.last_seen_at,
        versions.rule_version
    from landed
    cross join versions
{% endif %}
