-- One row per customer: depth and breadth on the day that counts as today and four weeks before,
-- with their factors, what would move them most, and the play of the quadrant.
with

customers as (

    select * from {{ ref('dim_customer') }}

),

limits as (

    select cast(max(threshold_value) as bigint) as comparison_days
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'relationship_comparison_days'

),

indices as (

    select * from {{ ref('fct_relationship_index_day') }}
    where index_date = {{ as_of_date() }} and basis = 'as_defined'

),

earlier as (

    select
        indices.customer_id,
        indices.depth_points,
        indices.breadth_points
    from {{ ref('fct_relationship_index_day') }} as indices
    inner join limits
        on indices.index_date = {{ add_days(as_of_date(), '-limits.comparison_days') }}
    where indices.basis = 'as_defined'

),

movers as (

    select * from {{ ref('int_relationship__movers') }}
    where index_date = {{ as_of_date() }} and basis = 'as_defined'

),

definitions as (

    select * from {{ ref('int_relationship__definitions') }}
    where is_current

),

channel_texts as (

    select
        channel,
        max_by(name_en, valid_from) as name_en,
        max_by(name_zh, valid_from) as name_zh
    from {{ ref('relationship_channel') }}
    group by channel

),

channel_names as (

    select
        channels.channel_bit,
        channel_texts.name_en,
        channel_texts.name_zh
    from {{ ref('int_relationship__channels') }} as channels
    inner join definitions on channels.definition_version = definitions.definition_version
    inner join channel_texts on channels.channel = channel_texts.channel
    where channels.is_covered

),

silent_channels as (

    select
        {{ string_list('channel_names.name_en') }} as silent_channels_en,
        {{ string_list('channel_names.name_zh', '、') }} as silent_channels_zh
    from {{ ref('int_relationship__channel_days') }} as channel_days
    inner join definitions
        on channel_days.definition_version = definitions.definition_version
    inner join channel_names
        on channel_days.silent_bits & channel_names.channel_bit > 0
    where channel_days.index_date = {{ as_of_date() }}

),

touches as (

    select
        customer_id,
        max(occurred_at) as last_touch_at,
        count(case when occurred_date > {{ add_days(as_of_date(), -90) }} then 1 end)
            as count_touches_90d
    from {{ ref('int_relationship__touches') }}
    group by customer_id

),

opportunities as (

    select
        bridge.customer_id,
        count(*) as count_open_opportunities,
        sum(opportunities.amount * rates.cny_per) as open_opportunity_amount_cny
    from {{ ref('fct_opportunity') }} as opportunities
    inner join {{ ref('bridge_account_customer') }} as bridge
        on opportunities.account_id = bridge.account_id
    left join {{ ref('int_rules__currency_rates') }} as rates
        on
            opportunities.currency = rates.currency
            and {{ as_of_date() }} >= rates.valid_from
            and (rates.valid_until is null or {{ as_of_date() }} < rates.valid_until)
    where opportunities.is_open
    group by bridge.customer_id

),

influences as (

    select
        customer_id,
        influence_points
    from {{ ref('fct_customer_influence') }}

),

plays as (

    select *
    from {{ ref('int_relationship__plays') }}

),

reps as (

    select
        rep_id,
        rep_name
    from {{ ref('dim_rep') }}

),

teams as (

    select
        team_id,
        team_name
    from {{ ref('dim_team') }}

)

select
    customers.customer_id,
    customers.customer_name,
    customers.industry,
    customers.region,
    customers.segment,
    customers.tier,
    customers.team_id,
    teams.team_name,
    customers.owner_rep_id,
    customers.owner_rep_id as rep_id,
    reps.rep_name as owner_name,
    reps.rep_name,
    {{ as_of_date() }} as period_date,
    indices.depth_points,
    indices.breadth_points,
    earlier.depth_points as depth_points_4w_ago,
    earlier.breadth_points as breadth_points_4w_ago,
    indices.quadrant,
    indices.frequency_ratio,
    indices.relevance_ratio,
    indices.coverage_ratio,
    indices.accounts_ratio,
    indices.industries_ratio,
    indices.levels_ratio,
    indices.depth_unknown_factor,
    indices.breadth_unknown_factor,
    case when indices.count_channels_silent > 0 then silent_channels.silent_channels_en end
        as silent_channels_en,
    case when indices.count_channels_silent > 0 then silent_channels.silent_channels_zh end
        as silent_channels_zh,
    indices.depth_points is not null as is_depth_known,
    indices.breadth_points is not null as is_breadth_known,
    indices.depth_points >= definitions.depth_limit_points as is_deep,
    indices.breadth_points >= definitions.breadth_limit_points as is_wide,
    movers.depth_mover_factor,
    movers.depth_mover_gain_points,
    movers.breadth_mover_factor,
    movers.breadth_mover_gain_points,
    plays.play_id,
    plays.play_en,
    plays.play_zh,
    touches.last_touch_at,
    coalesce(touches.count_touches_90d, 0) as count_touches_90d,
    indices.touch_points,
    indices.tau_touches,
    indices.count_channels_active,
    indices.count_channels_available,
    indices.count_accounts,
    indices.count_industries,
    indices.count_levels,
    coalesce(opportunities.count_open_opportunities, 0) as count_open_opportunities,
    cast(opportunities.open_opportunity_amount_cny as double) as open_opportunity_amount_cny,
    influences.influence_points,
    indices.definition_version
from customers
cross join definitions
cross join silent_channels
left join indices on customers.customer_id = indices.customer_id
left join earlier on customers.customer_id = earlier.customer_id
left join movers on customers.customer_id = movers.customer_id
left join plays on coalesce(indices.quadrant, 'unknown') = plays.quadrant
left join touches on customers.customer_id = touches.customer_id
left join opportunities on customers.customer_id = opportunities.customer_id
left join influences on customers.customer_id = influences.customer_id
left join reps on customers.owner_rep_id = reps.rep_id
left join teams on customers.team_id = teams.team_id
