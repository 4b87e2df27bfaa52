-- One row per change of a rule.
with

changes as (

    select * from {{ ref('int_canonical__config_changes') }}

)

select
    config_change_id,
    source_system,
    rule_table,
    rule_id,
    changed_by,
    is_business_user,
    requested_at,
    changed_at,
    cast(changed_at as date) as period_date,
    case
        when changed_at >= requested_at then {{ elapsed_days('requested_at', 'changed_at') }}
    end as iteration_days
from changes
