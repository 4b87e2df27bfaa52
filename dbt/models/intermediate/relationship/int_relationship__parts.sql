-- One row per part of what records of touches are made from, with a number for what it says: the
-- records of a kind and day, and each account, contact, opportunity and lead. A part with another
-- number than before is read again, the others are not.
{{ config(materialized='view') }}
{%- set keys = [
    ('account', 'bridge_account_customer', 'account_id', 'customer_id', ['customer_id']),
    ('contact', 'bridge_contact_person', 'contact_id', 'customer_id', ['customer_id']),
    ('opportunity', 'fct_opportunity', 'opportunity_id', 'account_id', [
        'account_id', 'product_line', 'created_at', 'closed_at',
        'case when created_at < ' ~ as_of_end() ~ ' then 1 else 0 end'
    ]),
    ('lead', 'fct_lead', 'lead_id', 'account_id', ['account_id', 'product_line'])
] %}
with

records as (

    select
        source_object,
        source_date,
        {{ content_number([
            'source_system', 'channel', 'known_date', 'count_records', 'content_number'
        ]) }} as content_number
    from {{ ref('int_relationship__source_days') }}
    union all
    select
        'activity' as source_object,
        cast(known_at as date) as source_date,
        {{ content_number(['activity_id', 'keyword_group']) }} as content_number
    from {{ ref('int_intent__keyword_matches') }}
    where text_object = 'activity_text' and known_at < {{ as_of_end() }}

),

days as (

    select
        source_object,
        source_date,
        cast(sum(content_number) as bigint) as content_number
    from records
    group by source_object, source_date

)

select
    source_object as part_kind,
    cast(source_date as string) as part_key,
    source_date as part_date,
    cast(null as string) as part_owner,
    content_number
from days
{%- for kind, model, key, owner, values in keys %}
    union all
    select
        '{{ kind }}' as part_kind,
        {{ key }} as part_key,
        cast(null as date) as part_date,
        {{ owner }} as part_owner,
        {{ content_number(values) }} as content_number
    from {{ ref(model) }}
    where {{ key }} is not null
{%- endfor %}
