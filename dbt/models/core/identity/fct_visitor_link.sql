-- One row per piece of evidence that links a web visitor to a contact or an account, with what came
-- of it.
{{ config(
    materialized=keys_materialization(), meta=identity_keys(), tags=['web_identities']
) }}
-- depends_on: {{ ref('int_identity__changed_visitors') }}
with

evidence as (

    select * from {{ ref('int_identity__decided_evidence') }}
    where {{ is_changed_key('visitor_id') }}

),

contacts as (

    select * from {{ ref('int_identity__contact_candidates') }}
    where {{ is_changed_key('visitor_id') }}

),

accounts as (

    select * from {{ ref('int_identity__account_candidates') }}
    where {{ is_changed_key('visitor_id') }}

),

choices as (

    select
        visitor_id,
        contact_id,
        account_id
    from evidence
    where is_choice

),

placed as (

    select
        evidence.*,
        case
            when evidence.contact_id is not null then coalesce(contacts.standing, 'overruled')
            else accounts.standing
        end as standing,
        case
            when evidence.contact_id is not null then contacts.confidence
            else accounts.confidence
        end as link_confidence,
        case
            when evidence.contact_id is not null then evidence.contact_id = choices.contact_id
            else evidence.account_id = choices.account_id
        end as is_decided
    from evidence
    left join contacts
        on
            evidence.visitor_id = contacts.visitor_id
            and evidence.contact_id = contacts.contact_id
    left join accounts
        on
            evidence.visitor_id = accounts.visitor_id
            and evidence.account_id = accounts.account_id
    left join choices on evidence.visitor_id = choices.visitor_id

)

select
    md5(
        visitor_id || '|' || field || '|' || link_rule_id || '|' || evidence_value || '|'
        || coalesce(contact_id, '') || '|' || coalesce(account_id, '')
    ) as visitor_link_id,
    source_system,
    visitor_id,
    contact_id,
    account_id,
    link_rule_id,
    evidence_kind,
    evidence_value,
    web_event_id,
    confidence,
    case when not is_undone then link_confidence end as link_confidence,
    first_evidence_at,
    last_evidence_at,
    case
        when is_undone then 'undone'
        when standing = 'chosen' and is_decided then 'confirmed'
        when standing = 'chosen' then 'active'
        when standing = 'disputed' then 'conflict'
        when standing = 'weak' then 'below_confidence'
        else 'overruled'
    end as status
from placed
