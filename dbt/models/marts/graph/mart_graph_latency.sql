-- One row per touch of an opportunity: how long until the graph knew of it. It knew when the touch
-- was recorded, or when it was loaded if it came with a later load than the first of its system:
-- what the first load brought was there before. Of each opportunity one row stands for it (its
-- first touch), so that conversion counts opportunities once.
with

limits as (

    select threshold_value as fast_hours
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'graph_latency_hours'

),

activities as (

    select
        *,
        min(first_loaded_at) over (partition by source_system) as system_loaded_at
    from {{ ref('fct_activity') }}

),

opportunities as (

    select
        opportunities.*,
        dimensions.rep_name,
        dimensions.team_name,
        dimensions.industry,
        dimensions.region,
        dimensions.account_name
    from {{ ref('fct_opportunity') }} as opportunities
    left join {{ ref('int_selling__opportunity_dimensions') }} as dimensions
        on opportunities.opportunity_id = dimensions.opportunity_id

),

accounts as (

    select
        account_id,
        customer_id
    from {{ ref('bridge_account_customer') }}

),

updated as (

    select
        activity_id,
        source_system,
        opportunity_id,
        channel,
        occurred_at as touched_at,
        -- A load behind the day that counts as today has no meaning on that day.
        case
            when
                first_loaded_at > system_loaded_at
                and first_loaded_at < {{ as_of_end() }}
                and (recorded_at is null or first_loaded_at > recorded_at)
                then first_loaded_at
            else recorded_at
        end as graph_updated_at
    from activities
    where opportunity_id is not null and occurred_at < {{ as_of_end() }}

),

timed as (

    select
        updated.*,
        case
            when updated.graph_updated_at >= updated.touched_at
                then {{ elapsed_hours('updated.touched_at', 'updated.graph_updated_at') }}
        end as latency_hours
    from updated

),

-- What was touched after the close cannot have helped to it.
by_opportunity as (

    select
        timed.opportunity_id,
        min(timed.touched_at) as first_touched_at,
        {{ median_of('timed.latency_hours') }} as median_latency_hours
    from timed
    inner join opportunities on timed.opportunity_id = opportunities.opportunity_id
    where opportunities.closed_at is null or timed.touched_at <= opportunities.closed_at
    group by timed.opportunity_id

),

ranked as (

    select
        timed.*,
        row_number() over (
            partition by timed.opportunity_id
            order by timed.touched_at asc nulls last, timed.activity_id asc nulls last
        ) as touch_rank
    from timed

)

select
    ranked.activity_id,
    ranked.source_system,
    ranked.opportunity_id,
    opportunities.opportunity_name,
    opportunities.account_id,
    opportunities.account_name,
    accounts.customer_id,
    opportunities.industry,
    opportunities.region,
    opportunities.team_name,
    opportunities.owner_rep_id as rep_id,
    opportunities.rep_name,
    ranked.channel,
    ranked.touched_at,
    ranked.graph_updated_at,
    cast(ranked.touched_at as date) as period_date,
    ranked.latency_hours,
    ranked.latency_hours > limits.fast_hours as is_over_2h,
    opportunities.is_won as is_converted,
    ranked.touch_rank = 1 as is_opportunity_row,
    by_opportunity.median_latency_hours as opportunity_latency_hours,
    ranked.touch_rank = 1
    and coalesce(opportunities.is_closed, false)
    and coalesce(by_opportunity.median_latency_hours <= limits.fast_hours, false)
        as is_fast_decided,
    ranked.touch_rank = 1
    and coalesce(opportunities.is_won, false)
    and coalesce(by_opportunity.median_latency_hours <= limits.fast_hours, false)
        as is_fast_converted,
    ranked.touch_rank = 1
    and coalesce(opportunities.is_closed, false)
    and coalesce(by_opportunity.median_latency_hours > limits.fast_hours, false)
        as is_slow_decided,
    ranked.touch_rank = 1
    and coalesce(opportunities.is_won, false)
    and coalesce(by_opportunity.median_latency_hours > limits.fast_hours, false)
        as is_slow_converted
from ranked
inner join opportunities on ranked.opportunity_id = opportunities.opportunity_id
left join by_opportunity on ranked.opportunity_id = by_opportunity.opportunity_id
left join accounts on opportunities.account_id = accounts.account_id
cross join limits
