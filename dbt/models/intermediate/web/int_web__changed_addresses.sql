-- One row per address that this build computes: those of the changed days, and those that had been
-- seen on such a day and may be gone from it. An empty one stands for lines without an address.
{{ config(materialized='table') }}
{%- set known = earlier_table('mart_web_address') %}
{%- set tags = ['web_addresses'] %}
{%- set unfinished = earlier_table(this.identifier) if is_half_built(tags) else none %}
with

changed_days as (

    select event_date from {{ ref('int_web__changed_days') }}

)

select distinct coalesce(address_days.visitor_address, '') as visitor_address
from {{ ref('mart_web_address_day') }} as address_days
inner join changed_days
    on
        address_days.period_date = changed_days.event_date
        or (address_days.period_date is null and changed_days.event_date is null)
{%- if known %}
    union
    select coalesce(known.visitor_address, '') as visitor_address
    from {{ known }} as known
    inner join changed_days
        on
            changed_days.event_date is null
            or changed_days.event_date
            between cast(known.first_seen_at as date) and cast(known.last_seen_at as date)
{%- endif %}
{%- if unfinished %}
    -- The last build broke off: what it had not computed is still to be computed.
    union
    select visitor_address from {{ unfinished }}
{%- endif %}
