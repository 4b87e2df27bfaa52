-- One row per thing about the identity of customers and persons that a person should judge, with
-- what to do.
with

links as (

    select * from {{ ref('fct_identity_link') }}

),

shared_keys as (

    select
        'account' as subject,
        group_id,
        rule_id,
        {{ before_first('key_value', '|') }} as key_value,
        count_records,
        min(record_id) as left_id,
        max(record_id) as right_id
    from {{ ref('int_customer__account_groups') }}
    where kind = 'exact' and outcome = 'too_many'
    group by group_id, rule_id, key_value, count_records
    union all
    select
        'contact' as subject,
        group_id,
        rule_id,
        {{ before_first('key_value', '|') }} as key_value,
        count_records,
        min(record_id) as left_id,
        max(record_id) as right_id
    from {{ ref('int_customer__contact_groups') }}
    where kind = 'exact' and outcome = 'too_many'
    group by group_id, rule_id, key_value, count_records

),

rules as (

    select * from {{ ref('int_customer__identity_rules') }}

),

records as (

    select
        'account' as subject,
        account_id as record_id,
        account_name as record_name,
        source_system
    from {{ ref('dim_account') }}
    union all
    select
        'contact' as subject,
        contact_id as record_id,
        contact_name as record_name,
        source_system
    from {{ ref('dim_contact') }}

),

known_systems as (

    select distinct source_system from records

),

reviews as (

    select
        identity_link_id as identity_review_id,
        case when is_cut then 'cut' else 'uncertain' end as review_kind,
        subject,
        left_id,
        right_id,
        match_weight,
        match_probability,
        evidence_en,
        evidence_zh
    from links
    where status = 'review'
    union all
    select
        'shared_key:' || shared_keys.group_id as identity_review_id,
        'shared_key' as review_kind,
        shared_keys.subject,
        shared_keys.left_id,
        shared_keys.right_id,
        cast(null as double) as match_weight,
        cast(null as double) as match_probability,
        rules.name_en || ' ' || shared_keys.key_value || ': '
        || cast(shared_keys.count_records as string) || ' rows' as evidence_en,
        rules.name_zh || ' ' || shared_keys.key_value || '：'
        || cast(shared_keys.count_records as string) || ' 行' as evidence_zh
    from shared_keys
    inner join rules on shared_keys.rule_id = rules.rule_id
    union all
    select
        'decision:' || decisions.override_id as identity_review_id,
        'decision_without_effect' as review_kind,
        decisions.subject,
        decisions.left_id,
        decisions.right_id,
        cast(null as double) as match_weight,
        cast(null as double) as match_probability,
        'identity_override ' || decisions.override_id as evidence_en,
        'identity_override ' || decisions.override_id as evidence_zh
    from {{ ref('identity_override') }} as decisions
    inner join known_systems
        on {{ before_first('decisions.left_id', ':') }} = known_systems.source_system
    left join records as l
        on decisions.subject = l.subject and decisions.left_id = l.record_id
    left join records as r
        on decisions.subject = r.subject and decisions.right_id = r.record_id
    where l.record_id is null or r.record_id is null

)

select
    reviews.identity_review_id,
    reviews.review_kind,
    reviews.subject,
    reviews.left_id,
    l.record_name as left_name,
    l.source_system,
    reviews.right_id,
    r.record_name as right_name,
    r.source_system as right_system,
    reviews.match_weight,
    reviews.match_probability,
    reviews.evidence_en,
    reviews.evidence_zh,
    {{ as_of_date() }} as period_date,
    case reviews.review_kind
        when 'uncertain'
            then
                'They may be one, but not surely enough, or another row fits nearly as well.'
        when 'cut'
            then
                'Something links them, but their cluster was cut: too large, split by people, or '
                || 'two tax ids in it.'
        when 'shared_key' then 'A key stands on more rows than one customer or person has.'
        else 'A decision names a row that is not there.'
    end as reason_en,
    case reviews.review_kind
        when 'uncertain' then '可能是同一主体，但把握不足，或另有一条记录几乎同样匹配。'
        when 'cut' then '两者有关联，但所在的簇已被切断：过大、被人工分开，或含有两个税号。'
        when 'shared_key' then '同一键出现在过多的记录上，不可能都属于同一客户或同一人。'
        else '人工决定中的记录不存在。'
    end as reason_zh,
    case reviews.review_kind
        when 'shared_key'
            then 'Correct the value in its system, or raise max_records of the rule.'
        when 'decision_without_effect'
            then 'Correct the row of identity_override.csv, or delete it.'
        else 'Add a row to identity_override.csv: merge them, or split them.'
    end as remedy_en,
    case reviews.review_kind
        when 'shared_key' then '在来源系统中更正该值，或提高规则的 max_records。'
        when 'decision_without_effect' then '改正 identity_override.csv 中的该行，或删除它。'
        else '在 identity_override.csv 加一行：merge(合并)或 split(分开)。'
    end as remedy_zh
from reviews
left join records as l on reviews.subject = l.subject and reviews.left_id = l.record_id
left join records as r on reviews.subject = r.subject and reviews.right_id = r.record_id
