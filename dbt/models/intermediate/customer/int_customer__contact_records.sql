-- One row per contact with what contacts are compared by, in one spelling.
{{ config(materialized='table') }}
with

contacts as (

    select * from {{ ref('int_canonical__contacts') }}

),

ranks as (

    select * from {{ ref('int_customer__source_ranks') }}
    where subject = 'contact'

),

honorifics as (

    select word from {{ ref('identity_name_word') }}
    where kind = 'honorific'

),

firms as (

    select
        contact_id,
        count(*) as count_firms,
        {{ string_list("basis || ':' || customer_id", '|') }} as firms_text
    from {{ ref('int_customer__contact_firms') }}
    group by contact_id

),

cleaned as (

    select
        contact_id,
        source_system,
        {{ plain_name('contact_name') }} as plain_name,
        nullif(trim(lower(email)), '') as email,
        {{ phone_digits('phone') }} as phone,
        nullif(trim(external_chat_id), '') as chat_id
    from contacts

),

-- 王工 and Mr Wang tell the family name only.
named as (

    select
        cleaned.contact_id as record_id,
        cleaned.source_system,
        coalesce(ranks.source_rank, 1000) as source_rank,
        cleaned.plain_name,
        {{ family_key('cleaned.plain_name') }} as family_key,
        titles.word is not null as is_nickname,
        cleaned.email,
        cleaned.phone,
        cleaned.chat_id,
        coalesce(firms.count_firms, 0) as count_firms,
        firms.firms_text
    from cleaned
    left join ranks on cleaned.source_system = ranks.source_system
    left join firms on cleaned.contact_id = firms.contact_id
    left join honorifics as titles
        on
            case
                when {{ is_chinese('cleaned.plain_name') }} then substr(cleaned.plain_name, 2)
                else {{ before_first('cleaned.plain_name', ' ') }}
            end = titles.word

)

select
    record_id,
    source_system,
    row_number() over (order by source_rank asc nulls last, record_id asc nulls last)
        as record_rank,
    plain_name,
    family_key,
    is_nickname,
    email,
    phone,
    chat_id,
    count_firms,
    firms_text,
    -- What is compared: a row whose text did not change needs no new comparison.
    concat_ws(
        '|',
        plain_name,
        'title:' || case when is_nickname then '1' else '0' end,
        'email:' || coalesce(email, ''),
        'phone:' || coalesce(phone, ''),
        'chat:' || coalesce(chat_id, ''),
        firms_text
    ) as values_text
from named
