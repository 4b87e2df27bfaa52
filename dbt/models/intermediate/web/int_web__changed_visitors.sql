-- One row per visitor that this build computes: those of the changed days, and those who had been
-- seen on such a day and may be gone from it.
{{ config(materialized='table') }}
{%- set known = earlier_table('int_web__visitors') %}
{%- set tags = ['web_visitors', 'web_identities'] %}
{%- set unfinished = earlier_table(this.identifier) if is_half_built(tags) else none %}
with

changed_days as (

    select event_date from {{ ref('int_web__changed_days') }}

),

seen as (

    select flags.visitor_id
    from {{ ref('int_web__visitor_day_flags') }} as flags
    inner join changed_days
        on
            flags.event_date = changed_days.event_date
            or (flags.event_date is null and changed_days.event_date is null)

)

select distinct visitor_id from seen
{%- if known %}
    union
    select known.visitor_id
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
    select visitor_id from {{ unfinished }}
{%- endif %}
