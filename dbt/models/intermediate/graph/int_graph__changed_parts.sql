-- One row per part of what acts are made from that is another than in the last build, or is gone:
-- the acts of a kind and day, and the accounts, contacts, people and times at firms of one bucket.
-- Also the buckets whose rows say the same as before but lead to a customer that is new or gone, or
-- to an account or a person that has changed: they are no parts of their own. Every part where the
-- graph is made anew.
{{ config(materialized='table', tags=['graph']) }}
{%- set no_date, no_number = "date '0001-01-01'", '-1' %}
{%- set acts = [
    ('referral', 'opportunities', ['opportunity_id', 'account_id', 'contact_id',
        'referred_by_account_id', 'occurred_at']),
    ('person_moved', 'changes', ['contact_job_change_id', 'contact_id', 'from_account_id',
        'to_account_id', 'occurred_at']),
    ('supplier', 'relationships', ['account_relationship_id', 'account_id', 'other_account_id',
        'occurred_at'])
] %}
{%- set keys = [
    ('account', 'accounts', 'account_id', ['account_id', 'customer_id']),
    ('contact', 'people', 'contact_id', ['contact_id', 'person_id', 'customer_id']),
    ('person', 'persons', 'person_id', ['person_id', 'decision_level']),
    ('employer', 'employers', 'contact_id', ['contact_id', 'account_id']),
    ('employment', 'past_changes', 'contact_id', ['contact_job_change_id', 'contact_id',
        'from_account_id', 'to_account_id', 'occurred_at']),
    ('event', 'attendances', 'event_name', ['event_attendance_id', 'source_system', 'event_name',
        'account_id', 'contact_id', 'attended_at'])
] %}
with

opportunities as (

    select
        *,
        coalesce(created_at, engaged_at, closed_at, first_loaded_at) as occurred_at
    from {{ ref('fct_opportunity') }}
    where referred_by_account_id is not null

),

-- Shares are touches too, and read once to tell what has changed of either.
share_days as (

    select
        source_date as part_date,
        content_number
    from {{ ref('int_relationship__source_days') }}
    where source_object = 'content_share'

),

changes as (

    select
        *,
        changed_at as occurred_at
    from {{ ref('int_canonical__contact_job_changes') }}
    where from_account_id <> to_account_id

),

relationships as (

    select
        *,
        coalesce(since, first_loaded_at) as occurred_at
    from {{ ref('int_canonical__account_relationships') }}
    where kind = 'supplier'

),

accounts as (

    select * from {{ ref('bridge_account_customer') }}

),

people as (

    select
        contact_id,
        person_id,
        customer_id
    from {{ ref('bridge_contact_person') }}

),

persons as (

    select
        person_id,
        decision_level
    from {{ ref('dim_person') }}

),

employers as (

    select
        contact_id,
        account_id
    from {{ ref('dim_contact') }}

),

past_changes as (

    select * from changes
    where occurred_at < {{ as_of_end() }}

),

attendances as (

    select * from {{ ref('int_canonical__event_attendances') }}
    where attended_at < {{ as_of_end() }}

),

parts as (

    select
        'share' as part_kind,
        part_date,
        {{ no_number }} as part_number,
        cast(sum(content_number) as bigint) as content_number
    from share_days
    group by part_date
    union all
    {%- for kind, relation, columns in acts %}
        select
            '{{ kind }}' as part_kind,
            cast(occurred_at as date) as part_date,
            {{ no_number }} as part_number,
            {{ content_sum(columns) }} as content_number
        from {{ relation }}
        where occurred_at < {{ as_of_end() }}
        group by cast(occurred_at as date)
        union all
    {%- endfor %}
    {%- for kind, relation, key, columns in keys %}
        select
            '{{ kind }}' as part_kind,
            {{ no_date }} as part_date,
            {{ key_bucket(key) }} as part_number,
            {{ content_sum(columns) }} as content_number
        from {{ relation }}
        where {{ key }} is not null
        group by {{ key_bucket(key) }}
        {{ 'union all' if not loop.last }}
    {%- endfor %}

),

built as (

    {{ built_graph_rows('int_graph__parts', {
        'part_kind': 'string', 'part_date': 'date', 'part_number': 'int', 'content_number': 'bigint'
    }) }}

),

others as (

    select
        coalesce(parts.part_kind, built.part_kind) as part_kind,
        coalesce(parts.part_date, built.part_date) as part_date,
        coalesce(parts.part_number, built.part_number) as part_number,
        parts.content_number
    from parts
    full outer join built
        on
            parts.part_kind = built.part_kind
            and parts.part_date = built.part_date
            and parts.part_number = built.part_number
    where parts.content_number is distinct from built.content_number

),

customers as (

    select customer_id from {{ ref('int_graph__changed_customers') }}

),

other_accounts as (

    select {{ key_bucket('account_id') }} as part_number
    from accounts
    where customer_id in (select customers.customer_id from customers)
    union
    select part_number
    from others
    where part_kind = 'account'

),

-- Wherever somebody may have worked, whether or not it still counts.
workplaces as (

    select * from employers
    union all
    select
        contact_id,
        from_account_id as account_id
    from changes
    union all
    select
        contact_id,
        to_account_id as account_id
    from changes

),

other_persons as (

    select part_number
    from others
    where part_kind = 'person'

),

other_contacts as (

    select {{ key_bucket('contact_id') }} as part_number
    from people
    where customer_id in (select customers.customer_id from customers)
    union
    select {{ key_bucket('contact_id') }} as part_number
    from workplaces
    where {{ key_bucket('account_id') }} in (select other_accounts.part_number from other_accounts)
    union
    select {{ key_bucket('contact_id') }} as part_number
    from people
    where
        {{ key_bucket('person_id') }}
        in (select other_persons.part_number from other_persons)
    union
    select part_number
    from others
    where part_kind in ('contact', 'employer', 'employment')

),

other_events as (

    select {{ key_bucket('event_name') }} as part_number
    from attendances
    where
        event_name is not null
        and (
            {{ key_bucket('account_id') }}
            in (select other_accounts.part_number from other_accounts)
            or {{ key_bucket('contact_id') }}
            in (select other_contacts.part_number from other_contacts)
        )
    union
    select part_number
    from others
    where part_kind = 'event'

)

select
    part_kind,
    part_date,
    part_number,
    content_number
from others
{%- for kind in ['other_account', 'other_contact', 'other_event'] %}
    union all
    select
        '{{ kind }}' as part_kind,
        {{ no_date }} as part_date,
        part_number,
        cast(null as bigint) as content_number
    from {{ kind }}s
    where {{ 'false' if is_graph_anew() else 'true' }}
{%- endfor %}
