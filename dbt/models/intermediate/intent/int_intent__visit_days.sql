-- One row per person, account and day on which the person visited our site, with the first view of
-- the day: what asks how long somebody was away, or who came first, need not look at every view. A
-- day has a second row where a session of the day before reached into it.
{{ config(
    materialized=days_materialization(),
    meta={'day_column': 'session_date', 'follows_names': true},
    tags=['web_names']
) }}
-- depends_on: {{ ref('int_intent__renamed_days') }}
with

visits as (

    select
        *,
        cast(occurred_at as date) as visit_date
    from {{ ref('int_intent__visits') }}
    where {{ is_changed_day('session_date') }}

),

numbered as (

    select
        *,
        max(occurred_at) over (
            partition by session_date, person_key, account_id, visit_date
        ) as last_at,
        row_number() over (
            partition by session_date, person_key, account_id, visit_date
            order by occurred_at asc nulls last, web_event_id asc nulls last
        ) as view_rank
    from visits

)

select
    session_date,
    visit_date,
    person_key,
    account_id,
    contact_id,
    decision_rank,
    occurred_at as first_at,
    last_at,
    web_event_id,
    source_system,
    visitor_id,
    known_at,
    url_path
from numbered
where view_rank = 1
