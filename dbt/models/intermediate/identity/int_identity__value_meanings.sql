-- One row per value seen in the log and contact or account that it stands for by a rule, with the
-- days on which it does. Where `choose_by` is given, only the narrowest of a value's networks or
-- domains speaks, and nobody does where that one is shared.
{{ config(materialized='table') }}
with

rules as (

    select * from {{ ref('int_identity__link_rules') }}
    where confidence > 0 and not is_shared

),

named as (

    select distinct
        field,
        observed_value
    from {{ ref('int_identity__seen_values') }}
    where field <> 'address'
    union all
    select distinct
        'visitor_key' as field,
        visitor_key as observed_value
    from {{ ref('int_web__visitors') }}
    where visitor_key is not null

),

contacts as (

    select
        contact_id,
        source_system,
        account_id,
        lower(email) as email,
        substr(contact_id, instr(contact_id, ':') + 1) as contact_key
    from {{ ref('dim_contact') }}

),

leads as (

    select
        lead_id,
        source_system,
        contact_id,
        account_id,
        substr(lead_id, instr(lead_id, ':') + 1) as lead_key
    from {{ ref('fct_lead') }}
    where contact_id is not null or account_id is not null

),

by_link as (

    select
        named.field,
        named.observed_value,
        rules.link_rule_id,
        rules.evidence_kind,
        links.contact_id,
        links.account_id,
        rules.confidence,
        links.valid_from,
        links.valid_to
    from named
    inner join {{ ref('int_identity__visitor_link_spans') }} as links
        on named.observed_value = links.visitor_key
    inner join rules
        on
            named.field = rules.evidence_kind
            and rules.matched_by = 'visitor_link'
            and coalesce(rules.matched_value, links.link_rule, '') = coalesce(links.link_rule, '')

),

by_email as (

    select
        named.field,
        named.observed_value,
        rules.link_rule_id,
        rules.evidence_kind,
        contacts.contact_id,
        contacts.account_id,
        rules.confidence
    from named
    inner join contacts on lower(named.observed_value) = contacts.email
    inner join rules
        on
            named.field = rules.evidence_kind
            and rules.matched_by = 'contact_email'
            and coalesce(rules.matched_value, contacts.source_system) = contacts.source_system

),

by_contact as (

    select
        named.field,
        named.observed_value,
        rules.link_rule_id,
        rules.evidence_kind,
        contacts.contact_id,
        contacts.account_id,
        rules.confidence
    from named
    inner join contacts
        on
            case
                when instr(named.observed_value, ':') > 0
                    then substr(named.observed_value, instr(named.observed_value, ':') + 1)
                else named.observed_value
            end = contacts.contact_key
            and (
                instr(named.observed_value, ':') = 0
                or named.observed_value = contacts.contact_id
            )
    inner join rules
        on
            named.field = rules.evidence_kind
            and rules.matched_by = 'contact_id'
            and coalesce(rules.matched_value, contacts.source_system) = contacts.source_system

),

by_lead as (

    select
        named.field,
        named.observed_value,
        rules.link_rule_id,
        rules.evidence_kind,
        leads.contact_id,
        leads.account_id,
        rules.confidence
    from named
    inner join leads
        on
            case
                when instr(named.observed_value, ':') > 0
                    then substr(named.observed_value, instr(named.observed_value, ':') + 1)
                else named.observed_value
            end = leads.lead_key
            and (instr(named.observed_value, ':') = 0 or named.observed_value = leads.lead_id)
    inner join rules
        on
            named.field = rules.evidence_kind
            and rules.matched_by = 'lead_id'
            and coalesce(rules.matched_value, leads.source_system) = leads.source_system

),

-- Whose e-mail address or login is known needs no domain: it would say nothing new, or repeat an
-- old employer's.
known_names as (

    select
        field,
        observed_value
    from by_email
    where account_id is not null
    union
    select
        field,
        observed_value
    from by_link
    where account_id is not null or contact_id is not null

),

by_domain as (

    select
        domains.field,
        domains.observed_value,
        rules.link_rule_id,
        rules.evidence_kind,
        domains.web_domain,
        domains.account_id,
        coalesce(domains.confidence, rules.confidence) as confidence,
        domains.valid_from,
        domains.valid_to,
        domains.is_shared
    from {{ ref('int_identity__value_domains') }} as domains
    inner join rules
        on
            case rules.matched_by
                when 'domain_of_host' then 'address'
                when 'domain_of_email' then 'email'
                when 'domain_of_login' then 'login'
            end = domains.field
    left join known_names
        on domains.field = known_names.field and domains.observed_value = known_names.observed_value
    where known_names.observed_value is null

)

select
    field,
    observed_value,
    link_rule_id,
    evidence_kind,
    observed_value as evidence_value,
    contact_id,
    account_id,
    confidence,
    valid_from,
    valid_to,
    cast(null as string) as choose_by,
    0 as narrowness,
    false as is_shared
from by_link
union all
select
    field,
    observed_value,
    link_rule_id,
    evidence_kind,
    observed_value as evidence_value,
    contact_id,
    account_id,
    confidence,
    cast(null as date) as valid_from,
    cast(null as date) as valid_to,
    cast(null as string) as choose_by,
    0 as narrowness,
    false as is_shared
from by_email
union all
select
    field,
    observed_value,
    link_rule_id,
    evidence_kind,
    observed_value as evidence_value,
    contact_id,
    account_id,
    confidence,
    cast(null as date) as valid_from,
    cast(null as date) as valid_to,
    cast(null as string) as choose_by,
    0 as narrowness,
    false as is_shared
from by_contact
union all
select
    field,
    observed_value,
    link_rule_id,
    evidence_kind,
    observed_value as evidence_value,
    contact_id,
    account_id,
    confidence,
    cast(null as date) as valid_from,
    cast(null as date) as valid_to,
    cast(null as string) as choose_by,
    0 as narrowness,
    false as is_shared
from by_lead
union all
select
    field,
    observed_value,
    link_rule_id,
    evidence_kind,
    web_domain as evidence_value,
    cast(null as string) as contact_id,
    account_id,
    confidence,
    valid_from,
    valid_to,
    'domain' as choose_by,
    length(web_domain) as narrowness,
    is_shared
from by_domain
union all
select
    'address' as field,
    networks.address as observed_value,
    networks.link_rule_id,
    'address_range' as evidence_kind,
    networks.network as evidence_value,
    cast(null as string) as contact_id,
    networks.account_id,
    networks.confidence,
    networks.valid_from,
    networks.valid_to,
    'network' as choose_by,
    networks.prefix_length as narrowness,
    networks.is_shared
from {{ ref('int_identity__address_networks') }} as networks
