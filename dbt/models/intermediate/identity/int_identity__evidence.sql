-- One row per visitor, rule, evidence value and contact or account that it names, with the first
-- view that shows it. Robots and our own people are no visitors here.
{{ config(
    materialized=keys_materialization(), meta=identity_keys(), tags=['web_identities']
) }}
-- depends_on: {{ ref('int_identity__changed_visitors') }}
with

meanings as (

    select * from {{ ref('int_identity__value_meanings') }}

),

people as (

    select
        visitor_id,
        visitor_key
    from {{ ref('int_web__visitors') }}
    where
        {{ is_changed_key('visitor_id') }}
        and not coalesce(is_bot, false)
        and not coalesce(is_staff, false)

),

known_keys as (

    select distinct observed_value from meanings
    where field = 'visitor_key'

),

keyed_people as (

    select
        people.visitor_id,
        people.visitor_key
    from people
    inner join known_keys on people.visitor_key = known_keys.observed_value

),

contacts as (

    select * from {{ ref('dim_contact') }}

),

accounts as (

    select * from {{ ref('dim_account') }}

),

values_of_days as (

    select * from {{ ref('int_identity__seen_values') }}
    where {{ is_changed_key('visitor_id') }}

),

-- What a tool knows the browser by holds for each of its days.
seen as (

    select
        visitor_id,
        source_system,
        field,
        observed_value,
        session_date,
        first_at,
        last_at,
        web_event_id
    from values_of_days
    union all
    select
        values_of_days.visitor_id,
        values_of_days.source_system,
        'visitor_key' as field,
        keyed_people.visitor_key as observed_value,
        values_of_days.session_date,
        values_of_days.first_at,
        values_of_days.last_at,
        values_of_days.web_event_id
    from values_of_days
    inner join keyed_people on values_of_days.visitor_id = keyed_people.visitor_id
    where values_of_days.field = 'address'

),

meant as (

    select
        seen.visitor_id,
        seen.source_system,
        seen.field,
        seen.observed_value,
        seen.first_at,
        seen.last_at,
        seen.web_event_id,
        meanings.link_rule_id,
        meanings.evidence_kind,
        meanings.evidence_value,
        meanings.contact_id,
        meanings.account_id,
        meanings.confidence,
        meanings.choose_by,
        meanings.narrowness,
        max(meanings.narrowness) over (
            partition by
                seen.visitor_id,
                seen.field,
                seen.observed_value,
                seen.session_date,
                meanings.choose_by
        ) as most_narrow,
        max(
            case when meanings.is_shared then meanings.narrowness else -1 end
        ) over (
            partition by
                seen.visitor_id,
                seen.field,
                seen.observed_value,
                seen.session_date,
                meanings.choose_by
        ) as shared_narrow
    from seen
    inner join people on seen.visitor_id = people.visitor_id
    inner join meanings
        on
            seen.field = meanings.field
            and seen.observed_value = meanings.observed_value
            and (meanings.valid_from is null or seen.session_date >= meanings.valid_from)
            and (meanings.valid_to is null or seen.session_date <= meanings.valid_to)

),

-- Contacts and accounts that no source delivers are listed with the unmatched references and in the
-- review.
told as (

    select
        meant.visitor_id,
        meant.source_system,
        meant.field,
        meant.observed_value,
        meant.first_at,
        meant.last_at,
        meant.web_event_id,
        meant.link_rule_id,
        meant.evidence_kind,
        meant.evidence_value,
        contacts.contact_id,
        accounts.account_id,
        meant.confidence
    from meant
    left join contacts on meant.contact_id = contacts.contact_id
    left join accounts
        on coalesce(contacts.account_id, meant.account_id) = accounts.account_id
    where
        meant.confidence > 0
        and (
            meant.choose_by is null
            or (meant.narrowness = meant.most_narrow and meant.shared_narrow < meant.most_narrow)
        )
        and (contacts.contact_id is not null or accounts.account_id is not null)

),

ordered as (

    select
        visitor_id,
        source_system,
        field,
        link_rule_id,
        evidence_kind,
        evidence_value,
        contact_id,
        account_id,
        web_event_id,
        first_at,
        max(confidence) over (
            partition by
                visitor_id, field, link_rule_id, evidence_value, contact_id, account_id
        ) as confidence,
        max(last_at) over (
            partition by
                visitor_id, field, link_rule_id, evidence_value, contact_id, account_id
        ) as last_at,
        row_number() over (
            partition by
                visitor_id, field, link_rule_id, evidence_value, contact_id, account_id
            order by first_at nulls last, web_event_id nulls last
        ) as appearance
    from told

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
    first_at as first_evidence_at,
    last_at as last_evidence_at
from ordered
where appearance = 1
