-- One row per project team: how long it took to stand and to answer, and what its quality gates
-- said. Of several reviews the first veto counts, else the last review.
with

teams as (

    select * from {{ ref('int_canonical__project_teams') }}

),

members as (

    select
        project_team_id,
        count(distinct rep_id) as count_members
    from {{ ref('int_canonical__project_members') }}
    group by project_team_id

),

answers as (

    select
        project_team_id,
        min(reached_at) as first_answer_at
    from {{ ref('int_canonical__project_milestones') }}
    where reached_at < {{ as_of_end() }}
    group by project_team_id

),

reviews as (

    select
        gate_review_id,
        project_team_id,
        gate,
        verdict,
        reason,
        reviewed_at,
        count(*) over (partition by project_team_id) as count_reviews,
        row_number() over (
            partition by project_team_id
            order by
                case when verdict = 'rejected' then 0 else 1 end asc nulls last,
                case when verdict = 'rejected' then reviewed_at end asc nulls last,
                reviewed_at desc nulls last,
                gate_review_id asc nulls last
        ) as review_rank
    from {{ ref('int_canonical__gate_reviews') }}
    where verdict <> 'pending' and reviewed_at < {{ as_of_end() }}

),

deciding as (

    select * from reviews
    where review_rank = 1

)

select
    teams.project_team_id,
    teams.source_system,
    teams.project_name,
    teams.project_type,
    teams.opportunity_id,
    teams.needed_at,
    teams.formed_at,
    teams.closed_at,
    case
        when teams.formed_at >= teams.needed_at and teams.formed_at < {{ as_of_end() }}
            then {{ elapsed_hours('teams.needed_at', 'teams.formed_at') }}
    end as formation_hours,
    case
        when answers.first_answer_at >= teams.needed_at
            then {{ elapsed_days('teams.needed_at', 'answers.first_answer_at') }}
    end as response_days,
    answers.first_answer_at,
    members.count_members,
    deciding.gate_review_id,
    deciding.gate,
    deciding.verdict as gate_verdict,
    deciding.reason as gate_reason,
    deciding.reviewed_at,
    coalesce(deciding.count_reviews, 0) as count_reviews,
    deciding.verdict = 'rejected' as is_vetoed,
    teams.first_loaded_at,
    teams.loaded_at
from teams
left join members on teams.project_team_id = members.project_team_id
left join answers on teams.project_team_id = answers.project_team_id
left join deciding on teams.project_team_id = deciding.project_team_id
