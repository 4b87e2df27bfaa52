-- One row per contact, with the person behind the rows of several systems and the customer that
-- person belongs to.
with

bridge as (

    {{ identity_bridge('contact') }}

),

firms as (

    select * from {{ ref('int_customer__contact_firms') }}

),

ranks as (

    select
        record_id,
        record_rank
    from {{ ref('int_customer__contact_records') }}

),

-- A person belongs to the firm that its best record states, else to the one most touches name.
employers as (

    select
        bridge.person_id,
        firms.customer_id,
        row_number() over (
            partition by bridge.person_id
            order by
                firms.basis_rank asc nulls last,
                ranks.record_rank asc nulls last,
                firms.count_touches desc nulls last,
                firms.customer_id asc nulls last
        ) as employer_rank
    from bridge
    inner join firms on bridge.contact_id = firms.contact_id
    inner join ranks on bridge.contact_id = ranks.record_id
    where firms.basis <> 'former'

)

select
    bridge.contact_id,
    bridge.person_id,
    employers.customer_id,
    bridge.source_system,
    bridge.is_representative,
    bridge.link_rule,
    bridge.match_weight,
    bridge.confidence_ratio
from bridge
left join employers on bridge.person_id = employers.person_id and employers.employer_rank = 1
