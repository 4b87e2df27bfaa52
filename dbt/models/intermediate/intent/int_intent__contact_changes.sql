-- One row per job change of a contact and opportunity with that contact that was open at that time.
with

changes as (

    select * from {{ ref('int_canonical__contact_job_changes') }}

),

contacts as (

    select * from {{ ref('dim_contact') }}

),

opportunities as (

    select * from {{ ref('fct_opportunity') }}

)

select
    changes.contact_job_change_id,
    changes.source_system,
    changes.contact_id,
    contacts.contact_name,
    contacts.decision_level,
    changes.from_account_id,
    changes.to_account_id,
    changes.from_title,
    changes.to_title,
    changes.changed_at,
    case
        when changes.from_account_id <> changes.to_account_id then 'employer'
        else 'title'
    end as change_kind,
    opportunities.opportunity_id,
    opportunities.account_id,
    row_number() over (
        partition by changes.contact_job_change_id
        order by opportunities.created_at desc nulls last, opportunities.opportunity_id desc
    ) as opportunity_rank
from changes
inner join contacts on changes.contact_id = contacts.contact_id
inner join opportunities
    on
        changes.contact_id = opportunities.contact_id
        and changes.changed_at >= opportunities.created_at
        and (
            opportunities.is_open
            or changes.changed_at < opportunities.closed_at
            or (opportunities.is_open is null and opportunities.closed_at is null)
        )
