-- What: the contributions of the metrics are exactly the attainment of their family and of the
-- whole, and the changes since last week are exactly the change of the family.
-- Why: a page says which metric moved the score; what it says must be all that moved it.
with

metrics as (

    select * from {{ ref('mart_scorecard_metric_week') }}

),

families as (

    select * from {{ ref('mart_scorecard_family_week') }}

),

sums as (

    select
        family,
        week_start,
        sum(family_contribution_points) as contribution_points,
        sum(contribution_change_points) as change_points
    from metrics
    group by family, week_start
    union all
    select
        'all' as family, -- noqa: RF04
        week_start,
        sum(total_contribution_points) as contribution_points,
        sum(total_change_points) as change_points
    from metrics
    group by week_start

)

select
    families.family,
    families.week_start,
    families.attainment_points,
    sums.contribution_points
from families
full join sums
    on families.family = sums.family and families.week_start = sums.week_start
where
    families.family is null
    or sums.family is null
    or (families.attainment_points is null) <> (sums.contribution_points is null)
    or abs(families.attainment_points - sums.contribution_points) > 1e-9
    or abs(families.change_points - sums.change_points) > 1e-9
