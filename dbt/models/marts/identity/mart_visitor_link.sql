-- One row per piece of evidence that links a web visitor to a contact or an account.
{{ config(
    materialized=keys_materialization(), meta=identity_keys(), tags=['web_identities']
) }}
-- depends_on: {{ ref('int_identity__changed_visitors') }}
with

links as (

    select * from {{ ref('fct_visitor_link') }}
    where {{ is_changed_key('visitor_id') }}

),

visitors as (

    select * from {{ ref('dim_web_visitor') }}
    where {{ is_changed_key('visitor_id') }}

),

contacts as (

    select * from {{ ref('dim_contact') }}

),

accounts as (

    select * from {{ ref('dim_account') }}

),

reps as (

    select * from {{ ref('dim_rep') }}

),

rules as (

    select * from {{ ref('int_identity__link_rules') }}

)

select
    links.visitor_link_id,
    links.source_system,
    cast(links.first_evidence_at as date) as period_date,
    links.visitor_id,
    visitors.visitor_address,
    visitors.user_agent,
    links.contact_id,
    contacts.contact_name,
    links.account_id,
    accounts.account_name,
    accounts.industry,
    coalesce(accounts.region, reps.region) as region,
    accounts.owner_rep_id as rep_id,
    reps.rep_name,
    reps.team_name,
    links.link_rule_id,
    case
        when links.link_rule_id = 'manual_decision' then 'Decided by a person'
        else rules.name_en
    end as rule_name_en,
    case
        when links.link_rule_id = 'manual_decision' then '人工决定'
        else rules.name_zh
    end as rule_name_zh,
    links.evidence_kind,
    links.evidence_value,
    links.web_event_id,
    links.confidence,
    links.link_confidence,
    links.status,
    links.status in ('active', 'confirmed') as is_applied,
    links.status = 'conflict' as is_conflict,
    links.status = 'below_confidence' as is_below_confidence,
    links.status = 'undone' as is_undone,
    visitors.link_level,
    visitors.count_sessions,
    visitors.count_page_views,
    links.first_evidence_at,
    links.last_evidence_at
from links
inner join visitors on links.visitor_id = visitors.visitor_id
left join contacts on links.contact_id = contacts.contact_id
left join accounts on links.account_id = accounts.account_id
left join reps on accounts.owner_rep_id = reps.rep_id
left join rules on links.link_rule_id = rules.link_rule_id
