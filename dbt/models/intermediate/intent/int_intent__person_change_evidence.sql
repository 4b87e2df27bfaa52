-- One row per job change, at a level that a signal of kind person_change names, of a contact with
-- an opportunity that was open at that time; it counts for the opportunity created last.
with

rules as (

    select *
    from {{ ref('int_intent__rules') }}
    where is_active and kind = 'person_change'

),

changes as (

    select *
    from {{ ref('int_intent__contact_changes') }}
    where opportunity_rank = 1

)

select
    rules.signal_id,
    rules.signal_version,
    case
        when rules.subject_level = 'account' then changes.account_id else changes.contact_id
    end as subject_key,
    changes.contact_job_change_id as unit_key,
    changes.account_id,
    changes.contact_id,
    cast(null as string) as visitor_id,
    changes.opportunity_id,
    cast(null as string) as lead_id,
    'contact_job_change' as evidence_object,
    changes.contact_job_change_id as evidence_id,
    changes.source_system,
    changes.changed_at as evidence_at,
    changes.changed_at as known_at,
    coalesce(changes.from_title, '?') || ' > ' || coalesce(changes.to_title, '?') as detail,
    cast(null as string) as related_object,
    cast(null as string) as related_id,
    cast(null as timestamp) as related_at
from changes
inner join rules on {{ is_in_rule_list('changes.decision_level', 'rules.decision_levels') }}
