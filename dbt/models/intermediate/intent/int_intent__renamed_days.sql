-- One row per day of the web log with a session of a visitor who is named otherwise than in the
-- last complete build: somebody was identified, or a link, an account or a contact is another one.
{{ config(materialized='table') }}
{%- set followed = earlier_table('int_intent__followed_visitors') %}
with

named as (

    select * from {{ ref('int_intent__named_visitors') }}

),

followed as (

    select * from {{ followed or ref('int_intent__named_visitors') }}

),

renamed as (

    select coalesce(named.visitor_id, followed.visitor_id) as visitor_id
    from named
    full outer join followed on named.visitor_id = followed.visitor_id
    where
        named.contact_id is distinct from followed.contact_id
        or named.contact_name is distinct from followed.contact_name
        or named.decision_rank is distinct from followed.decision_rank
        or named.visitor_account_id is distinct from followed.visitor_account_id
        or named.visitor_account_name is distinct from followed.visitor_account_name
        or named.account_id is distinct from followed.account_id
        or named.link_level is distinct from followed.link_level
        or named.linked_at is distinct from followed.linked_at

)

select distinct sessions.session_date as event_date
from {{ ref('fct_web_session') }} as sessions
inner join renamed on sessions.visitor_id = renamed.visitor_id
