-- One row per lag in weeks: whether what the organisation attains is followed, that many weeks
-- later, by what commerce attains. The association is held against the same changes of the
-- organisation in other orders. How sure the lag is comes from its residuals, drawn in blocks.
with

series as (

    select * from {{ ref('int_proof__lead_lag_series') }}

),

leading_series as (

    select * from {{ ref('int_proof__lead_lag_orders') }}

),

associations as (

    select * from {{ ref('int_proof__lead_lag_associations') }}

),

pairs as (

    select * from {{ ref('int_proof__lead_lag_pairs') }}

),

limits as (

    select
        max(case when threshold_id = 'lead_lag_max_weeks' then threshold_value end) as max_weeks,
        max(case when threshold_id = 'lead_lag_min_weeks' then threshold_value end) as min_weeks,
        max(case when threshold_id = 'lead_lag_block_weeks' then threshold_value end)
            as block_weeks,
        max(case when threshold_id = 'lead_lag_max_probability' then threshold_value end)
            as max_probability,
        max(case when threshold_id = 'lead_lag_min_rest_association' then threshold_value end)
            as min_rest_association
    from {{ ref('int_rules__thresholds') }}

),

numbers as (

    select
        cast(row_number() over (order by calendar.date_day asc nulls last) - 1 as bigint)
            as number_value
    from {{ ref('dim_date') }} as calendar

),

lags as (

    select numbers.number_value - cast(limits.max_weeks as bigint) as lag_weeks
    from numbers
    cross join limits
    where numbers.number_value <= 2 * limits.max_weeks

),

draws as (

    select distinct draw_number from leading_series

),

observed as (

    select * from associations
    where draw_number = 0

),

strongest as (

    select
        draw_number,
        max(association) as association
    from associations
    where lag_weeks > 0
    group by draw_number

),

chance as (

    select
        {{ safe_ratio(
            '1 + count(case when shuffled.association >= happened.association then 1 end)',
            'count(*) + 1'
        ) }} as chance_probability
    from strongest as happened
    inner join strongest as shuffled on happened.draw_number < shuffled.draw_number
    where happened.draw_number = 0 and happened.association is not null

),

-- ---- how sure the best lag is: its residuals in other blocks ----
best as (

    select lag_weeks from observed
    where is_best

),

slot_numbers as (

    select distinct
        {{ whole_division('pairs.pair_number', 'limits.block_weeks') }} as slot_number
    from pairs
    cross join limits

),

slots as (

    select
        draws.draw_number,
        slot_numbers.slot_number,
        max_by(
            pairs.pair_number,
            md5(
                'residual:' || cast(draws.draw_number as string)
                || ':' || cast(slot_numbers.slot_number as string)
                || ':' || cast(pairs.pair_number as string)
            )
        ) as start_number
    from draws
    cross join pairs
    cross join slot_numbers
    where draws.draw_number > 0
    group by draws.draw_number, slot_numbers.slot_number

),

redrawn as (

    select
        slots.draw_number,
        pairs.following_week as week_number,
        pairs.level_points + pairs.fitted_change
        + residuals.following_points - residuals.level_points - residuals.fitted_change
            as following_points
    from pairs
    cross join limits
    inner join slots
        on {{ whole_division('pairs.pair_number', 'limits.block_weeks') }} = slots.slot_number
    inner join pairs as residuals
        on
            (
                slots.start_number
                + pairs.pair_number - slots.slot_number * cast(limits.block_weeks as bigint)
            ) % pairs.count_pairs = residuals.pair_number

),

following_series as (

    select
        draw_number,
        week_number,
        following_points
    from redrawn
    union all
    select
        draws.draw_number,
        series.week_number,
        series.following_signal_points as following_points
    from draws
    cross join series
    left join pairs on series.week_number = pairs.following_week
    where draws.draw_number > 0 and pairs.following_week is null

),

redrawn_sums as (

    select
        following_series.draw_number,
        lags.lag_weeks,
        {{ pair_sums(
            'leading_series.leading_points',
            'following_series.following_points',
            'cast(leading_series.week_number as double)'
        ) }}
    from leading_series
    cross join lags
    inner join following_series
        on leading_series.week_number + lags.lag_weeks = following_series.week_number
    where leading_series.draw_number = 0
    group by following_series.draw_number, lags.lag_weeks

),

