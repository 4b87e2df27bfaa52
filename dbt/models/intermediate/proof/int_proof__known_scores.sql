-- One row per score, cut-off day and subject: the score as it is stored for that day and, beside
-- it, what the rows known on that day give. A subject whose two figures differ was scored with what
-- nobody could know yet. Cut-off days lie a whole horizon apart, so that no outcome counts twice.
with

tests as (

    select * from {{ ref('score_backtest') }}

),

numbers as (

    select
        cast(row_number() over (order by calendar.date_day asc nulls last) as bigint)
            as number_value
    from {{ ref('dim_date') }} as calendar

),

cutoffs as (

    select
        tests.score_id,
        {{ add_days(as_of_date(), '-tests.horizon_days * numbers.number_value') }} as cutoff_date
    from tests
    cross join numbers
    where tests.horizon_days * numbers.number_value <= 3660

),

floors as (

    select threshold_value as floor_points
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'intent_floor_points'

),

-- ---- intent: accounts of systems that keep opportunities ----
hits as (

    select * from {{ ref('fct_intent_signal_hit') }}
    where account_id is not null

),

evidence as (

    select
        signal_hit_id,
        max(known_at) as known_at
    from {{ ref('bridge_intent_signal_evidence') }}
    group by signal_hit_id

),

known_hits as (

    select
        cutoffs.cutoff_date,
        hits.account_id,
        hits.signal_id,
        cast(round(sum(
            hits.weight * power(
                cast(0.5 as double),
                {{ elapsed_days('hits.signal_date', 'cutoffs.cutoff_date') }}
                / cast(hits.half_life_days as double)
            )
        ), 2) as decimal(18, 2)) as signal_points
    from hits
    inner join evidence on hits.signal_hit_id = evidence.signal_hit_id
    cross join floors
    inner join cutoffs
        on
            cutoffs.score_id = 'intent'
            and evidence.known_at < cast({{ add_days('cutoffs.cutoff_date', 1) }} as timestamp)
            and hits.weight >= floors.floor_points
            and {{ add_days(
                'hits.signal_date',
                'floor(hits.half_life_days'
                ~ ' * ln(hits.weight / cast(floors.floor_points as double))'
                ~ ' / cast(0.6931471805599453 as double))'
            ) }} >= cutoffs.cutoff_date
    group by cutoffs.cutoff_date, hits.account_id, hits.signal_id

),

known_intent as (

    select
        cutoff_date,
        account_id,
        sum(signal_points) as known_points
    from known_hits
    group by cutoff_date, account_id

),

stored_intent as (

    select
        score_date,
        account_id,
        score_points
    from {{ ref('fct_intent_score_day') }}
    where level = 'account'

),

first_hit as (

    select min(known_date) as first_date
    from hits

),

selling_systems as (

    select distinct source_system
    from {{ ref('fct_opportunity') }}

),

intent_scores as (

    select
        cutoffs.score_id,
        cutoffs.cutoff_date,
        dim_accounts.account_id as subject_id,
        dim_accounts.industry as segment,
        cast(coalesce(stored_intent.score_points, 0) as double) as score_points,
        cast(coalesce(stored_intent.score_points, 0) as double) as stored_points,
        cast(coalesce(known_intent.known_points, 0) as double) as known_points
    from cutoffs
    inner join first_hit on cutoffs.cutoff_date > first_hit.first_date
    inner join {{ ref('dim_account') }} as dim_accounts
        on cutoffs.score_id = 'intent'
    inner join selling_systems on dim_accounts.source_system = selling_systems.source_system
    left join stored_intent
        on
            dim_accounts.account_id = stored_intent.account_id
            and cutoffs.cutoff_date = stored_intent.score_date
    left join known_intent
        on
            dim_accounts.account_id = known_intent.account_id
            and cutoffs.cutoff_date = known_intent.cutoff_date
    where
        cast(dim_accounts.created_at as date) <= cutoffs.cutoff_date
        or stored_intent.score_points is not null

),

