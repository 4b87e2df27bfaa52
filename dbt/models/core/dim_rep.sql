-- One row per rep.
with

reps as (

    select * from {{ ref('int_people__reps_with_team') }}

),

teams as (

    select * from {{ ref('dim_team') }}

)

select
    reps.rep_id,
    reps.source_system,
    reps.rep_name,
    reps.team_id,
    teams.team_name,
    coalesce(reps.manager_name, teams.manager_name) as manager_name,
    coalesce(reps.region, teams.region) as region,
    reps.email,
    reps.hired_at,
    reps.is_active,
    reps.first_loaded_at,
    reps.loaded_at
from reps
left join teams on reps.team_id = teams.team_id
