-- One row per address of the web log, as digits where it is a network address and as host name
-- where the server wrote one. Addresses of robots and of our own people are left out.
{{ config(materialized='table') }}
with

addresses as (

    select distinct visitor_address as address
    from {{ ref('fct_web_page_view') }}
    where
        visitor_address is not null
        and not coalesce(is_bot, false)
        and not coalesce(is_staff, false)

),

digits as (

    {{ address_digits_of('addresses') }}

)

select
    address,
    address_digits,
    case when address_digits is null then {{ domain_of('address') }} end as host_name
from digits
