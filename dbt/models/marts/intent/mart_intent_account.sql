-- One row per account that ever gave a signal: its score on the day that counts as today and four
-- weeks before, with what makes it up.
with

signals as (

    select
        account_id,
        count(*) as count_signals_ever,
        max(occurred_at) as last_signal_at
    from {{ ref('fct_intent_signal_hit') }}
    where account_id is not null
    group by account_id

),

scores as (

    select * from {{ ref('fct_intent_score_day') }}
    where level = 'account'

),

limits as (

    select
        max(case when threshold_id = 'high_intent_points' then threshold_value end) as high_points,
        max(
            case when threshold_id = 'medium_intent_points' then threshold_value end
        ) as medium_points,
        max(
            case when threshold_id = 'intent_comparison_days' then threshold_value end
        ) as comparison_days
    from {{ ref('int_rules__thresholds') }}

),

factors as (

    select
        factors.account_id,
        rules.name_en,
        rules.name_zh,
        factors.points,
        row_number() over (
            partition by factors.account_id
            order by factors.points desc nulls last, factors.signal_id asc nulls last
        ) as factor_rank
    from {{ ref('fct_intent_score_factor') }} as factors
    inner join {{ ref('int_intent__rules') }} as rules
        on factors.signal_id = rules.signal_id and rules.is_latest
    where factors.level = 'account' and factors.score_date = {{ as_of_date() }}

),

named_factors as (

    select
        account_id,
        factor_rank,
        case when factor_rank > 1 then ' · ' else '' end
        || name_en || ' ' || cast(points as string) as factor_en,
        case when factor_rank > 1 then ' · ' else '' end
        || name_zh || ' ' || cast(points as string) as factor_zh
    from factors
    where factor_rank <= 3

),

top_factors as (

    select
        account_id,
        max(case when factor_rank = 1 then factor_en end)
        || coalesce(max(case when factor_rank = 2 then factor_en end), '')
        || coalesce(max(case when factor_rank = 3 then factor_en end), '') as top_factors_en,
        max(case when factor_rank = 1 then factor_zh end)
        || coalesce(max(case when factor_rank = 2 then factor_zh end), '')
        || coalesce(max(case when factor_rank = 3 then factor_zh end), '') as top_factors_zh
    from named_factors
    group by account_id

),

open_opportunities as (

    select
        account_id,
        count(*) as count_open
    from {{ ref('fct_opportunity') }}
    where is_open
    group by account_id

),

open_leads as (

    select
        account_id,
        count(*) as count_open
    from {{ ref('int_intent__lead_subjects') }}
    where is_lead_open
    group by account_id

),

accounts as (

    select * from {{ ref('dim_account') }}

),

reps as (

    select * from {{ ref('dim_rep') }}

),

scored as (

    select
        signals.account_id,
        signals.count_signals_ever,
        signals.last_signal_at,
        coalesce(current_scores.score_points, cast(0 as decimal(18, 2))) as score_points,
        coalesce(earlier_scores.score_points, cast(0 as decimal(18, 2))) as score_points_before,
        coalesce(current_scores.count_signals, 0) as count_signals,
        limits.high_points,
        limits.medium_points
    from signals
    cross join limits
    left join scores as current_scores
        on
            signals.account_id = current_scores.account_id
            and current_scores.score_date = {{ as_of_date() }}
    left join scores as earlier_scores
        on
            signals.account_id = earlier_scores.account_id
            and earlier_scores.score_date
            = {{ add_days(as_of_date(), '-limits.comparison_days') }}

)

select
    scored.account_id,
    accounts.account_name,
    accounts.source_system,
    accounts.industry,
    coalesce(accounts.region, reps.region) as region,
    reps.team_name,
    accounts.owner_rep_id as rep_id,
    reps.rep_name,
    scored.score_points,
    scored.score_points_before,
    case
        when scored.score_points >= scored.high_points then 'high'
        when scored.score_points >= scored.medium_points then 'medium'
        when scored.score_points > 0 then 'low'
        else 'none'
    end as intent_level,
    scored.score_points >= scored.high_points as is_high_intent,
    scored.count_signals,
    scored.count_signals_ever,
    scored.last_signal_at,
    cast(scored.last_signal_at as date) as period_date,
    top_factors.top_factors_en,
    top_factors.top_factors_zh,
    coalesce(open_opportunities.count_open, 0) as count_open_opportunities,
    coalesce(open_leads.count_open, 0) as count_open_leads
from scored
left join accounts on scored.account_id = accounts.account_id
left join reps on accounts.owner_rep_id = reps.rep_id
left join top_factors on scored.account_id = top_factors.account_id
left join open_opportunities on scored.account_id = open_opportunities.account_id
left join open_leads on scored.account_id = open_leads.account_id
