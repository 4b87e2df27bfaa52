-- One row per web visitor (a browser, or an address and agent), with the contact and account it
-- belongs to. Whoever is not identified surely enough, and who is disputed, is anonymous.
{{ config(
    materialized=keys_materialization(), meta=identity_keys(), tags=['web_identities']
) }}
-- depends_on: {{ ref('int_identity__changed_visitors') }}
with

visitors as (

    select * from {{ ref('int_web__visitors') }}
    where {{ is_changed_key('visitor_id') }}

),

contacts as (

    select * from {{ ref('int_identity__contact_candidates') }}
    where {{ is_changed_key('visitor_id') }} and standing = 'chosen'

),

accounts as (

    select * from {{ ref('int_identity__account_candidates') }}
    where {{ is_changed_key('visitor_id') }} and standing = 'chosen'

),

links as (

    select * from {{ ref('fct_visitor_link') }}
    where {{ is_changed_key('visitor_id') }}

),

disputes as (

    select distinct visitor_id from links
    where status = 'conflict'

),

placed as (

    select
        visitors.visitor_id,
        contacts.contact_id,
        accounts.account_id,
        case
            when contacts.contact_id is not null then contacts.confidence
            else accounts.confidence
        end as link_confidence,
        case
            when contacts.contact_id is not null then 'contact'
            when accounts.account_id is not null then 'account'
            else 'anonymous'
        end as link_level
    from visitors
    left join contacts on visitors.visitor_id = contacts.visitor_id
    left join accounts on visitors.visitor_id = accounts.visitor_id

),

-- The surest rule that speaks for what was chosen.
rules as (

    select
        links.visitor_id,
        links.link_rule_id,
        row_number() over (
            partition by links.visitor_id
            order by
                links.confidence desc,
                links.link_rule_id asc nulls last,
                links.visitor_link_id asc nulls last
        ) as rule_rank
    from links
    inner join placed on links.visitor_id = placed.visitor_id
    where
        links.status <> 'undone'
        and (
            (placed.link_level = 'contact' and links.contact_id = placed.contact_id)
            or (placed.link_level = 'account' and links.account_id = placed.account_id)
        )

)

select
    visitors.visitor_id,
    visitors.source_system,
    visitors.visitor_key,
    visitors.visitor_address,
    visitors.user_agent,
    visitors.first_seen_at,
    visitors.last_seen_at,
    visitors.count_sessions,
    visitors.count_page_views,
    visitors.is_bot,
    visitors.bot_reason,
    visitors.is_staff,
    placed.contact_id,
    placed.account_id,
    placed.link_confidence,
    rules.link_rule_id,
    placed.link_level,
    disputes.visitor_id is not null as is_disputed
from visitors
inner join placed on visitors.visitor_id = placed.visitor_id
left join rules on visitors.visitor_id = rules.visitor_id and rules.rule_rank = 1
left join disputes on visitors.visitor_id = disputes.visitor_id
