-- One row per trap and rule (per name, where a rule names something): the value valid on the day
-- that counts as today.
with

rules as (

    select * from {{ ref('trap_rule') }}

),

begun as (

    select
        trap_id,
        rule,
        value as rule_value,
        text_value as rule_text,
        row_number() over (
            partition by trap_id, rule, text_value order by valid_from desc nulls last
        ) as age_rank
    from rules
    where valid_from <= {{ as_of_date() }}

)

select
    trap_id,
    rule,
    rule_value,
    rule_text
from begun
where age_rank = 1
