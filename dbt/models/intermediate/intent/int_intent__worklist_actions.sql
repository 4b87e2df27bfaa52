-- One row per action that somebody took on a worklist, numbered as they were stored within their
-- list and item. Actions after the day that counts as today are kept: they were done, and who
-- looks at a past day must see them; what came of them is too early to say.
with

actions as (

    select * from {{ source('ops', 'worklist_actions') }}

)

select
    action_id,
    list as list_name,
    subject_id,
    action,
    value,
    cast(until as date) as until_date,
    note,
    actor,
    cast(acted_at as timestamp) as acted_at,
    version_id,
    row_number() over (
        partition by list, subject_id
        order by sequence asc nulls last, acted_at asc nulls last, action_id asc nulls last
    ) as action_number
from actions
