-- One row per session: views of one visitor without a long pause between them.
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
        and session_id is not null

),

last_views as (

    select
        session_id,
        max(view_number) as last_view_number
    from views
    group by session_id

)

select
    views.session_id,
    views.source_system,
    views.session_date,
    views.visitor_id,
    min(views.occurred_at) as started_at,
    max(views.occurred_at) as ended_at,
    cast(
        sum(case when views.page_kind in ('page', 'document') then 1 else 0 end) as bigint
    ) as count_page_views,
    count(distinct views.url_path) as count_paths,
    cast(
        sum(case when views.page_kind = 'document' then 1 else 0 end) as bigint
    ) as count_documents,
    sum(views.engaged_seconds) as engaged_seconds,
    max(case when views.view_number = 1 then views.url_path end) as entry_path,
    max(
        case when views.view_number = last_views.last_view_number then views.url_path end
    ) as exit_path,
    max(case when views.view_number = 1 then views.page_group end) as entry_page_group,
    max(case when views.view_number = 1 then views.referrer_host end) as referrer_host,
    max(case when views.view_number = 1 then views.utm_source end) as utm_source,
    max(case when views.view_number = 1 then views.utm_medium end) as utm_medium,
    max(case when views.view_number = 1 then views.utm_campaign end) as utm_campaign,
    max(case when views.is_bot then 1 else 0 end) = 1 as is_bot,
    max(case when views.is_staff then 1 else 0 end) = 1 as is_staff
from views
inner join last_views on views.session_id = last_views.session_id
group by views.session_id, views.source_system, views.session_date, views.visitor_id
