-- One row per visitor and day whose visit went on for longer than a session may: it is no session.
{{ config(
    materialized=days_materialization(),
    meta={'day_column': 'session_date'},
    tags=['web_days']
) }}
with

views as (

    select * from {{ ref('fct_web_page_view') }}
    where
        {{ is_changed_day('session_date') }}
        and session_id is null

)

select
    source_system,
    session_date,
    visitor_id,
    'longer_than_session_max_hours' as reason,
    count(*) as count_views,
    min(occurred_at) as first_seen_at,
    max(occurred_at) as last_seen_at,
    max(case when is_bot then 1 else 0 end) = 1 as is_bot,
    max(case when is_staff then 1 else 0 end) = 1 as is_staff
from views
group by source_system, session_date, visitor_id
