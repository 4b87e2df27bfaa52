-- One row per account with what accounts are compared by, in one spelling. The name is taken apart
-- into legal form, place and core: 上海华瑞医疗有限公司 and 华瑞医疗（上海）有限公司 have one core.
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

-- A place may carry 市 or 省; a Latin word stands behind a blank.
words as (

    select
        kind,
        word,
        word_class,
        affix,
        substr(affix, 1, 2) as first_two,
        substr(affix, length(affix) - 1) as last_two
    from (
        select
            kind,
            word,
            word_class,
            case when {{ is_chinese('word') }} then word else ' ' || word end as affix
        from {{ ref('identity_name_word') }}
        where kind in ('legal_form', 'place')
        union all
        select
            kind,
            word,
            word_class,
            word || case when word_class = 'province' then '省' else '市' end as affix
        from {{ ref('identity_name_word') }}
        where kind = 'place'
        union all
        select
            kind,
            word,
            word_class,
            word || '市' as affix
        from {{ ref('identity_name_word') }}
        where kind = 'place' and word_class = 'province'
    ) as affixes

),

cleaned as (

    select
        account_id,
        source_system,
        {{ plain_name('account_name') }} as plain_name,
        {{ identifier_key('tax_id') }} as tax_id,
        {{ domain_of('web_domain') }} as web_domain,
        {{ phone_digits('phone') }} as phone,
        {{ plain_name('country') }} as country,
        {{ plain_name('city') }} as city,
        {{ plain_name('address') }} as address
    from accounts

),

names as (

    select distinct
        plain_name,
        plain_name as rest,
        cast(null as string) as legal_form,
        cast(null as string) as place
    from cleaned
    where plain_name is not null

),

without_form as (

    {{ name_step('names', 'words', 'legal_form', 'suffix') }}

),

without_place_behind as (

    {{ name_step('without_form', 'words', 'place', 'suffix') }}

),

-- 华瑞医疗有限公司上海分公司, Acme Co Ltd.
without_second_form as (

    {{ name_step('without_place_behind', 'words', 'legal_form', 'suffix') }}

),

without_second_place as (

    {{ name_step('without_second_form', 'words', 'place', 'suffix') }}

),

parts as (

    {{ name_step('without_second_place', 'words', 'place', 'prefix') }}

),

named as (

    select
        cleaned.account_id as record_id,
        cleaned.source_system,
        coalesce(ranks.source_rank, 1000) as source_rank,
        cleaned.plain_name,
        parts.rest as name_core,
        case
            when {{ is_chinese('parts.rest') }} then substr(parts.rest, 1, 2)
            else substr(replace(parts.rest, ' ', ''), 1, 3)
        end as name_start,
        {{ regexp_replace_all('parts.rest', '[^0-9]+', '') }} as name_number,
        parts.legal_form,
        coalesce(
            parts.place,
            case
                when cleaned.city like '%市' then substr(cleaned.city, 1, length(cleaned.city) - 1)
                else cleaned.city
            end
        ) as place,
        cleaned.address,
        cleaned.country,
        cleaned.tax_id,
        case when public_domains.web_domain is null then cleaned.web_domain end as web_domain,
        cleaned.phone
    from cleaned
    left join parts on cleaned.plain_name = parts.plain_name
    left join ranks on cleaned.source_system = ranks.source_system
    left join public_domains on cleaned.web_domain = public_domains.web_domain

)

select
    record_id,
    source_system,
    row_number() over (order by source_rank asc nulls last, record_id asc nulls last)
        as record_rank,
    plain_name,
    name_core,
    name_start,
    name_number,
    legal_form,
    place,
    address,
    country,
    tax_id,
    web_domain,
    phone,
    -- What is compared: a row whose text did not change needs no new comparison.
    concat_ws(
        '|',
        name_core,
        'form:' || coalesce(legal_form, ''),
        'place:' || coalesce(place, ''),
        'address:' || coalesce(address, ''),
        'tax:' || coalesce(tax_id, ''),
        'domain:' || coalesce(web_domain, ''),
        'phone:' || coalesce(phone, '')
    ) as values_text
from named
