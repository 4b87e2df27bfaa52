-- One row per rule of visitor links: the row valid on the day that counts as today.
with

rules as (

    select * from {{ ref('visitor_link_rule') }}

),

begun as (

    select
        link_rule_id,
        evidence_kind,
        matched_by,
        matched_value,
        confidence,
        name_en,
        name_zh,
        row_number() over (
            partition by link_rule_id order by valid_from desc nulls last
        ) as age_rank
    from rules
    where valid_from <= {{ as_of_date() }}

)

select
    link_rule_id,
    evidence_kind,
    matched_by,
    matched_value,
    confidence,
    -- A network or domain that anybody may use: it identifies nobody, and hides wider ranges.
    matched_by in ('shared_range', 'shared_domain') as is_shared,
    name_en,
    name_zh
from begun
where age_rank = 1
