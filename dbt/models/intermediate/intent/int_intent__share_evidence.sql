-- One row per time that a customer passed our content on (kind shares).
with

rules as (

    select *
    from {{ ref('int_intent__rules') }}
    where is_active and kind = 'shares'

),

shares as (

    select * from {{ ref('int_canonical__content_shares') }}

),

contents as (

    select * from {{ ref('int_canonical__contents') }}

),

contacts as (

    select * from {{ ref('dim_contact') }}

),

named as (

    select
        shares.content_share_id,
        shares.source_system,
        shares.contact_id,
        coalesce(shares.account_id, contacts.account_id) as account_id,
        shares.content_id,
        contents.content_title,
        shares.shared_at
    from shares
    left join contents on shares.content_id = contents.content_id
    left join contacts on shares.contact_id = contacts.contact_id

)

select
    rules.signal_id,
    rules.signal_version,
    case
        when rules.subject_level = 'account' then named.account_id
        else coalesce(named.contact_id, named.account_id)
    end as subject_key,
    case
        when rules.distinct_on = 'path' then named.content_id
        else named.content_share_id
    end as unit_key,
    named.account_id,
    named.contact_id,
    cast(null as string) as visitor_id,
    cast(null as string) as opportunity_id,
    cast(null as string) as lead_id,
    'content_share' as evidence_object,
    named.content_share_id as evidence_id,
    named.source_system,
    named.shared_at as evidence_at,
    named.shared_at as known_at,
    coalesce(named.content_title, named.content_id) as detail,
    cast(null as string) as related_object,
    cast(null as string) as related_id,
    cast(null as timestamp) as related_at
from named
cross join rules
