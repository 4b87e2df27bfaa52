-- One row per page view of a visitor whose account or contact is known. Bots, own staff, over-long
-- sessions and anonymous visitors give no signal. A visit is known from when it happened or, where
-- that came later, from when its visitor was first identified.
{{ config(materialized='table') }}
with

page_views as (

    select
        web_event_id,
        source_system,
        visitor_id,
        session_id,
        occurred_at,
        url_path,
        page_group,
        engaged_seconds
    from {{ ref('fct_web_page_view') }}
    where
        not is_bot
        and not is_staff
        and session_id is not null
        and page_kind in ('page', 'document')
        and occurred_at < {{ as_of_end() }}

),

visitors as (

    select
        visitor_id,
        contact_id,
        account_id
    from {{ ref('dim_web_visitor') }}
    where contact_id is not null or account_id is not null

),

links as (

    select
        visitor_id,
        contact_id,
        account_id,
        min(first_evidence_at) as linked_at
    from {{ ref('fct_visitor_link') }}
    where status in ('active', 'confirmed', 'conflict')
    group by visitor_id, contact_id, account_id

),

contacts as (

    select
        contact_id,
        account_id,
        {{ decision_rank('decision_level') }} as decision_rank
    from {{ ref('dim_contact') }}

),

contact_links as (

    select
        visitor_id,
        contact_id,
        min(linked_at) as linked_at
    from links
    where contact_id is not null
    group by visitor_id, contact_id

),

account_links as (

    select
        visitor_id,
        min(linked_at) as linked_at
    from links
    group by visitor_id

),

named as (

    select
        visitors.visitor_id,
        visitors.contact_id,
        contacts.decision_rank,
        coalesce(contacts.account_id, visitors.account_id) as account_id,
        coalesce(visitors.contact_id, visitors.visitor_id) as person_key,
        coalesce(contact_links.linked_at, account_links.linked_at) as linked_at
    from visitors
    left join contacts on visitors.contact_id = contacts.contact_id
    left join contact_links
        on
            visitors.visitor_id = contact_links.visitor_id
            and visitors.contact_id = contact_links.contact_id
    left join account_links on visitors.visitor_id = account_links.visitor_id

)

select
    page_views.web_event_id,
    page_views.source_system,
    page_views.visitor_id,
    page_views.session_id,
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
