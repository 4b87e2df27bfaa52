-- One row per person: the one behind the contact rows of several systems. An attribute is that of
-- the first of its contacts, in the order of the systems, that knows it.
{%- set attributes = {
    'contact_name': 'person_name',
    'title': 'title',
    'decision_level': 'decision_level',
    'email': 'email',
    'phone': 'phone',
} %}
with

bridge as (

    select * from {{ ref('bridge_contact_person') }}

),

contacts as (

    select * from {{ ref('dim_contact') }}

),

ranks as (

    select
        record_id,
        record_rank
    from {{ ref('int_customer__contact_records') }}

)

select
    bridge.person_id,
    min(bridge.customer_id) as customer_id,
    {%- for attribute, column in attributes.items() %}
        {{ first_known('contacts.' ~ attribute, 'ranks.record_rank') }} as {{ column }},
    {%- endfor %}
    -- Active where any system says so; unknown where none says anything.
    max(case when contacts.is_active then 1 when not contacts.is_active then 0 end) = 1
        as is_active,
    count(*) as count_contacts
from bridge
inner join contacts on bridge.contact_id = contacts.contact_id
inner join ranks on bridge.contact_id = ranks.record_id
group by bridge.person_id
