-- One row per contact whose first visit ever came after visits of others of the account who all
-- stand below (kind higher_level_visitor).
with

rules as (

    select *
    from {{ ref('int_intent__rules') }}
    where is_active and kind = 'higher_level_visitor'

),

visits as (

    select
        *,
        row_number() over (
            partition by contact_id order by first_at asc nulls last, web_event_id asc nulls last
        ) as visit_rank
    from {{ ref('int_intent__visit_days') }}
    where contact_id is not null and account_id is not null

),

first_visits as (

    select *
    from visits
    where visit_rank = 1

),

moments as (

    select
        account_id,
        first_at,
        max(decision_rank) as decision_rank
    from first_visits
    group by account_id, first_at

),

earlier as (

    select
        account_id,
        first_at,
        max(decision_rank) over (
            partition by account_id
            order by first_at asc nulls last
            rows between unbounded preceding and 1 preceding
        ) as highest_rank
    from moments

)

select
    rules.signal_id,
    rules.signal_version,
    first_visits.contact_id as subject_key,
    first_visits.web_event_id as unit_key,
    first_visits.account_id,
    first_visits.contact_id,
    first_visits.visitor_id,
    cast(null as string) as opportunity_id,
    cast(null as string) as lead_id,
    'web_event' as evidence_object,
    first_visits.web_event_id as evidence_id,
    first_visits.source_system,
    first_visits.first_at as evidence_at,
    first_visits.known_at,
    first_visits.url_path as detail,
    cast(null as string) as related_object,
    cast(null as string) as related_id,
    cast(null as timestamp) as related_at
from first_visits
inner join earlier
    on
        first_visits.account_id = earlier.account_id
        and first_visits.first_at = earlier.first_at
cross join rules
where first_visits.decision_rank > earlier.highest_rank