-- ---- depth and breadth: customers ----
index_days as (

    select
        indices.index_date,
        indices.customer_id,
        indices.definition_version,
        indices.depth_points,
        indices.breadth_points,
        indices.touch_points,
        indices.count_accounts
    from {{ ref('fct_relationship_index_day') }} as indices
    where
        indices.basis = 'as_defined'
        and indices.index_date in (select cutoffs.cutoff_date from cutoffs)

),

known_touches as (

    select
        index_days.index_date,
        index_days.customer_id,
        sum(
            touches.weight * power(
                cast(0.5 as double),
                {{ elapsed_days('touches.occurred_date', 'index_days.index_date') }}
                / cast(definitions.half_life_days as double)
            )
        ) as touch_points
    from index_days
    inner join {{ ref('int_relationship__definitions') }} as definitions
        on index_days.definition_version = definitions.definition_version
    inner join {{ ref('int_relationship__weighted_touches') }} as touches
        on
            index_days.customer_id = touches.customer_id
            and index_days.definition_version = touches.definition_version
            and index_days.index_date >= touches.known_date
    group by index_days.index_date, index_days.customer_id

),

reach_days as (

    select
        index_days.index_date,
        index_days.customer_id,
        max_by(reach.count_accounts, reach.reach_date) as count_accounts
    from index_days
    inner join {{ ref('fct_influence_reach_day') }} as reach
        on
            index_days.customer_id = reach.customer_id
            and index_days.index_date >= reach.reach_date
    where reach.basis = 'as_defined'
    group by index_days.index_date, index_days.customer_id

),

customers as (

    select
        customer_id,
        industry
    from {{ ref('dim_customer') }}

),

index_scores as (

    select
        cutoffs.score_id,
        cutoffs.cutoff_date,
        index_days.customer_id as subject_id,
        customers.industry as segment,
        cast(
            case
                when cutoffs.score_id = 'depth' then index_days.depth_points
                else index_days.breadth_points
            end as double
        ) as score_points,
        case
            when cutoffs.score_id = 'depth' then coalesce(index_days.touch_points, 0)
            else cast(coalesce(index_days.count_accounts, 0) as double)
        end as stored_points,
        case
            when cutoffs.score_id = 'depth' then coalesce(known_touches.touch_points, 0)
            else cast(coalesce(reach_days.count_accounts, 0) as double)
        end as known_points
    from cutoffs
    inner join index_days
        on
            cutoffs.score_id in ('depth', 'breadth')
            and cutoffs.cutoff_date = index_days.index_date
    left join customers on index_days.customer_id = customers.customer_id
    left join known_touches
        on
            index_days.index_date = known_touches.index_date
            and index_days.customer_id = known_touches.customer_id
    left join reach_days
        on
            index_days.index_date = reach_days.index_date
            and index_days.customer_id = reach_days.customer_id

),

-- ---- health: weeks. What is scored is the technical and the organisational part: commerce is
-- ---- what the score must say something about ----
health_weeks as (

    select
        week_start,
        avg(cast(attainment_points as double)) as score_points
    from {{ ref('mart_scorecard_family_week') }}
    where family in ('technical', 'organisational')
    group by week_start

),

health_scores as (

    select
        cutoffs.score_id,
        {{ add_days('health_weeks.week_start', 6) }} as cutoff_date,
        'week:' || {{ format_date('health_weeks.week_start', '%Y-%m-%d') }} as subject_id,
        cast(null as string) as segment,
        health_weeks.score_points,
        health_weeks.score_points as stored_points,
        health_weeks.score_points as known_points
    from cutoffs
    inner join health_weeks
        on
            cutoffs.score_id = 'health'
            and health_weeks.week_start <= {{ add_days('cutoffs.cutoff_date', -6) }}
            and health_weeks.week_start > {{ add_days('cutoffs.cutoff_date', -13) }}

),

everything as (

    select * from intent_scores
    union all
    select * from index_scores
    union all
    select * from health_scores

)

select
    score_id,
    cutoff_date,
    subject_id,
    segment,
    score_points,
    abs(stored_points - known_points)
    > 0.000001 * greatest(abs(known_points), cast(1 as double)) as has_later_rows
from everything
where score_points is not null
