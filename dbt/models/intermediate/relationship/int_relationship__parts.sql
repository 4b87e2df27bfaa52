-- One row per part of what records of touches are made from, with a number for what it says: the
-- records of a kind and day, and the accounts, contacts, opportunities or leads of one bucket. A
-- part with another number than before is read again, the others are not.
{{ config(materialized='table') }}
{%- set keys = [
    ('account', 'bridge_account_customer', 'account_id', ['customer_id']),
    ('contact', 'bridge_contact_person', 'contact_id', ['customer_id']),
    ('opportunity', 'fct_opportunity', 'opportunity_id', ['account_id', 'product_line']),
    ('lead', 'fct_lead', 'lead_id', ['account_id', 'product_line'])
] %}
with

days as (

    select
        source_object,
        source_date,
        content_number
    from {{ ref('int_relationship__source_days') }}
    union all
    select
        'activity' as source_object,
        cast(known_at as date) as source_date,
        {{ content_number(['activity_id', 'keyword_group']) }} as content_number
    from {{ ref('int_intent__keyword_matches') }}
    where text_object = 'activity_text' and known_at < {{ as_of_end() }}

)

select
    source_object as part_kind,
    source_date as part_date,
    cast(null as int) as part_number,
    cast(sum(content_number) as bigint) as content_number
from days
group by source_object, source_date
{%- for kind, model, key, values in keys %}
    union all
    select
        '{{ kind }}' as part_kind,
        cast(null as date) as part_date,
        {{ key_bucket(key) }} as part_number,
        {{ content_sum([key] + values) }} as content_number
    from {{ ref(model) }}
    group by {{ key_bucket(key) }}
{%- endfor %}
