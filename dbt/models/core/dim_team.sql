-- One row per team: the teams a source has, and, for reps of a source that knows managers but no
-- teams, one team per manager.
with

source_teams as (

    select
        team_id,
        source_system,
        team_name,
        region,
        manager_name,
        false as is_derived_from_manager
    from {{ ref('int_canonical__teams') }}

),

manager_teams as (

    select
        team_id,
        source_system,
        manager_name as team_name,
        min(region) as region,
        manager_name,
        true as is_derived_from_manager
    from {{ ref('int_people__reps_with_team') }}
    where is_team_derived_from_manager
    group by team_id, source_system, manager_name

)

select
    team_id,
    source_system,
    team_name,
    region,
    manager_name,
    is_derived_from_manager
from source_teams
union all
select
    team_id,
    source_system,
    team_name,
    region,
    manager_name,
    is_derived_from_manager
from manager_teams
