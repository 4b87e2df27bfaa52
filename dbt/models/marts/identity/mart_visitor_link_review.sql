-- One row per thing about visitors that a person has to decide: visitors whose evidence disagrees,
-- and rows of the rule tables that name what nobody knows.
with

visitors as (

    select * from {{ ref('dim_web_visitor') }}

),

contacts as (

    select * from {{ ref('dim_contact') }}

),

accounts as (

    select * from {{ ref('dim_account') }}

),

known_systems as (

    select distinct source_system from accounts

),

stated_rows as (

    select
        'account_address_range' as rule_table,
        account_id,
        cidr as stated_value
    from {{ ref('account_address_range') }}
    union all
    select
        'account_web_domain' as rule_table,
        account_id,
        web_domain as stated_value
    from {{ ref('account_web_domain') }}

),

stated_accounts as (

    select distinct
        rule_table,
        account_id,
        stated_value
    from stated_rows

),

ineffective_decisions as (

    select
        decisions.override_id,
        decisions.visitor_id,
        coalesce(decisions.contact_id, decisions.account_id) as target_id,
        decisions.decided_at
    from {{ ref('visitor_link_override') }} as decisions
    left join visitors on decisions.visitor_id = visitors.visitor_id
    left join contacts on decisions.contact_id = contacts.contact_id
    left join accounts on decisions.account_id = accounts.account_id
    where
        visitors.visitor_id is null
        or visitors.is_bot
        or visitors.is_staff
        or (decisions.contact_id is not null and contacts.contact_id is null)
        or (
            decisions.contact_id is null
            and decisions.account_id is not null
            and accounts.account_id is null
        )

),

reviews as (

    select * from {{ ref('int_identity__visitor_reviews') }}
    union all
    select
        'unknown_account:' || stated_accounts.rule_table || ':' || stated_accounts.account_id || ':'
        || stated_accounts.stated_value as visitor_link_review_id,
        'unknown_account' as review_kind,
        known_systems.source_system,
        cast(null as string) as visitor_id,
        cast(null as string) as visitor_address,
        cast(null as string) as user_agent,
        cast(1 as bigint) as count_candidates,
        stated_accounts.account_id as candidates,
        stated_accounts.rule_table || ' ' || stated_accounts.stated_value as evidence,
        cast(null as double) as best_confidence,
        cast(null as double) as rival_confidence,
        cast(null as bigint) as count_sessions,
        cast(null as bigint) as count_page_views,
        false as is_unassigned,
        cast(null as timestamp) as first_evidence_at,
        cast(null as timestamp) as last_evidence_at
    from stated_accounts
    inner join known_systems
        on {{ before_first('stated_accounts.account_id', ':') }} = known_systems.source_system
    left join accounts on stated_accounts.account_id = accounts.account_id
    where accounts.account_id is null
    union all
    select distinct
        'unreadable_range:' || address_ranges.stated_in || ':'
        || coalesce(address_ranges.account_id, '') || ':' || address_ranges.stated_range
            as visitor_link_review_id,
        'unreadable_range' as review_kind,
        {{ before_first("coalesce(address_ranges.account_id, '')", ':') }} as source_system,
        cast(null as string) as visitor_id,
        cast(null as string) as visitor_address,
        cast(null as string) as user_agent,
        cast(1 as bigint) as count_candidates,
        address_ranges.account_id as candidates,
        address_ranges.stated_in || ' ' || address_ranges.stated_range as evidence,
        cast(null as double) as best_confidence,
        cast(null as double) as rival_confidence,
        cast(null as bigint) as count_sessions,
        cast(null as bigint) as count_page_views,
        false as is_unassigned,
        cast(null as timestamp) as first_evidence_at,
        cast(null as timestamp) as last_evidence_at
    from {{ ref('int_identity__address_ranges') }} as address_ranges
    where address_ranges.network_key is null
    union all
    select
        'decision_without_effect:' || override_id as visitor_link_review_id,
        'decision_without_effect' as review_kind,
        {{ before_first('visitor_id', ':') }} as source_system,
        visitor_id,
        cast(null as string) as visitor_address,
        cast(null as string) as user_agent,
        cast(1 as bigint) as count_candidates,
        target_id as candidates,
        'visitor_link_override ' || override_id as evidence,
        cast(null as double) as best_confidence,
        cast(null as double) as rival_confidence,
        cast(null as bigint) as count_sessions,
        cast(null as bigint) as count_page_views,
        false as is_unassigned,
        decided_at as first_evidence_at,
        decided_at as last_evidence_at
    from ineffective_decisions

)