redrawn_associations as (

    select
        draw_number,
        lag_weeks,
        {{ partial_correlation() }} as association
    from redrawn_sums

),

redrawn_best as (

    select
        *,
        row_number() over (
            partition by draw_number
            order by association desc nulls last, abs(lag_weeks) asc nulls last, lag_weeks desc
        ) as association_rank
    from redrawn_associations

),

-- A week more on either side: the middle of an even number of weeks is dated half a week off.
lag_limits as (

    select
        {{ percentile('lag_weeks', 0.025) }} - 1 as lag_low,
        {{ percentile('lag_weeks', 0.975) }} + 1 as lag_high
    from redrawn_best
    where association_rank = 1

),

spreads as (

    select
        lag_weeks,
        {{ percentile('association', 0.025) }} as association_low,
        {{ percentile('association', 0.975) }} as association_high
    from redrawn_associations
    group by lag_weeks

),

-- ---- whether it rests on more than one change: the steepest, and what followed it, left out ----
steepest as (

    select max_by(rises.week_number, rises.rise_points) as week_number
    from (
        select
            later.week_number,
            abs(later.leading_points - earlier.leading_points) as rise_points
        from leading_series as later
        cross join limits
        inner join leading_series as earlier
            on
                later.draw_number = earlier.draw_number
                and later.week_number = earlier.week_number + cast(limits.block_weeks as bigint)
        where later.draw_number = 0
    ) as rises

),

pair_changes as (

    select
        pairs.week_number,
        leading_series.leading_points - lag(leading_series.leading_points) over (
            order by pairs.week_number asc nulls last
        ) as leading_change,
        pairs.following_points - lag(pairs.following_points) over (
            order by pairs.week_number asc nulls last
        ) as following_change,
        pairs.week_number > steepest.week_number - 1.5 * limits.block_weeks
        and pairs.week_number <= steepest.week_number + 0.5 * limits.block_weeks as is_left_out
    from pairs
    cross join steepest
    cross join limits
    inner join leading_series
        on leading_series.draw_number = 0 and pairs.week_number = leading_series.week_number

),

rest_series as (

    select
        week_number,
        sum(case when is_left_out then 0 else coalesce(leading_change, 0) end) over (
            order by week_number asc nulls last rows between unbounded preceding and current row
        ) as leading_points,
        sum(case when is_left_out then 0 else coalesce(following_change, 0) end) over (
            order by week_number asc nulls last rows between unbounded preceding and current row
        ) as following_points,
        is_left_out
    from pair_changes

),

rest_sums as (

    select {{ pair_sums('leading_points', 'following_points', 'cast(week_number as double)') }}
    from rest_series
    where not is_left_out

),

rest as (

    select {{ partial_correlation() }} as rest_association
    from rest_sums

),

-- ---- how much: points of the organisation for each point of commerce, families as scored ----
size_pairs as (

    select
        leading_weeks.leading_points,
        following_weeks.following_points,
        {{ whole_division('leading_weeks.week_number', 'limits.block_weeks') }} as block_number
    from series as leading_weeks
    cross join best
    cross join limits
    inner join series as following_weeks
        on leading_weeks.week_number + best.lag_weeks = following_weeks.week_number

),

sizes_without as (

    select
        blocks.block_number,
        {{ safe_ratio(
            'covar_pop(size_pairs.leading_points, size_pairs.leading_points)',
            'nullif(covar_pop(size_pairs.leading_points, size_pairs.following_points), 0)'
        ) }} as size_ratio
    from (
        select distinct whole.block_number
        from size_pairs as whole
        union all
        select -1 as block_number
    ) as blocks
    inner join size_pairs on blocks.block_number <> size_pairs.block_number
    group by blocks.block_number

),

-- Delete-a-block jackknife (Kuensch 1989): weeks close to each other are no independent cases.
sizes as (

    select
        max(case when block_number = -1 then size_ratio end) as size_ratio,
        2 * sqrt(
            var_pop(case when block_number >= 0 then size_ratio end)
            * (count(case when block_number >= 0 then size_ratio end) - 1)
        ) as size_margin
    from sizes_without

),

