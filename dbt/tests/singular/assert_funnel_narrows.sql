-- What: per system, no stage on the way to won is reached by more opportunities than the stage
-- before it.
-- Why: stages that an opportunity must have passed are filled in; if one were forgotten the funnel
-- would widen and stage conversion exceed 100 %.
with

reached as (

    select
        reached_stages.source_system,
        reached_stages.stage_order,
        count(*) as count_opportunities
    from {{ ref('mart_funnel_stage') }} as reached_stages
    inner join {{ ref('funnel_stage') }} as funnel_stages
        on reached_stages.funnel_stage = funnel_stages.funnel_stage
    where not funnel_stages.is_closed or funnel_stages.is_won
    group by reached_stages.source_system, reached_stages.stage_order

),

compared as (

    select
        source_system,
        stage_order,
        count_opportunities,
        lag(count_opportunities) over (
            partition by source_system order by stage_order asc nulls last
        ) as count_before
    from reached

)

select *
from compared
where count_opportunities > count_before