select
    visitor_link_review_id,
    source_system,
    cast(last_evidence_at as date) as period_date,
    review_kind,
    is_unassigned,
    visitor_id,
    visitor_address,
    user_agent,
    count_candidates,
    candidates,
    evidence,
    best_confidence,
    rival_confidence,
    count_sessions,
    count_page_views,
    first_evidence_at,
    last_evidence_at,
    case review_kind
        when 'two_persons'
            then
                'Evidence names several persons; the visitor is assigned to none of them, and to '
                || 'an account only where all belong to it.'
        when 'two_accounts'
            then 'Evidence names several accounts; the visitor is assigned to none.'
        when 'person_and_account_differ'
            then
                'The person belongs to another account than the network or domain; '
                || 'the person''s account is used.'
        when 'unknown_account'
            then 'A rule row names an account that its system does not contain.'
        when 'unreadable_range' then 'A range of addresses cannot be read.'
        else 'A decision names a visitor, contact or account that is not there.'
    end as reason_en,
    case review_kind
        when 'two_persons' then '证据指向多个人，该访客未归属其中任何人；仅当他们同属一家客户时归属该客户。'
        when 'two_accounts' then '证据指向多个客户，该访客未归属任何客户。'
        when 'person_and_account_differ'
            then '此人所属客户与网络或域名所属客户不同；采用此人所属客户。'
        when 'unknown_account' then '规则行中的客户在其系统中不存在。'
        when 'unreadable_range' then '地址段无法识别。'
        else '人工决定中的访客、联系人或客户不存在。'
    end as reason_zh,
    case review_kind
        when 'two_persons'
            then
                'Find out who uses this browser. Add a row to visitor_link_override.csv: assign '
                || 'the contact, assign only the account if colleagues share the device, or undo '
                || 'the wrong links.'
        when 'two_accounts'
            then
                'Find out which firm it is (a shared office, a consultant, one firm in two rows?). '
                || 'Correct the range or domain row, or add a row to visitor_link_override.csv.'
        when 'person_and_account_differ'
            then
                'Has the person changed employer, or visits a customer? Correct the contact or the '
                || 'range, or confirm the contact in visitor_link_override.csv.'
        when 'unknown_account' then 'Correct the account in the row, or delete the row.'
        when 'unreadable_range'
            then 'Write it as network/length, such as 203.0.113.0/24 or 2001:db8::/32.'
        else 'Correct the row of visitor_link_override.csv, or delete it.'
    end as remedy_en,
    case review_kind
        when 'two_persons'
            then
                '查明谁在用这个浏览器，然后在 visitor_link_override.csv 加一行：指定联系人；'
                || '若同事共用设备则只指定客户；或撤销错误的关联。'
        when 'two_accounts'
            then
                '查明是哪家公司(共享办公、顾问、还是同一公司有两行？)，'
                || '修改地址段或域名行，或在 visitor_link_override.csv 加一行。'
        when 'person_and_account_differ'
            then
                '此人换了雇主，还是在客户现场？修改联系人或地址段，'
                || '或在 visitor_link_override.csv 确认该联系人。'
        when 'unknown_account' then '改正该行的客户编号，或删除该行。'
        when 'unreadable_range' then '写成 网络/长度，例如 203.0.113.0/24 或 2001:db8::/32。'
        else '改正 visitor_link_override.csv 中的该行，或删除它。'
    end as remedy_zh
from reviews
