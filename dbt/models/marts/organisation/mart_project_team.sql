-- One row per project team.
with

teams as (

    select * from {{ ref('fct_project_team') }}

),

dimensions as (

    select * from {{ ref('int_selling__opportunity_dimensions') }}

),

opportunities as (

    select
        opportunity_id,
        is_won
    from {{ ref('fct_opportunity') }}

)

select
    teams.project_team_id,
    teams.project_name,
    teams.project_type,
    teams.source_system,
    dimensions.rep_id,
    dimensions.rep_name,
    dimensions.team_name,
    dimensions.industry,
    dimensions.region,
    dimensions.channel,
    dimensions.product_line,
    dimensions.account_id,
    dimensions.account_name,
    teams.opportunity_id,
    opportunities.is_won,
    teams.needed_at,
    teams.formed_at,
    case when teams.formation_hours is not null then cast(teams.formed_at as date) end
        as period_date,
    teams.formation_hours,
    teams.first_answer_at,
    teams.response_days,
    teams.count_members,
    teams.gate,
    teams.gate_verdict,
    teams.gate_reason,
    teams.reviewed_at,
    teams.count_reviews,
    teams.gate_verdict is not null as is_reviewed,
    teams.is_vetoed,
    teams.closed_at
from teams
left join dimensions on teams.opportunity_id = dimensions.opportunity_id
left join opportunities on teams.opportunity_id = opportunities.opportunity_id
