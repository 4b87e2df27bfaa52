-- One row per business event that a page can follow: quote, opportunity, lead, order, attendance.
{{ config(materialized='table') }}
with

opportunities as (

    select * from {{ ref('fct_opportunity') }}

),

quotes as (

    select
        'quote' as object_name,
        quotes.quote_id as object_id,
        quotes.source_system,
        opportunities.account_id,
        opportunities.contact_id,
        quotes.opportunity_id,
        quotes.quoted_at as occurred_at
    from {{ ref('fct_quote') }} as quotes
    inner join opportunities on quotes.opportunity_id = opportunities.opportunity_id

),

begun as (

    select
        'opportunity' as object_name,
        opportunity_id as object_id,
        source_system,
        account_id,
        contact_id,
        opportunity_id,
        created_at as occurred_at
    from opportunities

),

leads as (

    select
        'lead' as object_name,
        lead_id as object_id,
        source_system,
        account_id,
        contact_id,
        cast(null as string) as opportunity_id,
        created_at as occurred_at
    from {{ ref('fct_lead') }}

),

orders as (

    select
        'order' as object_name,
        order_id as object_id,
        source_system,
        account_id,
        cast(null as string) as contact_id,
        opportunity_id,
        ordered_at as occurred_at
    from {{ ref('fct_order') }}

),

attendances as (

    select
        'event_attendance' as object_name,
        event_attendance_id as object_id,
        source_system,
        account_id,
        contact_id,
        cast(null as string) as opportunity_id,
        attended_at as occurred_at
    from {{ ref('int_canonical__event_attendances') }}

),

final as (

    select * from quotes
    union all
    select * from begun
    union all
    select * from leads
    union all
    select * from orders
    union all
    select * from attendances

)

select *
from final
where occurred_at is not null
