-- One row per visitor, field of the log, value in it and day, with the first view that shows it:
-- all that could name the visitor. Views of robots and of our own people name nobody. The only
-- reading of the page views for identities, day by day; what follows reads this table.
{{ config(
    materialized=days_materialization(),
    meta={'day_column': 'session_date'},
    tags=['web_days']
) }}
with

views as (

    select
        visitor_id,
        source_system,
        session_date,
        web_event_id,
        occurred_at,
        {{ microseconds('occurred_at') }} + coalesce(view_number, 0) as order_number,
        login,
        click_id,
        email,
        contact_key,
        lead_key,
        visitor_address
    from {{ ref('fct_web_page_view') }}
    where
        {{ is_changed_day('session_date') }}
        and visitor_id is not null
        and not coalesce(is_bot, false)
        and not coalesce(is_staff, false)

),

fields as (

    {%- for field in ['login', 'click_id', 'email', 'contact_key', 'lead_key'] %}
        select
            visitor_id,
            source_system,
            '{{ field }}' as field,
            {{ field }} as observed_value,
            session_date,
            web_event_id,
            occurred_at,
            order_number
        from views
        where {{ field }} is not null
        union all
    {%- endfor %}
    -- Without an address too: each visitor has a row for each of its days.
    select
        visitor_id,
        source_system,
        'address' as field,
        coalesce(visitor_address, '') as observed_value,
        session_date,
        web_event_id,
        occurred_at,
        order_number
    from views

),

-- Views of one second stand in the order of their session.
days as (

    select
        visitor_id,
        source_system,
        field,
        observed_value,
        session_date,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        min_by(web_event_id, order_number) as web_event_id
    from fields
    group by visitor_id, source_system, field, observed_value, session_date

),

addresses as (

    select distinct observed_value as address from days
    where field = 'address'

),

digits as (

    {{ address_digits_of('addresses') }}

),

hosts as (

    select
        'address' as field,
        address,
        address_digits,
        case when address_digits is null then {{ domain_of('address') }} end as host_name
    from digits

)

select
    days.visitor_id,
    days.source_system,
    days.field,
    days.observed_value,
    days.session_date,
    days.first_at,
    days.last_at,
    days.web_event_id,
    hosts.address_digits,
    case
        when days.field = 'address' then hosts.host_name
        when days.field in ('email', 'login') and instr(days.observed_value, '@') > 0
            then {{ domain_of('days.observed_value') }}
    end as host_name
from days
left join hosts on days.field = hosts.field and days.observed_value = hosts.address
