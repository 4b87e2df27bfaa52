-- One row per account or contact of a system, with the customer and person it belongs to and what
-- says so: its surest link inside the customer or person.
with

links as (

    select * from {{ ref('fct_identity_link') }}
    where status = 'linked'

),

ends as (

    select
        subject,
        left_id as record_id,
        right_id as linked_record_id,
        identity_link_id,
        confidence_ratio,
        method,
        evidence_en,
        evidence_zh
    from links
    union all
    select
        subject,
        right_id as record_id,
        left_id as linked_record_id,
        identity_link_id,
        confidence_ratio,
        method,
        evidence_en,
        evidence_zh
    from links

),

ranked as (

    select
        *,
        row_number() over (
            partition by subject, record_id
            order by
                case when method = 'manual' then 0 else 1 end asc nulls last,
                confidence_ratio desc nulls last,
                identity_link_id asc nulls last
        ) as link_rank
    from ends

),

records as (

    select
        'account' as subject,
        bridge.account_id as record_id,
        firms.account_name as record_name,
        bridge.customer_id,
        cast(null as string) as person_id,
        cast(null as string) as title,
        cast(null as string) as decision_level,
        bridge.source_system,
        bridge.is_representative,
        bridge.link_rule,
        bridge.match_weight,
        bridge.confidence_ratio,
        firms.created_at
    from {{ ref('bridge_account_customer') }} as bridge
    inner join {{ ref('dim_account') }} as firms on bridge.account_id = firms.account_id
    union all
    select
        'contact' as subject,
        bridge.contact_id as record_id,
        people.contact_name as record_name,
        bridge.customer_id,
        bridge.person_id,
        people.title,
        people.decision_level,
        bridge.source_system,
        bridge.is_representative,
        bridge.link_rule,
        bridge.match_weight,
        bridge.confidence_ratio,
        people.created_at
    from {{ ref('bridge_contact_person') }} as bridge
    inner join {{ ref('dim_contact') }} as people on bridge.contact_id = people.contact_id

),

rules as (

    select * from {{ ref('int_customer__identity_rules') }}

)

select
    records.subject || ':' || records.record_id as customer_record_id,
    records.subject,
    records.record_id,
    records.record_name,
    records.customer_id,
    records.person_id,
    records.title,
    records.decision_level,
    records.source_system,
    records.is_representative,
    records.link_rule,
    coalesce(
        rules.name_en,
        case records.link_rule
            when 'match_weight' then 'Match weight' when 'manual_merge' then 'Merged by people'
        end
    ) as link_rule_en,
    coalesce(
        rules.name_zh,
        case records.link_rule
            when 'match_weight' then '匹配权重' when 'manual_merge' then '人工合并'
        end
    ) as link_rule_zh,
    records.match_weight,
    records.confidence_ratio,
    case when not records.is_representative then ranked.linked_record_id end as linked_record_id,
    case when not records.is_representative then ranked.evidence_en end as evidence_en,
    case when not records.is_representative then ranked.evidence_zh end as evidence_zh,
    cast(records.created_at as date) as period_date
from records
left join ranked
    on
        records.subject = ranked.subject
        and records.record_id = ranked.record_id
        and ranked.link_rank = 1
left join rules on records.link_rule = rules.rule_id
