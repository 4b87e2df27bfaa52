-- One row per visitor whose contact or account is known, with whom the visitor is and since when
-- that can be known.
{{ config(
    materialized=keys_materialization(), meta=identity_keys(), tags=['web_identities']
) }}
-- depends_on: {{ ref('int_identity__changed_visitors') }}
with

visitors as (

    select
        visitor_id,
        contact_id,
        account_id,
        link_level
    from {{ ref('dim_web_visitor') }}
    where
        {{ is_changed_key('visitor_id') }}
        and (contact_id is not null or account_id is not null)

),

links as (

    select
        visitor_id,
        contact_id,
        account_id,
        min(first_evidence_at) as linked_at
    from {{ ref('fct_visitor_link') }}
    where
        {{ is_changed_key('visitor_id') }}
        and status in ('active', 'confirmed', 'conflict')
    group by visitor_id, contact_id, account_id

),

accounts as (

    select
        account_id,
        account_name
    from {{ ref('dim_account') }}

),

contacts as (

    select
        contact_id,
        contact_name,
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

)

select
    visitors.visitor_id,
    visitors.contact_id,
    contacts.contact_name,
    contacts.decision_rank,
    visitors.account_id as visitor_account_id,
    accounts.account_name as visitor_account_name,
    coalesce(contacts.account_id, visitors.account_id) as account_id,
    coalesce(visitors.contact_id, visitors.visitor_id) as person_key,
    visitors.link_level,
    coalesce(contact_links.linked_at, account_links.linked_at) as linked_at
from visitors
left join accounts on visitors.account_id = accounts.account_id
left join contacts on visitors.contact_id = contacts.contact_id
left join contact_links
    on
        visitors.visitor_id = contact_links.visitor_id
        and visitors.contact_id = contact_links.contact_id
left join account_links on visitors.visitor_id = account_links.visitor_id
