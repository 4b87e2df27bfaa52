-- One row per pair of accounts or contacts that a key, a match weight or a decision of people
-- speaks for or against, with the evidence and what came of it. A link that a cut took apart is in
-- review.
with

accounts as (

    select
        'account' as subject,
        links.left_id,
        links.right_id,
        links.method,
        links.rule_id,
        links.match_weight,
        links.match_probability,
        least(links.strength, 1.0e0) as confidence_ratio,
        links.status,
        l.customer_id <> r.customer_id as is_apart,
        links.evidence_en,
        links.evidence_zh
    from {{ ref('int_customer__account_links') }} as links
    inner join {{ ref('bridge_account_customer') }} as l on links.left_id = l.account_id
    inner join {{ ref('bridge_account_customer') }} as r on links.right_id = r.account_id

),

contacts as (

    select
        'contact' as subject,
        links.left_id,
        links.right_id,
        links.method,
        links.rule_id,
        links.match_weight,
        links.match_probability,
        least(links.strength, 1.0e0) as confidence_ratio,
        links.status,
        l.person_id <> r.person_id as is_apart,
        links.evidence_en,
        links.evidence_zh
    from {{ ref('int_customer__contact_links') }} as links
    inner join {{ ref('bridge_contact_person') }} as l on links.left_id = l.contact_id
    inner join {{ ref('bridge_contact_person') }} as r on links.right_id = r.contact_id

),

links as (

    select * from accounts
    union all
    select * from contacts

)

select
    md5(subject || '|' || left_id || '|' || right_id) as identity_link_id,
    subject,
    left_id,
    right_id,
    method,
    rule_id,
    match_weight,
    match_probability,
    confidence_ratio,
    case when status = 'linked' and is_apart then 'review' else status end as status,
    status = 'linked' and is_apart as is_cut,
    evidence_en,
    evidence_zh
from links
