-- One row per contact with the keys by which contacts are compared, in one spelling.
{{ config(materialized='table') }}
with

contacts as (

    select * from {{ ref('int_canonical__contacts') }}

),

ranks as (

    select * from {{ ref('int_customer__source_ranks') }}
    where subject = 'contact'

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

)

select
    cleaned.contact_id as record_id,
    cleaned.source_system,
    row_number() over (
        order by coalesce(ranks.source_rank, 1000) asc nulls last, cleaned.contact_id asc nulls last
    ) as record_rank,
    cleaned.plain_name,
    {{ family_key('cleaned.plain_name') }} as family_key,
    cleaned.email,
    cleaned.phone,
    cleaned.chat_id
from cleaned
left join ranks on cleaned.source_system = ranks.source_system
