-- One row per session of the website, with the account and contact that the visitor is known to be.
{{ config(
    materialized=days_materialization(),
    meta={'day_column': 'period_date', 'follows_names': true},
    tags=['web_names']
) }}
-- depends_on: {{ ref('int_intent__renamed_days') }}
with

sessions as (

    select * from {{ ref('fct_web_session') }}
    where {{ is_changed_day('session_date') }}

),

named as (

    select * from {{ ref('int_intent__named_visitors') }}

)

select
    sessions.session_id,
    sessions.source_system,
    sessions.session_date as period_date,
    sessions.visitor_id,
    named.visitor_account_id as account_id,
    named.visitor_account_name as account_name,
    named.contact_id,
    named.contact_name,
    coalesce(named.link_level, 'anonymous') as link_level,
    sessions.started_at,
    sessions.ended_at,
    sessions.count_page_views,
    sessions.count_paths,
    sessions.count_documents,
    sessions.engaged_seconds,
    sessions.engaged_seconds / cast(60 as double) as engaged_minutes,
    sessions.entry_path,
    sessions.exit_path,
    sessions.entry_page_group,
    sessions.referrer_host,
    sessions.utm_source,
    sessions.utm_medium,
    sessions.utm_campaign,
    sessions.is_bot,
    sessions.is_staff,
    not sessions.is_bot and not sessions.is_staff as is_guest,
    named.visitor_id is not null as has_account
from sessions
left join named on sessions.visitor_id = named.visitor_id
