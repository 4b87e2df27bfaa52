-- One row per visitor and day: its page views and the sessions that began.
{{ config(
    materialized=days_materialization(),
    meta={'day_column': 'session_date'},
    tags=['web_days']
) }}
with

counted as (

    select
        visitor_id,
        session_date,
        1 as count_page_views,
        0 as count_sessions
    from {{ ref('fct_web_page_view') }}
    where
        {{ is_changed_day('session_date') }}
        and page_kind in ('page', 'document')
    union all
    select
        visitor_id,
        session_date,
        0 as count_page_views,
        1 as count_sessions
    from {{ ref('fct_web_session') }}
    where {{ is_changed_day('session_date') }}

)

select
    visitor_id,
    session_date,
    cast(sum(count_page_views) as bigint) as count_page_views,
    cast(sum(count_sessions) as bigint) as count_sessions
from counted
where visitor_id is not null
group by visitor_id, session_date
