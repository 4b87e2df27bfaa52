-- One row per case of a trap of which something can be said, with the row behind it.
with

examined as (

    select
        trap_id,
        subject_type,
        subject_id,
        subject_name,
        occurred_at,
        coalesce(value_1, '–') as value_1,
        coalesce(value_2, '–') as value_2,
        coalesce(value_3, '–') as value_3,
        row_object,
        row_id
    from {{ ref('int_traps__examined') }}
    where is_case

),

traps as (

    select traps.*
    from {{ ref('trap') }} as traps
    inner join {{ ref('mart_trap') }} as judged on traps.trap_id = judged.trap_id
    where judged.unknown_reason is null

),

worded as (

    select
        examined.*,
        replace(replace(traps.evidence_en, '{1}', examined.value_1), '{2}', examined.value_2)
            as text_en,
        replace(replace(traps.evidence_zh, '{1}', examined.value_1), '{2}', examined.value_2)
            as text_zh
    from examined
    inner join traps on examined.trap_id = traps.trap_id

)

select
    trap_id || ':' || row_id as trap_evidence_id,
    trap_id,
    subject_type,
    subject_id,
    subject_name,
    occurred_at,
    cast(occurred_at as date) as period_date,
    replace(text_en, '{3}', value_3) as evidence_en,
    replace(text_zh, '{3}', value_3) as evidence_zh,
    row_object,
    row_id
from worded
