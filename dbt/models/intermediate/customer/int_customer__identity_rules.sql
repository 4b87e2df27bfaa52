-- One row per rule of identity: the row valid on the day that counts as today.
with

rules as (

    select * from {{ ref('identity_rule') }}

),

begun as (

    select
        rule_id,
        subject,
        kind,
        key_columns,
        confidence,
        max_records,
        contradicted_by,
        min_name_similarity,
        name_en,
        name_zh,
        row_number() over (
            partition by rule_id order by valid_from desc nulls last
        ) as age_rank
    from rules
    where valid_from <= {{ as_of_date() }}

)

select
    rule_id,
    subject,
    kind,
    key_columns,
    confidence,
    max_records,
    contradicted_by,
    min_name_similarity,
    name_en,
    name_zh
from begun
where age_rank = 1
