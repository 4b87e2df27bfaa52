-- One row per suggestion of the machine, with what the rep made of it.
with

suggestions as (

    select * from {{ ref('fct_suggestion') }}

),

opportunities as (

    select * from {{ ref('int_selling__opportunity_dimensions') }}

),

-- The platform names deals as the CRM does, without the system; a name that two systems use tells
-- nothing.
names as (

    select
        {{ regexp_group('opportunity_id', '^[^:]*:(.*)$', 1) }} as target_id,
        min(opportunity_id) as opportunity_id
    from opportunities
    group by {{ regexp_group('opportunity_id', '^[^:]*:(.*)$', 1) }}
    having count(*) = 1

),

reps as (

    select * from {{ ref('dim_rep') }}

)

select
    suggestions.suggestion_id,
    suggestions.source_system,
    suggestions.rep_id,
    reps.rep_name,
    reps.team_name,
    opportunities.industry,
    coalesce(opportunities.region, reps.region) as region,
    opportunities.channel,
    opportunities.product_line,
    opportunities.account_id,
    opportunities.account_name,
    names.opportunity_id,
    suggestions.suggestion_type,
    suggestions.target_type,
    suggestions.target_id,
    suggestions.value_text,
    suggestions.confidence_ratio,
    suggestions.model_version,
    suggestions.training_data_version,
    suggestions.suggested_at,
    cast(suggestions.suggested_at as date) as period_date,
    suggestions.rep_verdict,
    suggestions.rep_decided_at,
    suggestions.manager_verdict,
    suggestions.manager_decided_at,
    suggestions.rep_verdict is not null as is_answered,
    suggestions.rep_verdict = 'approved' as is_adopted,
    case
        when suggestions.rep_decided_at >= suggestions.suggested_at
            then {{ elapsed_hours('suggestions.suggested_at', 'suggestions.rep_decided_at') }}
    end as answer_hours
from suggestions
left join names
    on
        case when suggestions.target_type in ('deal', 'opportunity') then suggestions.target_id end
        = names.target_id
left join opportunities on names.opportunity_id = opportunities.opportunity_id
left join reps on suggestions.rep_id = reps.rep_id
