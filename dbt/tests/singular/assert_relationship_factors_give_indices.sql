-- What: in every row depth is exactly 100 · frequency · relevance · coverage and breadth exactly
-- 100 · accounts · industries · levels; an index is unknown just where a factor is, and names it;
-- no factor is below 0 or above 1; a restated row stands beside one as defined.
-- Why: a page shows the index beside its factors; whoever multiplies must get the same.
with

indices as (

    select * from {{ ref('fct_relationship_index_day') }}

),

bases as (

    select
        customer_id,
        index_date,
        count(case when basis = 'as_defined' then 1 end) as count_as_defined
    from indices
    group by customer_id, index_date

)

select
    relationship_index_day_id,
    'factors' as problem
from indices
where
    depth_points is distinct from 100 * frequency_ratio * relevance_ratio * coverage_ratio
    or breadth_points is distinct from 100 * accounts_ratio * industries_ratio * levels_ratio
    or (depth_points is null) <> (depth_unknown_factor is not null)
    or (breadth_points is null) <> (breadth_unknown_factor is not null)
    or least(
        coalesce(frequency_ratio, 0), coalesce(relevance_ratio, 0), coalesce(coverage_ratio, 0),
        coalesce(accounts_ratio, 0), coalesce(industries_ratio, 0), coalesce(levels_ratio, 0)
    ) < 0
    or greatest(
        coalesce(frequency_ratio, 0), coalesce(relevance_ratio, 0), coalesce(coverage_ratio, 0),
        coalesce(accounts_ratio, 0), coalesce(industries_ratio, 0), coalesce(levels_ratio, 0)
    ) > 1
union all
select
    customer_id || '|' || cast(index_date as string) as relationship_index_day_id,
    'restated without a row as defined' as problem
from bases
where count_as_defined = 0
