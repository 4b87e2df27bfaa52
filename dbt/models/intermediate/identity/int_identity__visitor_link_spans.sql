-- One row per link that a source states, with the days on which it holds: a login or click id given
-- to another person holds for that person from the day it was given. Before its first day nobody
-- else had it.
with

links as (

    select
        visitor_key,
        contact_id,
        account_id,
        link_rule,
        cast(linked_at as date) as linked_date
    from {{ ref(canonical_model('visitor_link')) }}
    where visitor_key is not null

),

linked_days as (

    select distinct
        visitor_key,
        link_rule,
        linked_date
    from links

),

changes as (

    select
        visitor_key,
        link_rule,
        linked_date,
        lag(linked_date) over (
            partition by visitor_key, link_rule order by linked_date nulls first
        ) as previous_date,
        lead(linked_date) over (
            partition by visitor_key, link_rule order by linked_date nulls first
        ) as next_date
    from linked_days

)

select
    links.visitor_key,
    links.contact_id,
    links.account_id,
    links.link_rule,
    case when changes.previous_date is not null then links.linked_date end as valid_from,
    case
        when links.linked_date is not null then {{ add_days('changes.next_date', -1) }}
    end as valid_to
from links
inner join changes
    on
        links.visitor_key = changes.visitor_key
        and links.link_rule is not distinct from changes.link_rule
        and links.linked_date is not distinct from changes.linked_date
