-- One row per touch of a customer that is known by the day that counts as today: by its account, or
-- by the person where the source names no account.
with

records as (

    select *
    from {{ ref('int_relationship__records') }}
    where known_at < {{ as_of_end() }}

),

customers as (

    select
        account_id,
        customer_id
    from {{ ref('bridge_account_customer') }}

),

persons as (

    select
        contact_id,
        customer_id
    from {{ ref('bridge_contact_person') }}

)

select
    records.source_object || ':' || records.source_id as touch_id,
    coalesce(customers.customer_id, persons.customer_id) as customer_id,
    records.contact_id,
    records.rep_id,
    records.channel,
    records.direction,
    records.topic,
    records.topic_industry,
    records.topic_product_line,
    records.occurred_at,
    records.known_at,
    cast(records.occurred_at as date) as occurred_date,
    cast(records.known_at as date) as known_date,
    records.source_system,
    records.source_object,
    records.source_id
from records
left join customers on records.account_id = customers.account_id
left join persons
    on
        -- Nobody is looked for where the account says whose touch it is.
        case when customers.customer_id is null then records.contact_id end = persons.contact_id
where coalesce(customers.customer_id, persons.customer_id) is not null
