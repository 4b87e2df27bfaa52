-- One row per rep, with a team: the one the source names or, where it names only a manager, the
-- team of that manager.
with

reps as (

    select *
    from {{ ref('int_canonical__reps') }}

)

select
    rep_id,
    source_system,
    rep_name,
    case
        when team_id is not null then team_id
        when manager_name is not null then source_system || ':manager:' || manager_name
    end as team_id,
    team_id is null and manager_name is not null as is_team_derived_from_manager,
    manager_name,
    region,
    email,
    hired_at,
    is_active,
    first_loaded_at,
    loaded_at
from reps
