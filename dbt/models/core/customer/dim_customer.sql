-- One row per customer: the one firm behind the account rows of several systems. An attribute is
-- that of the first of its accounts, in the order of the systems, that knows it.
{%- set attributes = [
    'account_name', 'industry', 'region', 'country', 'city', 'tier', 'size_employees', 'tax_id',
    'web_domain', 'owner_rep_id'
] %}
with

bridge as (

    select * from {{ ref('bridge_account_customer') }}

),

accounts as (

    select * from {{ ref('dim_account') }}

),

ranks as (

    select
        record_id,
        record_rank
    from {{ ref('int_customer__account_records') }}

),

members as (

    select
        bridge.customer_id,
        accounts.account_id,
        accounts.source_system,
        ranks.record_rank,
        accounts.created_at,
        accounts.account_name,
        accounts.industry,
        accounts.region,
        accounts.country,
        accounts.city,
        accounts.tier,
        accounts.size_employees,
        accounts.tax_id,
        accounts.web_domain,
        accounts.owner_rep_id,
        parents.customer_id as parent_customer_id
    from bridge
    inner join accounts on bridge.account_id = accounts.account_id
    inner join ranks on bridge.account_id = ranks.record_id
    left join bridge as parents on accounts.parent_account_id = parents.account_id

),

customers as (

    select
        customer_id,
        {%- for attribute in attributes %}
            {{ first_known(attribute, 'record_rank') }} as {{ attribute }},
        {%- endfor %}
        -- Two rows of one firm may name each other, or a row itself, as parent.
        min_by(parent_customer_id, record_rank) filter (where parent_customer_id <> customer_id)
            as parent_customer_id,
        count(*) as count_accounts,
        {{ string_list('source_system') }} as source_systems,
        min(created_at) as created_at
    from members
    group by customer_id

),

persons as (

    select
        customer_id,
        count(distinct person_id) as count_persons
    from {{ ref('bridge_contact_person') }}
    group by customer_id

),

segment_rules as (

    select
        segment,
        industry,
        tier,
        row_number() over (
            partition by industry, tier order by valid_from desc nulls last
        ) as age_rank
    from {{ ref('customer_segment') }}
    where valid_from <= {{ as_of_date() }}

),

-- The row that names most of industry and tier applies.
segments as (

    select
        customers.customer_id,
        segment_rules.segment,
        row_number() over (
            partition by customers.customer_id
            order by
                case when segment_rules.industry is not null then 0 else 1 end asc nulls last,
                case when segment_rules.tier is not null then 0 else 1 end asc nulls last
        ) as rule_rank
    from customers
    inner join segment_rules
        on
            coalesce(segment_rules.industry, customers.industry, '')
            = coalesce(customers.industry, '')
            and coalesce(segment_rules.tier, customers.tier, '') = coalesce(customers.tier, '')
    where segment_rules.age_rank = 1

),

reps as (

    select
        rep_id,
        team_id
    from {{ ref('dim_rep') }}

)

select
    customers.customer_id,
    customers.account_name as customer_name,
    customers.industry,
    customers.region,
    customers.country,
    customers.city,
    customers.tier,
    customers.size_employees,
    segments.segment,
    customers.tax_id,
    customers.web_domain,
    customers.owner_rep_id,
    reps.team_id,
    customers.parent_customer_id,
    customers.count_accounts,
    coalesce(persons.count_persons, 0) as count_persons,
    customers.source_systems,
    customers.created_at
from customers
left join segments
    on customers.customer_id = segments.customer_id and segments.rule_rank = 1
left join persons on customers.customer_id = persons.customer_id
left join reps on customers.owner_rep_id = reps.rep_id
