-- One row per referrer and customer whose influence would be smaller without it, the referrer
-- itself included: the influence worked out again on the graph from which the referrer is taken,
-- not estimated. Who passes influence on is decided on the whole graph.
with

numbers as (

    select * from {{ ref('int_graph__customers') }}

),

influence as (

    select
        influence.*,
        numbers.customer_number
    from {{ ref('fct_customer_influence') }} as influence
    inner join numbers on influence.customer_id = numbers.customer_id
    where influence.influence_accounts > 0

),

referrers as (

    select distinct numbers.customer_number as referrer_customer_number
    from {{ ref('fct_influence_edge') }} as edges
    inner join numbers on edges.from_customer_id = numbers.customer_id
    where edges.edge_type = 'referral' and edges.is_above_threshold

),

paths as (

    select paths.*
    from {{ ref('int_graph__paths') }} as paths
    inner join influence
        on
            paths.source_customer_number = influence.customer_number
            and paths.definition_version = influence.definition_version

),

rules as (

    select max(saturation_accounts) as saturation_accounts
    from {{ ref('int_graph__rules') }}
    where is_latest

),

pairs as (

    select
        source_customer_number,
        target_customer_number,
        max(influence_ratio) as influence_ratio
    from paths
    group by source_customer_number, target_customer_number

),

-- Only where the strongest way leads over the referrer can its absence matter.
over_first as (

    select
        paths.source_customer_number,
        paths.target_customer_number,
        paths.over_1_customer_number as referrer_customer_number,
        pairs.influence_ratio
    from paths
    inner join pairs
        on
            paths.source_customer_number = pairs.source_customer_number
            and paths.target_customer_number = pairs.target_customer_number
            and paths.influence_ratio = pairs.influence_ratio
    where paths.over_1_customer_number is not null

),

over_second as (

    select
        paths.source_customer_number,
        paths.target_customer_number,
        paths.over_2_customer_number as referrer_customer_number,
        pairs.influence_ratio
    from paths
    inner join pairs
        on
            paths.source_customer_number = pairs.source_customer_number
            and paths.target_customer_number = pairs.target_customer_number
            and paths.influence_ratio = pairs.influence_ratio
    where paths.over_2_customer_number is not null

),

over_any as (

    select * from over_first
    union
    select * from over_second

),

over_referrers as (

    select over_any.*
    from over_any
    inner join referrers on over_any.referrer_customer_number = referrers.referrer_customer_number

),

other_ways as (

    select
        over_referrers.source_customer_number,
        over_referrers.target_customer_number,
        over_referrers.referrer_customer_number,
        over_referrers.influence_ratio,
        max(
            case
                when
                    coalesce(paths.over_1_customer_number, 0)
                    <> over_referrers.referrer_customer_number
                    and coalesce(paths.over_2_customer_number, 0)
                    <> over_referrers.referrer_customer_number
                    then paths.influence_ratio
                else 0
            end
        ) as influence_ratio_without
    from over_referrers
    inner join paths
        on
            over_referrers.source_customer_number = paths.source_customer_number
            and over_referrers.target_customer_number = paths.target_customer_number
    group by
        over_referrers.source_customer_number,
        over_referrers.target_customer_number,
        over_referrers.referrer_customer_number,
        over_referrers.influence_ratio

),

losses as (

    select
        referrer_customer_number,
        source_customer_number as customer_number,
        influence_ratio - influence_ratio_without as lost_ratio,
        case when influence_ratio_without = 0 then 1 else 0 end as count_lost
    from other_ways
    where influence_ratio_without < influence_ratio
    union all
    -- The referrer as somebody to influence.
    select
        referrers.referrer_customer_number,
        pairs.source_customer_number as customer_number,
        pairs.influence_ratio as lost_ratio,
        1 as count_lost
    from pairs
    inner join referrers on pairs.target_customer_number = referrers.referrer_customer_number
    union all
    -- And its own influence.
    select
        referrers.referrer_customer_number,
        influence.customer_number,
        influence.influence_accounts as lost_ratio,
        influence.count_accounts_influenced as count_lost
    from influence
    inner join referrers on influence.customer_number = referrers.referrer_customer_number

),

lost as (

    select
        referrer_customer_number,
        customer_number,
        sum(lost_ratio) as lost_ratio,
        sum(count_lost) as count_lost
    from losses
    group by referrer_customer_number, customer_number

),

worked_out as (

    select
        lost.referrer_customer_number,
        lost.customer_number,
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
    inner join influence on lost.customer_number = influence.customer_number
    cross join rules

),

customers as (

    select
        numbers.customer_number,
        customers.customer_id,
        customers.customer_name,
        customers.industry
    from numbers
    inner join {{ ref('dim_customer') }} as customers
        on numbers.customer_id = customers.customer_id

)

select
    referrers.customer_id || '|' || customers.customer_id as referrer_sensitivity_id,
    referrers.customer_id as referrer_customer_id,
    referrers.customer_name as referrer_customer_name,
    customers.customer_id,
    customers.customer_name,
    customers.industry,
    worked_out.referrer_customer_number = worked_out.customer_number as is_referrer_itself,
    worked_out.influence_points,
    worked_out.influence_points_without,
    worked_out.influence_points - worked_out.influence_points_without as lost_points,
    worked_out.count_accounts_influenced,
    worked_out.count_accounts_lost
from worked_out
inner join customers as referrers
    on worked_out.referrer_customer_number = referrers.customer_number
inner join customers on worked_out.customer_number = customers.customer_number
