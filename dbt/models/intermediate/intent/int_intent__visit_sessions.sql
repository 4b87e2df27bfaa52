-- One row per account and session of a visitor known to belong to it, with the pages in order.
{{ config(
    materialized=days_materialization(),
    meta={'day_column': 'session_date', 'follows_names': true},
    tags=['web_names']
) }}
-- depends_on: {{ ref('int_intent__renamed_days') }}
with

visits as (

    select * from {{ ref('int_intent__visits') }}
    where
        {{ is_changed_day('session_date') }}
        and account_id is not null

)

select
    account_id,
    session_id,
    session_date,
    min(source_system) as source_system,
    max(contact_id) as contact_id,
    min(occurred_at) as occurred_at,
    count(*) as count_views,
    substr({{ string_list('url_path', separator=' · ') }}, 1, 300) as pages
from visits
group by account_id, session_id, session_date
