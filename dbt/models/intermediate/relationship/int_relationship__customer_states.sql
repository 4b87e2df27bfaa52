-- One row per customer: a number for what the indices of the days built so far rest on but for its
-- touches, reckoned up to the last build and up to today, and a number for the last day of either.
-- A customer of whom these are others than at the last build has other accounts, people, product
-- lines or influence than was known then.
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
        {{ reach_number() }} as change_number
    from {{ ref('fct_influence_reach_day') }}

),

-- What happens from the days in question on is little: it is taken off the number for all days.
late_changes as (

    select * from changes
    where change_date >= least({{ relationship_built_through() }}, {{ as_of_date() }})

),

late_numbers as (

    select
        customer_id,
        sum(case when change_date >= {{ relationship_built_through() }} then change_number end)
            as since_before,
        sum(case when change_date = {{ relationship_built_through() }} then change_number end)
            as last_day_before,
        sum(case when change_date >= {{ as_of_date() }} then change_number end) as since_now,
        sum(case when change_date = {{ as_of_date() }} then change_number end) as last_day_now
    from late_changes
    group by customer_id

),

numbers_of_all_days as (

    select
        customer_id,
        {{ content_number(["'open'", 'product_line', 'first_date']) }}
        + case
            when last_date is null then 0
            else {{ content_number(["'closed'", 'product_line', 'last_date']) }}
        end as day_number
    from {{ ref('int_relationship__open_lines') }}
    union all
    select
        customer_id,
        reach_number as day_number
    from {{ ref('int_graph__reach_numbers') }}

),

numbers as (

    select
        customer_id,
        cast(sum(day_number) as bigint) as all_days
    from numbers_of_all_days
    group by customer_id

),

-- What decides for all customers alike: the channels of each day, and whether there is a graph.
common as (

    select
        coalesce(sum(
            case when index_date < {{ relationship_built_through() }} then day_number else 0 end
        ), 0) as common_before,
        coalesce(sum(
            case when index_date = {{ relationship_built_through() }} then day_number else 0 end
        ), 0) as last_day_before,
        coalesce(sum(case when index_date < {{ as_of_date() }} then day_number else 0 end), 0)
            as common_now,
        coalesce(sum(case when index_date = {{ as_of_date() }} then day_number else 0 end), 0)
            as last_day_now
    from (
        select
            index_date,
            {{ content_number([
                'definition_version', 'index_date', 'delivered_bits', 'silent_bits'
            ]) }} as day_number
        from {{ ref('int_relationship__channel_days') }}
    ) as channel_days

),

graph as (

    select max(case when is_delivered then 1 else 0 end) as is_graph_known
    from {{ ref('int_graph__edge_types') }}

),

states as (

    select
        customers.customer_id,
        customers.segment,
        customers.created_date,
        {{ content_number([
            'customers.industry', 'customers.segment', 'customers.created_date',
            'accounts.account_number', 'coalesce(people.has_email, 0)',
            'coalesce(people.has_phone, 0)', 'coalesce(people.has_chat_id, 0)',
            'coalesce(graph.is_graph_known, 0)'
        ]) }} as attributes_number,
        coalesce(people.has_email, 0) = 1 as has_email,
        coalesce(people.has_phone, 0) = 1 as has_phone,
        coalesce(people.has_chat_id, 0) = 1 as has_chat_id,
        coalesce(numbers.all_days, 0) - coalesce(late_numbers.since_before, 0)
        + common.common_before as days_before,
        coalesce(numbers.all_days, 0) - coalesce(late_numbers.since_now, 0)
        + common.common_now as days_now,
        cast(coalesce(late_numbers.last_day_before, 0) + common.last_day_before as bigint)
            as last_day_before,
        cast(coalesce(late_numbers.last_day_now, 0) + common.last_day_now as bigint)
            as last_day_now
    from customers
    cross join common
    cross join graph
    left join accounts on customers.customer_id = accounts.customer_id
    left join people on customers.customer_id = people.customer_id
    left join numbers on customers.customer_id = numbers.customer_id
    left join late_numbers on customers.customer_id = late_numbers.customer_id

)

select
    customer_id,
    segment,
    created_date,
    has_email,
    has_phone,
    has_chat_id,
    cast(attributes_number + days_before as bigint) as number_before,
    cast(attributes_number + days_now as bigint) as number_now,
    last_day_before,
    last_day_now
from states
