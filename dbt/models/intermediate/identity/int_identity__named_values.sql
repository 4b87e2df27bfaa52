-- One row per visitor, field of the log, value in it and day: what could name the visitor. Views of
-- robots and of our own people name nobody.
{{ config(materialized='table') }}
with

views as (

    select * from {{ ref('fct_web_page_view') }}
    where
        visitor_id is not null
        and not coalesce(is_bot, false)
        and not coalesce(is_staff, false)

),

known_keys as (

    select distinct visitor_key
    from {{ ref(canonical_model('visitor_link')) }}
    where visitor_key is not null

),

keyed_visitors as (

    select
        visitors.visitor_id,
        visitors.visitor_key
    from {{ ref('int_web__visitors') }} as visitors
    inner join known_keys on visitors.visitor_key = known_keys.visitor_key

),

named as (

    {%- for field in ['login', 'click_id', 'email', 'contact_key', 'lead_key'] %}
        select
            visitor_id,
            source_system,
            '{{ field }}' as field,
            {{ field }} as observed_value,
            occurred_at
        from views
        where {{ field }} is not null
        union all
    {%- endfor %}
    select
        views.visitor_id,
        views.source_system,
        'visitor_key' as field,
        keyed_visitors.visitor_key as observed_value,
        views.occurred_at
    from views
    inner join keyed_visitors on views.visitor_id = keyed_visitors.visitor_id

)

select
    visitor_id,
    source_system,
    field,
    observed_value,
    cast(occurred_at as date) as seen_date,
    min(occurred_at) as first_at,
    max(occurred_at) as last_at
from named
group by visitor_id, source_system, field, observed_value, cast(occurred_at as date)