verdicts as (

    select
        weeks.count_weeks,
        best.lag_weeks as best_lag_weeks,
        lag_limits.lag_low,
        lag_limits.lag_high,
        chance.chance_probability,
        rest.rest_association,
        limits.min_weeks,
        case
            when weeks.count_weeks < limits.min_weeks then 'too_few_weeks'
            when best.lag_weeks is null then 'nothing_varies'
            when chance.chance_probability > limits.max_probability then 'could_be_chance'
            when best.lag_weeks < 1 then 'not_before'
            when lag_limits.lag_low < 1 then 'lag_unsure'
            when coalesce(rest.rest_association, 0) < limits.min_rest_association
                then 'one_change'
            else 'leads'
        end as reason
    from (select count(*) as count_weeks from series) as weeks
    cross join limits
    cross join rest
    left join best on best.lag_weeks is not null
    left join lag_limits on lag_limits.lag_low is not null
    left join chance on chance.chance_probability is not null

)

select
    cast(lags.lag_weeks as bigint) as lag_weeks,
    observed.association,
    spreads.association_low,
    spreads.association_high,
    cast(coalesce(observed.count_pairs, 0) as bigint) as count_weeks,
    case when verdicts.reason = 'leads' and observed.is_best then sizes.size_ratio end
        as size_ratio,
    case
        when verdicts.reason = 'leads' and observed.is_best
            then sizes.size_ratio - sizes.size_margin
    end as size_low,
    case
        when verdicts.reason = 'leads' and observed.is_best
            then sizes.size_ratio + sizes.size_margin
    end as size_high,
    coalesce(observed.is_best, false) as is_best,
    verdicts.lag_low as best_lag_low_weeks,
    verdicts.lag_high as best_lag_high_weeks,
    verdicts.chance_probability,
    verdicts.rest_association,
    case when verdicts.reason = 'leads' then 'leads' else 'cannot_tell' end as verdict,
    verdicts.reason as verdict_reason,
    case verdicts.reason
        when 'leads'
            then
                'Commerce follows the organisation after '
                || cast(verdicts.best_lag_weeks as string) || ' weeks ('
                || cast({{ rounded('verdicts.lag_low') }} as string) || ' to '
                || cast({{ rounded('verdicts.lag_high') }} as string)
                || '); the same changes in another order fit as well in '
                || cast({{ rounded('1000 * verdicts.chance_probability') }} as string)
                || ' of 1000 cases'
        when 'too_few_weeks'
            then
                'Cannot tell: ' || cast(verdicts.count_weeks as string) || ' weeks, '
                || cast(cast(verdicts.min_weeks as bigint) as string) || ' are needed'
        when 'nothing_varies' then 'Cannot tell: one of the two does not change'
        when 'could_be_chance'
            then
                'Cannot tell: the same changes in another order fit as well in '
                || cast({{ rounded('1000 * verdicts.chance_probability') }} as string)
                || ' of 1000 cases'
        when 'not_before'
            then 'Cannot tell: they go together best when the organisation does not come first'
        when 'lag_unsure' then 'Cannot tell: the lag may as well be zero'
        when 'one_change'
            then 'Cannot tell: it rests on one change, which something else may have followed'
    end as explanation_en,
    case verdicts.reason
        when 'leads'
            then
                '商业改善在组织改善 ' || cast(verdicts.best_lag_weeks as string) || ' 周后出现('
                || cast({{ rounded('verdicts.lag_low') }} as string) || ' 至 '
                || cast({{ rounded('verdicts.lag_high') }} as string)
                || ' 周)；打乱变化顺序后同样吻合的情形每千次有 '
                || cast({{ rounded('1000 * verdicts.chance_probability') }} as string) || ' 次'
        when 'too_few_weeks'
            then
                '无法判断：仅有 ' || cast(verdicts.count_weeks as string) || ' 周，至少需要 '
                || cast(cast(verdicts.min_weeks as bigint) as string) || ' 周'
        when 'nothing_varies' then '无法判断：其中一方没有变化'
        when 'could_be_chance'
            then
                '无法判断：打乱变化顺序后同样吻合的情形每千次有 '
                || cast({{ rounded('1000 * verdicts.chance_probability') }} as string) || ' 次'
        when 'not_before' then '无法判断：最吻合时组织并非在先'
        when 'lag_unsure' then '无法判断：滞后周数可能为零'
        when 'one_change' then '无法判断：仅凭一次变化，可能另有原因'
    end as explanation_zh
from lags
cross join verdicts
cross join sizes
left join observed on lags.lag_weeks = observed.lag_weeks
left join spreads on lags.lag_weeks = spreads.lag_weeks
