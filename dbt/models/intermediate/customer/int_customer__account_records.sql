-- One row per account with the keys by which accounts are compared, in one spelling.
{{ config(materialized='table') }}
with

accounts as (

    select * from {{ ref('int_canonical__accounts') }}

),

ranks as (

    select * from {{ ref('int_customer__source_ranks') }}
    where subject = 'account'

),

public_domains as (

    select distinct {{ domain_of('matched_value') }} as web_domain
    from {{ ref('int_identity__link_rules') }}
    where matched_by = 'shared_domain'

),

cleaned as (

    select
        account_id,
        source_system,
        {{ plain_name('account_name') }} as plain_name,
        {{ identifier_key('tax_id') }} as tax_id,
        {{ domain_of('web_domain') }} as web_domain,
        {{ phone_digits('phone') }} as phone
    from accounts

)

select
    cleaned.account_id as record_id,
    cleaned.source_system,
    row_number() over (
        order by coalesce(ranks.source_rank, 1000) asc nulls last, cleaned.account_id asc nulls last
    ) as record_rank,
    cleaned.plain_name,
    cleaned.tax_id,
    case when public_domains.web_domain is null then cleaned.web_domain end as web_domain,
    cleaned.phone
from cleaned
left join ranks on cleaned.source_system = ranks.source_system
left join public_domains on cleaned.web_domain = public_domains.web_domain
