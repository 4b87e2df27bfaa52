-- One row per visitor, rule, evidence value and contact or account that it names, with the first
-- view that shows it. Robots and our own people are no visitors here.
{{ config(materialized='table') }}
{%- set fields = ['login', 'click_id', 'email', 'contact_key', 'lead_key'] %}
with

meanings as (

    select * from {{ ref('int_identity__value_meanings') }}

),

views as (

    select * from {{ ref('fct_web_page_view') }}
    where
        visitor_id is not null
        and not coalesce(is_bot, false)
        and not coalesce(is_staff, false)

),

people as (

    select visitor_id from {{ ref('int_web__visitors') }}
    where not coalesce(is_bot, false) and not coalesce(is_staff, false)

),

contacts as (

    select * from {{ ref('dim_contact') }}

),

accounts as (

    select * from {{ ref('dim_account') }}

),

known_addresses as (

    select distinct observed_value from meanings
    where field = 'address'

),

seen_addresses as (

    select
        views.visitor_id,
        views.source_system,
        'address' as field,
        views.visitor_address as observed_value,
        cast(views.occurred_at as date) as seen_date,
        min(views.occurred_at) as first_at,
        max(views.occurred_at) as last_at
    from views
    inner join known_addresses on views.visitor_address = known_addresses.observed_value
    group by
        views.visitor_id,
        views.source_system,
        views.visitor_address,
        cast(views.occurred_at as date)

),

seen as (

    select * from seen_addresses
    union all
    select
        visitor_id,
        source_system,
        field,
        observed_value,
        seen_date,
        first_at,
        last_at
    from {{ ref('int_identity__named_values') }}

),

meant as (

    select
        seen.visitor_id,
        seen.source_system,
        seen.field,
        seen.observed_value,
        seen.first_at,
        seen.last_at,
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
                seen.visitor_id, seen.field, seen.observed_value, seen.seen_date, meanings.choose_by
        ) as most_narrow,
        max(
            case when meanings.is_shared then meanings.narrowness else -1 end
        ) over (
            partition by
                seen.visitor_id, seen.field, seen.observed_value, seen.seen_date, meanings.choose_by
        ) as shared_narrow
    from seen
    inner join people on seen.visitor_id = people.visitor_id
    inner join meanings
        on
            seen.field = meanings.field
            and seen.observed_value = meanings.observed_value
            and (meanings.valid_from is null or seen.seen_date >= meanings.valid_from)
            and (meanings.valid_to is null or seen.seen_date <= meanings.valid_to)

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
        observed_value,
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
            order by first_at nulls last, observed_value nulls last
        ) as appearance
    from told

),

pieces as (

    select * from ordered
    where appearance = 1

),

-- The views that were the first to show a piece: one reading of the views for all of them.
first_moments as (

    select distinct
        visitor_id,
        first_at
    from pieces

),

first_sights as (

    select distinct
        visitor_id,
        field,
        observed_value,
        first_at
    from pieces

),

first_views as (

    select
        views.visitor_id,
        views.occurred_at,
        views.web_event_id,
        {%- for field in fields %}
            views.{{ field }},
        {%- endfor %}
        views.visitor_address
    from views
    inner join first_moments
        on
            views.visitor_id = first_moments.visitor_id
            and views.occurred_at = first_moments.first_at

),

cited as (

    select
        first_sights.visitor_id,
        first_sights.field,
        first_sights.observed_value,
        first_sights.first_at,
        min(first_views.web_event_id) as web_event_id
    from first_sights
    inner join first_views
        on
            first_sights.visitor_id = first_views.visitor_id
            and first_sights.first_at = first_views.occurred_at
            and first_sights.observed_value = case first_sights.field
                {%- for field in fields %}
                    when '{{ field }}' then first_views.{{ field }}
                {%- endfor %}
                when 'address' then first_views.visitor_address
                else first_sights.observed_value
            end
    group by
        first_sights.visitor_id,
        first_sights.field,
        first_sights.observed_value,
        first_sights.first_at

)

select
    pieces.visitor_id,
    pieces.source_system,
    pieces.field,
    pieces.link_rule_id,
    pieces.evidence_kind,
    pieces.evidence_value,
    pieces.contact_id,
    pieces.account_id,
    pieces.confidence,
    cited.web_event_id,
    pieces.first_at as first_evidence_at,
    pieces.last_at as last_evidence_at
from pieces
inner join cited
    on
        pieces.visitor_id = cited.visitor_id
        and pieces.field = cited.field
        and pieces.observed_value = cited.observed_value
        and pieces.first_at = cited.first_at
