-- One row per act that can join two firms, but for meetings at events, of the parts that have
-- changed: referral, share, change of firm, supply. Acts that join nobody are kept with the reason,
-- because a person's shares count towards the threshold whoever gets them.
{{ config(materialized='view') }}
-- depends_on: {{ ref('int_graph__changed_parts') }}
with

opportunities as (

    select
        opportunity_id,
        account_id,
        contact_id,
        referred_by_account_id,
        coalesce(created_at, engaged_at, closed_at, first_loaded_at) as occurred_at
    from {{ ref('fct_opportunity') }}
    where
        referred_by_account_id is not null
        and {{ is_of_changed_part(
            'referral',
            'coalesce(created_at, engaged_at, closed_at, first_loaded_at)',
            ['account_id', 'referred_by_account_id'],
            ['contact_id']
        ) }}

),

shares as (

    select
        content_share_id,
        account_id,
        contact_id,
        to_contact_id,
        shared_at
    from {{ ref('int_canonical__content_shares') }}
    where {{ is_of_changed_part(
        'share', 'shared_at', ['account_id'], ['contact_id', 'to_contact_id']
    ) }}

),

changes as (

    select * from {{ ref('int_canonical__contact_job_changes') }}
    where
        from_account_id <> to_account_id
        and {{ is_of_changed_part(
            'person_moved', 'changed_at', ['from_account_id', 'to_account_id'], ['contact_id']
        ) }}

),

relationships as (

    select * from {{ ref('int_canonical__account_relationships') }}
    where
        kind = 'supplier'
        and {{ is_of_changed_part(
            'supplier', 'coalesce(since, first_loaded_at)', ['account_id', 'other_account_id'], []
        ) }}

),

needed_contacts as (

    select contact_id from opportunities
    union
    select contact_id from shares
    union
    select to_contact_id as contact_id from shares
    union
    select contact_id from changes

),

times_at_firms as (

    select * from {{ ref('int_graph__employments') }}
    where {{ is_among(['contact_id'], 'needed_contacts') }}

),

needed_accounts as (

    select account_id from opportunities
    union
    select referred_by_account_id as account_id from opportunities
    union
    select account_id from shares
    union
    select from_account_id as account_id from changes
    union
    select to_account_id as account_id from changes
    union
    select account_id from relationships
    union
    select other_account_id as account_id from relationships
    union
    select account_id from times_at_firms

),

customers as (

    select
        customer_id,
        customer_number
    from {{ ref('int_graph__customers') }}

),

bridged_accounts as (

    select
        account_id,
        customer_id
    from {{ ref('bridge_account_customer') }}
    where {{ is_among(['account_id'], 'needed_accounts') }}

),

accounts as (

    select
        bridged_accounts.account_id,
        bridged_accounts.customer_id,
        customers.customer_number
    from bridged_accounts
    left join customers on bridged_accounts.customer_id = customers.customer_id

),

bridged_people as (

    select
        contact_id,
        person_id,
        customer_id
    from {{ ref('bridge_contact_person') }}
    where {{ is_among(['contact_id'], 'needed_contacts') }}

),

people as (

    select
        bridged_people.contact_id,
        bridged_people.person_id,
        bridged_people.customer_id,
        customers.customer_number,
        persons.decision_level
    from bridged_people
    left join customers on bridged_people.customer_id = customers.customer_id
    left join {{ ref('dim_person') }} as persons on bridged_people.person_id = persons.person_id

),

-- Every contact at every time, so one join tells person and firm.
employments as (

    select
        times_at_firms.contact_id,
        people.person_id,
        people.decision_level,
        coalesce(accounts.customer_id, people.customer_id) as customer_id,
        coalesce(accounts.customer_number, people.customer_number) as customer_number,
        coalesce(times_at_firms.started_at, timestamp '0001-01-01 00:00:00') as started_at,
        coalesce(times_at_firms.ended_at, timestamp '9999-12-31 00:00:00') as ended_at
    from times_at_firms
    left join accounts on times_at_firms.account_id = accounts.account_id
    left join people on times_at_firms.contact_id = people.contact_id

),

referrals as (

    select
        'referral' as edge_type,
        'opportunity' as act_object,
        opportunities.opportunity_id as act_id,
        referrers.customer_id as from_customer_id,
        referred.customer_id as to_customer_id,
        referrers.customer_number as from_customer_number,
        referred.customer_number as to_customer_number,
        cast(null as string) as from_person_id,
        people.person_id as to_person_id,
        people.decision_level as to_decision_level,
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
        coalesce(senders.customer_id, sharers.customer_id) as from_customer_id,
        receivers.customer_id as to_customer_id,
        coalesce(senders.customer_number, sharers.customer_number) as from_customer_number,
        receivers.customer_number as to_customer_number,
        sharers.person_id as from_person_id,
        receivers.person_id as to_person_id,
        receivers.decision_level as to_decision_level,
        shares.shared_at as occurred_at
    from shares
    left join accounts as senders on shares.account_id = senders.account_id
    left join employments as sharers
        on
            shares.contact_id = sharers.contact_id
            and shares.shared_at >= sharers.started_at
            and shares.shared_at < sharers.ended_at
    left join employments as receivers
        on
            shares.to_contact_id = receivers.contact_id
            and shares.shared_at >= receivers.started_at
            and shares.shared_at < receivers.ended_at

),

moves as (

    select
        'person_moved' as edge_type,
        'contact_job_change' as act_object,
        changes.contact_job_change_id as act_id,
        left_firms.customer_id as from_customer_id,
        joined_firms.customer_id as to_customer_id,
        left_firms.customer_number as from_customer_number,
        joined_firms.customer_number as to_customer_number,
        people.person_id as from_person_id,
        people.person_id as to_person_id,
        people.decision_level as to_decision_level,
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
        suppliers.customer_number as from_customer_number,
        supplied.customer_number as to_customer_number,
        cast(null as string) as from_person_id,
        cast(null as string) as to_person_id,
        cast(null as string) as to_decision_level,
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
    from_customer_number,
    to_customer_number,
    from_person_id,
    to_person_id,
    to_decision_level,
    occurred_at,
    case
        when from_customer_number is null or to_customer_number is null then 'unknown_end'
        when from_customer_number = to_customer_number then 'self'
    end as dropped_reason
from acts
where occurred_at < {{ as_of_end() }}
