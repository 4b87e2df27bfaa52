-- One row per referrer and customer whose influence would be smaller without it, the referrer
-- itself included: the influence worked out again on the graph from which the referrer is taken,
-- not estimated. Who passes influence on is decided on the whole graph.
with

paths as (

    select paths.*
    from {{ ref('int_graph__paths') }} as paths
    inner join {{ ref('fct_customer_influence') }} as influence
        on
            paths.source_customer_id = influence.customer_id
            and paths.definition_version = influence.definition_version

),

influence as (

    select * from {{ ref('fct_customer_influence') }}
    where influence_accounts > 0

),

referrers as (

    select distinct from_customer_id as referrer_customer_id
    from {{ ref('fct_influence_edge') }}
    where edge_type = 'referral' and is_above_threshold

),

rules as (

    select max(saturation_accounts) as saturation_accounts
    from {{ ref('int_graph__rules') }}
    where is_latest

),

pairs as (

    select
        source_customer_id,
        target_customer_id,
        max(influence_ratio) as influence_ratio
    from paths
    group by source_customer_id, target_customer_id

),

-- Only where the strongest way leads over the referrer can its absence matter.
over_first as (

    select
        paths.source_customer_id,
        paths.target_customer_id,
        paths.over_1_customer_id as referrer_customer_id,
        pairs.influence_ratio
    from paths
    inner join pairs
        on
            paths.source_customer_id = pairs.source_customer_id
            and paths.target_customer_id = pairs.target_customer_id
            and paths.influence_ratio = pairs.influence_ratio
    where paths.over_1_customer_id is not null

),

over_second as (

    select
        paths.source_customer_id,
        paths.target_customer_id,
        paths.over_2_customer_id as referrer_customer_id,
        pairs.influence_ratio
    from paths
    inner join pairs
        on
            paths.source_customer_id = pairs.source_customer_id
            and paths.target_customer_id = pairs.target_customer_id
            and paths.influence_ratio = pairs.influence_ratio
    where paths.over_2_customer_id is not null

),

over_any as (

    select * from over_first
    union
    select * from over_second

),

over_referrers as (

    select over_any.*
    from over_any
    inner join referrers on over_any.referrer_customer_id = referrers.referrer_customer_id

),

other_ways as (

    select
        over_referrers.source_customer_id,
        over_referrers.target_customer_id,
        over_referrers.referrer_customer_id,
        over_referrers.influence_ratio,
        max(
            case
                when
                    coalesce(paths.over_1_customer_id, '') <> over_referrers.referrer_customer_id
                    and coalesce(paths.over_2_customer_id, '')
                    <> over_referrers.referrer_customer_id
                    then paths.influence_ratio
                else 0
            end
        ) as influence_ratio_without
    from over_referrers
    inner join paths
        on
            over_referrers.source_customer_id = paths.source_customer_id
            and over_referrers.target_customer_id = paths.target_customer_id
    group by
        over_referrers.source_customer_id,
        over_referrers.target_customer_id,
        over_referrers.referrer_customer_id,
        over_referrers.influence_ratio

),

losses as (

    select
        referrer_customer_id,
        source_customer_id as customer_id,
        influence_ratio - influence_ratio_without as lost_ratio,
        case when influence_ratio_without = 0 then 1 else 0 end as count_lost
    from other_ways
    where influence_ratio_without < influence_ratio
    union all
    -- The referrer as somebody to influence.
    select
        referrers.referrer_customer_id,
        pairs.source_customer_id as customer_id,
        pairs.influence_ratio as lost_ratio,
        1 as count_lost
    from pairs
    inner join referrers on pairs.target_customer_id = referrers.referrer_customer_id
    union all
    -- And its own influence.
    select
        referrers.referrer_customer_id,
        influence.customer_id,
        influence.influence_accounts as lost_ratio,
        influence.count_accounts_influenced as count_lost
    from influence
    inner join referrers on influence.customer_id = referrers.referrer_customer_id

),

lost as (

    select
        referrer_customer_id,
        customer_id,
        sum(lost_ratio) as lost_ratio,
        sum(count_lost) as count_lost
    from losses
    group by referrer_customer_id, customer_id

),

worked_out as (

    select
        lost.referrer_customer_id,
        lost.customer_id,
        influence.influence_points,
        case
            when lost.count_lost = influence.count_accounts_influenced then 0
            else
                {{ influence_points(
                    'influence.influence_accounts - lost.lost_ratio', 'rules.saturation_accounts'
                ) }}
        end as influence_points_without,
        influence.count_accounts_influenced,
        cast(lost.count_lost as bigint) as count_accounts_lost
    from lost
    inner join influence on lost.customer_id = influence.customer_id
    cross join rules

),

customers as (

    select
        customer_id,
        customer_name,
        industry
    from {{ ref('dim_customer') }}

)

select
    worked_out.referrer_customer_id || '|' || worked_out.customer_id as referrer_sensitivity_id,
    worked_out.referrer_customer_id,
    referrers.customer_name as referrer_customer_name,
    worked_out.customer_id,
    customers.customer_name,
    customers.industry,
    worked_out.referrer_customer_id = worked_out.customer_id as is_referrer_itself,
    worked_out.influence_points,
    worked_out.influence_points_without,
    worked_out.influence_points - worked_out.influence_points_without as lost_points,
    worked_out.count_accounts_influenced,
    worked_out.count_accounts_lost
from worked_out
left join customers as referrers on worked_out.referrer_customer_id = referrers.customer_id
left join customers on worked_out.customer_id = customers.customer_id
