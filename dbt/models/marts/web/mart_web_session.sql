-- One row per session of the website, with the account and contact that the visitor is known to be.
with

sessions as (

    select * from {{ ref('fct_web_session') }}

),

visitors as (

    select * from {{ ref('dim_web_visitor') }}

),

accounts as (

    select * from {{ ref('dim_account') }}

),

contacts as (

    select * from {{ ref('dim_contact') }}

)

select
    sessions.session_id,
    sessions.source_system,
    sessions.session_date as period_date,
    sessions.visitor_id,
    visitors.account_id,
    accounts.account_name,
    visitors.contact_id,
    contacts.contact_name,
    visitors.link_level,
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
    coalesce(visitors.account_id, visitors.contact_id) is not null as has_account
from sessions
left join visitors on sessions.visitor_id = visitors.visitor_id
left join accounts on visitors.account_id = accounts.account_id
left join contacts on visitors.contact_id = contacts.contact_id
