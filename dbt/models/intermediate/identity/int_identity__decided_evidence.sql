-- One row per piece of evidence for a visitor, people's decisions (rule `manual_decision`)
-- included: whether it was undone, and whether it is what a person decided for.
{{ config(
    materialized=keys_materialization(), meta=identity_keys(), tags=['web_identities']
) }}
-- depends_on: {{ ref('int_identity__changed_visitors') }}
with

visitors as (

    select
        visitor_id,
        source_system
    from {{ ref('int_web__visitors') }}
    where
        {{ is_changed_key('visitor_id') }}
        and not coalesce(is_bot, false)
        and not coalesce(is_staff, false)

),

contacts as (

    select * from {{ ref('dim_contact') }}

),

accounts as (

    select * from {{ ref('dim_account') }}

),

decisions as (

    select
        stated.override_id,
        stated.visitor_id,
        visitors.source_system,
        stated.action,
        contacts.contact_id,
        accounts.account_id,
        stated.decided_at,
        row_number() over (
            partition by stated.visitor_id
            order by stated.decided_at nulls first, stated.override_id nulls first
        ) as decision_number
    from {{ ref('visitor_link_override') }} as stated
    inner join visitors on stated.visitor_id = visitors.visitor_id
    left join contacts on stated.contact_id = contacts.contact_id
    left join accounts
        on coalesce(contacts.account_id, stated.account_id) = accounts.account_id
    where
        -- A decision about somebody nobody knows has no effect; the review lists it.
        case
            when stated.contact_id is not null then contacts.contact_id is not null
            when stated.account_id is not null then accounts.account_id is not null
            else true
        end

),

-- A contact says which account is meant; naming only the account means all of its contacts.
targets as (

    select
        visitor_id,
        action,
        contact_id,
        case when contact_id is null then account_id end as account_id,
        decision_number
    from decisions

),

evidence as (

    select
        visitor_id,
        source_system,
        field,
        link_rule_id,
        evidence_kind,
        evidence_value,
        contact_id,
        account_id,
        confidence,
        web_event_id,
        first_evidence_at,
        last_evidence_at,
        cast(null as bigint) as decision_number
    from {{ ref('int_identity__evidence') }}
    where {{ is_changed_key('visitor_id') }}
    union all
    select
        visitor_id,
        source_system,
        'decision' as field,
        'manual_decision' as link_rule_id,
        'decision' as evidence_kind,
        override_id as evidence_value,
        contact_id,
        account_id,
        cast(1 as double) as confidence,
        cast(null as string) as web_event_id,
        decided_at as first_evidence_at,
        decided_at as last_evidence_at,
        decision_number
    from decisions
    where action in ('confirm', 'assign')

),

judged as (

    select
        evidence.visitor_id,
        evidence.source_system,
        evidence.field,
        evidence.link_rule_id,
        evidence.evidence_kind,
        evidence.evidence_value,
        evidence.contact_id,
        evidence.account_id,
        evidence.confidence,
        evidence.web_event_id,
        evidence.first_evidence_at,
        evidence.last_evidence_at,
        evidence.decision_number,
        coalesce(
            max(case when targets.action = 'undo' then targets.decision_number end), 0
        ) as undone_by,
        coalesce(
            max(case when targets.action <> 'undo' then targets.decision_number end), 0
        ) as kept_by
    from evidence
    left join targets
        on
            evidence.visitor_id = targets.visitor_id
            and (targets.contact_id is null or evidence.contact_id = targets.contact_id)
            and (targets.account_id is null or evidence.account_id = targets.account_id)
    group by
        evidence.visitor_id,
        evidence.source_system,
        evidence.field,
        evidence.link_rule_id,
        evidence.evidence_kind,
        evidence.evidence_value,
        evidence.contact_id,
        evidence.account_id,
        evidence.confidence,
        evidence.web_event_id,
        evidence.first_evidence_at,
        evidence.last_evidence_at,
        evidence.decision_number

),

settled as (

    select
        visitor_id,
        source_system,
        field,
        link_rule_id,
        evidence_kind,
        evidence_value,
        contact_id,
        account_id,
        confidence,
        web_event_id,
        first_evidence_at,
        last_evidence_at,
        undone_by > kept_by as is_undone,
        decision_number,
        max(case when undone_by <= kept_by then decision_number end) over (
            partition by visitor_id
        ) as last_decision
    from judged

)

select
    visitor_id,
    source_system,
    field,
    link_rule_id,
    evidence_kind,
    evidence_value,
    contact_id,
    account_id,
    confidence,
    web_event_id,
    first_evidence_at,
    last_evidence_at,
    -- Of several decisions for somebody the last one stands.
    is_undone or coalesce(decision_number < last_decision, false) as is_undone,
    coalesce(decision_number = last_decision, false) as is_choice
from settled
