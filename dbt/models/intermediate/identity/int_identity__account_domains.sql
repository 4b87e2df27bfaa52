-- One row per internet domain and account that it stands for, and per domain that anybody may use.
{{ config(materialized='table') }}
with

rules as (

    select * from {{ ref('int_identity__link_rules') }}

),

systems_with_contacts as (

    select distinct source_system from {{ ref('dim_contact') }}

),

accounts as (

    select
        firms.account_id,
        {{ domain_of('firms.web_domain') }} as web_domain,
        case when people.source_system is null then 0 else 1 end as people_mark
    from {{ ref('dim_account') }} as firms
    left join systems_with_contacts as people
        on firms.source_system = people.source_system

),

-- The same firm is an account in the CRM and in the ERP: the one that people belong to stands for
-- both.
ranked as (

    select
        account_id,
        web_domain,
        people_mark,
        max(people_mark) over (partition by web_domain) as most_people
    from accounts
    where web_domain is not null

)

select
    'account_web_domain' as stated_in,
    account_id,
    web_domain as stated_domain,
    {{ domain_of('web_domain') }} as web_domain,
    confidence,
    valid_from,
    valid_to,
    false as is_shared,
    cast(null as string) as link_rule_id
from {{ ref('account_web_domain') }}
union all
select
    'dim_account' as stated_in,
    account_id,
    web_domain as stated_domain,
    web_domain,
    cast(null as double) as confidence,
    cast(null as date) as valid_from,
    cast(null as date) as valid_to,
    false as is_shared,
    cast(null as string) as link_rule_id
from ranked
where people_mark = most_people
union all
select
    'visitor_link_rule' as stated_in,
    cast(null as string) as account_id,
    matched_value as stated_domain,
    {{ domain_of('matched_value') }} as web_domain,
    confidence,
    cast(null as date) as valid_from,
    cast(null as date) as valid_to,
    is_shared,
    link_rule_id
from rules
where matched_by = 'shared_domain'
