-- One row per customer: what the indices of the days built so far rest on, as one text, reckoned up
-- to the last build and up to today. A customer whose text is another than at the last build has
-- other accounts, people, touches or influence than was known then.
{{ config(materialized='table') }}
with

customers as (

    select
        customer_id,
        industry,
        segment,
        cast(created_at as date) as created_date
    from {{ ref('dim_customer') }}

),

accounts as (

    select
        customer_id,
        cast(sum({{ content_number(['account_id']) }}) as bigint) as account_number
    from {{ ref('bridge_account_customer') }}
    group by customer_id

),

people as (

    select
        bridge.customer_id,
        max(case when contacts.email is not null then 1 else 0 end) as has_email,
        max(case when contacts.phone is not null then 1 else 0 end) as has_phone,
        max(case when contacts.external_chat_id is not null then 1 else 0 end) as has_chat_id
    from {{ ref('bridge_contact_person') }} as bridge
    inner join {{ ref('dim_contact') }} as contacts on bridge.contact_id = contacts.contact_id
    group by bridge.customer_id

),

touches as (

    select
        customer_id,
        min(first_known_date) as first_known_date,
        sum(content_before) as content_before,
        sum(content_now) as content_now
    from {{ ref('int_relationship__customer_channels') }}
    group by customer_id

),

changes as (

    select
        customer_id,
        first_date as change_date,
        {{ content_number(["'open'", 'product_line', 'first_date']) }} as change_number
    from {{ ref('int_relationship__open_lines') }}
    union all
    select
        customer_id,
        last_date as change_date,
        {{ content_number(["'closed'", 'product_line', 'last_date']) }} as change_number
    from {{ ref('int_relationship__open_lines') }}
    where last_date is not null
    union all
    select
        customer_id,
        reach_date as change_date,
        {{ content_number([
            'basis', 'reach_date', 'count_accounts', 'count_industries', 'count_levels'
        ]) }} as change_number
    from {{ ref('fct_influence_reach_day') }}

),

numbers as (

    select
        customer_id,
        sum(
            case when change_date < {{ relationship_built_through() }} then change_number else 0 end
        ) as change_before,
        sum(case when change_date < {{ as_of_date() }} then change_number else 0 end)
            as change_now
    from changes
    group by customer_id

),

states as (

    select
        customers.customer_id,
        customers.created_date,
        concat_ws(
            '|',
            coalesce(customers.industry, ''),
            coalesce(customers.segment, ''),
            coalesce(cast(customers.created_date as string), ''),
            cast(accounts.account_number as string),
            cast(coalesce(people.has_email, 0) as string),
            cast(coalesce(people.has_phone, 0) as string),
            cast(coalesce(people.has_chat_id, 0) as string)
        ) as attributes,
        coalesce(people.has_email, 0) = 1 as has_email,
        coalesce(people.has_phone, 0) = 1 as has_phone,
        coalesce(people.has_chat_id, 0) = 1 as has_chat_id,
        touches.first_known_date,
        cast(coalesce(touches.content_before, 0) + coalesce(numbers.change_before, 0) as bigint)
            as number_before,
        cast(coalesce(touches.content_now, 0) + coalesce(numbers.change_now, 0) as bigint)
            as number_now
    from customers
    left join accounts on customers.customer_id = accounts.customer_id
    left join people on customers.customer_id = people.customer_id
    left join touches on customers.customer_id = touches.customer_id
    left join numbers on customers.customer_id = numbers.customer_id

)

select
    customer_id,
    created_date,
    has_email,
    has_phone,
    has_chat_id,
    first_known_date,
    attributes || '|' || cast(number_before as string) as state_before,
    attributes || '|' || cast(number_now as string) as state_now
from states
