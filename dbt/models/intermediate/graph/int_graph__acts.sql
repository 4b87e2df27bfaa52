-- One row per act that can join two firms, but for meetings at events: referral, share, change of
-- firm, supply. Acts that join nobody are kept with the reason, because a person's shares count
-- towards the threshold whoever gets them.
with

accounts as (

    select
        account_id,
        customer_id
    from {{ ref('bridge_account_customer') }}

),

people as (

    select
        contact_id,
        person_id,
        customer_id
    from {{ ref('bridge_contact_person') }}

),

employments as (

    select
        employments.contact_id,
        coalesce(accounts.customer_id, people.customer_id) as customer_id,
        coalesce(employments.started_at, timestamp '0001-01-01 00:00:00') as started_at,
        coalesce(employments.ended_at, timestamp '9999-12-31 00:00:00') as ended_at
    from {{ ref('int_graph__employments') }} as employments
    left join accounts on employments.account_id = accounts.account_id
    left join people on employments.contact_id = people.contact_id

),

opportunities as (

    select
        opportunity_id,
        account_id,
        contact_id,
        referred_by_account_id,
        coalesce(created_at, engaged_at, closed_at, first_loaded_at) as occurred_at
    from {{ ref('fct_opportunity') }}
    where referred_by_account_id is not null

),

shares as (

    select * from {{ ref('int_canonical__content_shares') }}

),

changes as (

    select * from {{ ref('int_canonical__contact_job_changes') }}
    where from_account_id <> to_account_id

),

relationships as (

    select * from {{ ref('int_canonical__account_relationships') }}
    where kind = 'supplier'

),

referrals as (

    select
        'referral' as edge_type,
        'opportunity' as act_object,
        opportunities.opportunity_id as act_id,
        referrers.customer_id as from_customer_id,
        referred.customer_id as to_customer_id,
        cast(null as string) as from_person_id,
        people.person_id as to_person_id,
        opportunities.occurred_at
    from opportunities
    left join accounts as referrers
        on opportunities.referred_by_account_id = referrers.account_id
    left join accounts as referred on opportunities.account_id = referred.account_id
    left join people on opportunities.contact_id = people.contact_id

),

passed_on as (

    select
        'share' as edge_type,
        'content_share' as act_object,
        shares.content_share_id as act_id,
        coalesce(senders.customer_id, senders_then.customer_id) as from_customer_id,
        receivers_then.customer_id as to_customer_id,
        sharers.person_id as from_person_id,
        receivers.person_id as to_person_id,
        shares.shared_at as occurred_at
    from shares
    left join accounts as senders on shares.account_id = senders.account_id
    left join people as sharers on shares.contact_id = sharers.contact_id
    left join employments as senders_then
        on
            shares.contact_id = senders_then.contact_id
            and shares.shared_at >= senders_then.started_at
            and shares.shared_at < senders_then.ended_at
    left join people as receivers on shares.to_contact_id = receivers.contact_id
    left join employments as receivers_then
        on
            shares.to_contact_id = receivers_then.contact_id
            and shares.shared_at >= receivers_then.started_at
            and shares.shared_at < receivers_then.ended_at

),

moves as (

    select
        'person_moved' as edge_type,
        'contact_job_change' as act_object,
        changes.contact_job_change_id as act_id,
        left_firms.customer_id as from_customer_id,
        joined_firms.customer_id as to_customer_id,
        people.person_id as from_person_id,
        people.person_id as to_person_id,
        changes.changed_at as occurred_at
    from changes
    left join accounts as left_firms on changes.from_account_id = left_firms.account_id
    left join accounts as joined_firms on changes.to_account_id = joined_firms.account_id
    left join people on changes.contact_id = people.contact_id

),

supplies as (

    select
        'supplier' as edge_type,
        'account_relationship' as act_object,
        relationships.account_relationship_id as act_id,
        suppliers.customer_id as from_customer_id,
        supplied.customer_id as to_customer_id,
        cast(null as string) as from_person_id,
        cast(null as string) as to_person_id,
        coalesce(relationships.since, relationships.first_loaded_at) as occurred_at
    from relationships
    left join accounts as suppliers on relationships.account_id = suppliers.account_id
    left join accounts as supplied on relationships.other_account_id = supplied.account_id

),

acts as (

    select * from referrals
    union all
    select * from passed_on
    union all
    select * from moves
    union all
    select * from supplies

)

select
    edge_type,
    act_object,
    act_id,
    from_customer_id,
    to_customer_id,
    from_person_id,
    to_person_id,
    occurred_at,
    case
        when from_customer_id is null or to_customer_id is null then 'unknown_end'
        when from_customer_id = to_customer_id then 'self'
    end as dropped_reason
from acts
where occurred_at < {{ as_of_end() }}
