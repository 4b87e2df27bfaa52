-- One row per page view of a visitor whose account or contact is known. Bots, own staff, over-long
-- sessions and anonymous visitors give no signal. A visit is known from when it happened or, where
-- that came later, from when its visitor was first identified.
{{ config(
    materialized=days_materialization(),
    meta={'day_column': 'session_date', 'follows_names': true},
    tags=['web_names']
) }}
-- depends_on: {{ ref('int_intent__renamed_days') }}
with

page_views as (

    select
        web_event_id,
        source_system,
        visitor_id,
        session_id,
        session_date,
        occurred_at,
        url_path,
        page_group,
        engaged_seconds
    from {{ ref('fct_web_page_view') }}
    where
        {{ is_changed_day('session_date') }}
        and not is_bot
        and not is_staff
        and session_id is not null
        and page_kind in ('page', 'document')

),

named as (

    select * from {{ ref('int_intent__named_visitors') }}

)

select
    page_views.web_event_id,
    page_views.source_system,
    page_views.visitor_id,
    page_views.session_id,
    page_views.session_date,
    named.contact_id,
    named.account_id,
    named.person_key,
    named.decision_rank,
    page_views.occurred_at,
    case
        when named.linked_at > page_views.occurred_at then named.linked_at
        else page_views.occurred_at
    end as known_at,
    page_views.url_path,
    page_views.page_group,
    page_views.engaged_seconds
from page_views
inner join named on page_views.visitor_id = named.visitor_id
