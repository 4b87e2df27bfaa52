-- What: the requests of the web marts by day and by address are the rows of the log.
-- Why: three marts count the same lines in different ways.
with

events as (

    select count(*) as count_requests
    from {{ ref('fct_web_event') }}

),

days as (

    select coalesce(sum(count_requests), 0) as count_requests
    from {{ ref('mart_web_day') }}

),

address_days as (

    select coalesce(sum(count_requests), 0) as count_requests
    from {{ ref('mart_web_address_day') }}

),

addresses as (

    select coalesce(sum(count_requests), 0) as count_requests
    from {{ ref('mart_web_address') }}

)

select
    events.count_requests,
    days.count_requests as by_day,
    address_days.count_requests as by_address_day,
    addresses.count_requests as by_address
from events
cross join days
cross join address_days
cross join addresses
where
    days.count_requests <> events.count_requests
    or address_days.count_requests <> events.count_requests
    or addresses.count_requests <> events.count_requests
