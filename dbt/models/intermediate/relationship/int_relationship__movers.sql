-- One row per customer, day and basis: by how many points one step in each factor (a rule row: one
-- more channel, four more touches …) would raise the index while the others stay as they are.
with

indices as (

    select * from {{ ref('fct_relationship_index_day') }}

),

definitions as (

    select * from {{ ref('int_relationship__definitions') }}

),

begun as (

    select
        factor_id,
        step_value,
        row_number() over (partition by factor_id order by valid_from desc nulls last) as age_rank
    from {{ ref('relationship_factor') }}
    where valid_from <= {{ as_of_date() }}

),

steps as (

    select
        max(case when factor_id = 'frequency' then cast(step_value as double) end)
            as frequency_step,
        max(case when factor_id = 'relevance' then cast(step_value as double) end)
            as relevance_step,
        max(case when factor_id = 'coverage' then cast(step_value as double) end)
            as coverage_step,
        max(case when factor_id = 'accounts' then cast(step_value as double) end)
            as accounts_step,
        max(case when factor_id = 'industries' then cast(step_value as double) end)
            as industries_step,
        max(case when factor_id = 'levels' then cast(step_value as double) end)
            as levels_step
    from begun
    where age_rank = 1

),

raised as (

    select
        indices.*,
        1 - exp(
            -{{ safe_ratio('indices.touch_points + steps.frequency_step', 'indices.tau_touches') }}
        ) as frequency_raised,
        {{ safe_ratio(
            'indices.overlap_points + steps.relevance_step',
            'indices.topic_points + steps.relevance_step'
        ) }} as relevance_raised,
        least(
            1,
            {{ safe_ratio(
                'indices.count_channels_active + steps.coverage_step',
                'indices.count_channels_available'
            ) }}
        ) as coverage_raised,
        1 - exp(
            -{{ safe_ratio(
                'indices.count_accounts + steps.accounts_step', 'definitions.breadth_tau_accounts'
            ) }}
        ) as accounts_raised,
        1 - exp(
            -{{ safe_ratio(
                'indices.count_industries + steps.industries_step', 'definitions.breadth_tau_industries'
            ) }}
        ) as industries_raised,
        1 - exp(
            -{{ safe_ratio(
                'indices.count_levels + steps.levels_step', 'definitions.breadth_tau_levels'
            ) }}
        ) as levels_raised
    from indices
    inner join definitions on indices.definition_version = definitions.definition_version
    cross join steps

),

gains as (

    select
        relationship_index_day_id,
        customer_id,
        index_date,
        basis,
        definition_version,
        depth_points,
        breadth_points,
        100 * (frequency_raised - frequency_ratio) * relevance_ratio * coverage_ratio
            as frequency_gain,
        100 * (relevance_raised - relevance_ratio) * frequency_ratio * coverage_ratio
            as relevance_gain,
        100 * (coverage_raised - coverage_ratio) * frequency_ratio * relevance_ratio
            as coverage_gain,
        100 * (accounts_raised - accounts_ratio) * industries_ratio * levels_ratio
            as accounts_gain,
        100 * (industries_raised - industries_ratio) * accounts_ratio * levels_ratio
            as industries_gain,
        100 * (levels_raised - levels_ratio) * accounts_ratio * industries_ratio as levels_gain
    from raised

),

best as (

    select
        relationship_index_day_id,
        customer_id,
        index_date,
        basis,
        definition_version,
        depth_points,
        breadth_points,
        round(frequency_gain, 2) as frequency_gain,
        round(relevance_gain, 2) as relevance_gain,
        round(coverage_gain, 2) as coverage_gain,
        round(accounts_gain, 2) as accounts_gain,
        round(industries_gain, 2) as industries_gain,
        round(levels_gain, 2) as levels_gain,
        round(greatest(frequency_gain, relevance_gain, coverage_gain), 2) as depth_gain,
        round(greatest(accounts_gain, industries_gain, levels_gain), 2) as breadth_gain
    from gains

)

-- Where nothing has been reached yet, no single step moves the product; the first step then is the
-- first factor.
select
    relationship_index_day_id,
    customer_id,
    index_date,
    basis,
    definition_version,
    depth_points,
    breadth_points,
    case
        when depth_points is null then null
        when frequency_gain = depth_gain then 'frequency'
        when relevance_gain = depth_gain then 'relevance'
        else 'coverage'
    end as depth_mover_factor,
    case when depth_points is not null then depth_gain end as depth_mover_gain_points,
    case
        when breadth_points is null then null
        when accounts_gain = breadth_gain then 'accounts'
        when industries_gain = breadth_gain then 'industries'
        else 'levels'
    end as breadth_mover_factor,
    case when breadth_points is not null then breadth_gain end as breadth_mover_gain_points
from best
