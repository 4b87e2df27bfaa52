-- One row per contact and time at one firm: a change of employer ends the time at the one before. A
-- contact without a recorded change is where the source has it now.
with

contacts as (

    select * from {{ ref('dim_contact') }}

),

changes as (

    select
        contact_id,
        contact_job_change_id,
        from_account_id,
        to_account_id,
        changed_at
    from {{ ref('int_canonical__contact_job_changes') }}
    where
        from_account_id <> to_account_id
        and changed_at is not null
        and changed_at < {{ as_of_end() }}

),

numbered as (

    select
        *,
        lag(changed_at) over (
            partition by contact_id
            order by changed_at asc nulls last, contact_job_change_id asc nulls last
        ) as changed_before_at,
        row_number() over (
            partition by contact_id
            order by changed_at desc nulls last, contact_job_change_id desc nulls last
        ) as latest_rank
    from changes

)

select
    contact_id,
    from_account_id as account_id,
    changed_before_at as started_at,
    changed_at as ended_at
from numbered
union all
select
    contacts.contact_id,
    coalesce(numbered.to_account_id, contacts.account_id) as account_id,
    numbered.changed_at as started_at,
    cast(null as timestamp) as ended_at
from contacts
left join numbered on contacts.contact_id = numbered.contact_id and numbered.latest_rank = 1
