-- One row per contact and customer that it belongs to or belonged to, with what says so: the
-- contact's own row, the accounts that its touches name, or a former employer.
{{ config(materialized='table') }}
with

customers as (

    select
        account_id,
        customer_id
    from {{ ref('bridge_account_customer') }}

),

stated as (

    select
        contact_id,
        account_id,
        1 as basis_rank,
        0 as count_touches
    from {{ ref('int_canonical__contacts') }}
    where account_id is not null
    union all
    select
        activities.contact_id,
        coalesce(activities.account_id, opportunities.account_id) as account_id,
        2 as basis_rank,
        1 as count_touches
    from {{ ref('int_canonical__activities') }} as activities
    left join {{ ref('int_canonical__opportunities') }} as opportunities
        on activities.opportunity_id = opportunities.opportunity_id
    where activities.contact_id is not null
    union all
    select
        contact_id,
        from_account_id as account_id,
        3 as basis_rank,
        0 as count_touches
    from {{ ref('int_canonical__contact_job_changes') }}

),

combined as (

    select
        stated.contact_id,
        customers.customer_id,
        min(stated.basis_rank) as basis_rank,
        sum(stated.count_touches) as count_touches
    from stated
    inner join customers on stated.account_id = customers.account_id
    group by stated.contact_id, customers.customer_id

)

select
    contact_id,
    customer_id,
    basis_rank,
    case basis_rank when 1 then 'stated' when 2 then 'touches' else 'former' end as basis,
    cast(count_touches as bigint) as count_touches
from combined
