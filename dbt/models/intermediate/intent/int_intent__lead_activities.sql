-- One row per open lead and touch that concerns it: of the lead itself, of its opportunity or of
-- its contact.
{{ config(materialized='table') }}
with

leads as (

    select
        lead_id,
        contact_id,
        opportunity_id
    from {{ ref('int_intent__lead_subjects') }}
    where is_lead_open

),

activities as (

    select
        activity_id,
        lead_id,
        opportunity_id,
        contact_id,
        direction,
        occurred_at
    from {{ ref('fct_activity') }}
    where occurred_at < {{ as_of_end() }}

)

select
    leads.lead_id,
    activities.activity_id,
    activities.direction,
    activities.occurred_at
from leads
inner join activities on leads.lead_id = activities.lead_id
union distinct
select
    leads.lead_id,
    activities.activity_id,
    activities.direction,
    activities.occurred_at
from leads
inner join activities on leads.opportunity_id = activities.opportunity_id
union distinct
select
    leads.lead_id,
    activities.activity_id,
    activities.direction,
    activities.occurred_at
from leads
inner join activities on leads.contact_id = activities.contact_id
