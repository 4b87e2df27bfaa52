-- One row per segment, and one for all together: up to how many of our touches a week people stay.
-- The limit is the number that tells the weeks before an opt-out from the others best (the largest
-- sum of both hit rates, Youden's J; of equal ones the smallest). Unknown where opt-outs are few,
-- or not clearly more frequent above the limit (their 95 % Wilson intervals overlap).
with

limits as (

    select
        max(case when threshold_id = 'safe_frequency_min_optouts' then threshold_value end)
            as min_optouts,
        max(case when threshold_id = 'small_sample_rows' then threshold_value end) as min_weeks
    from {{ ref('int_rules__thresholds') }}

),

persons as (

    select
        persons.person_id,
        customers.segment
    from {{ ref('dim_person') }} as persons
    left join {{ ref('dim_customer') }} as customers
        on persons.customer_id = customers.customer_id

),

weeks as (

    select
        persons.segment,
        weeks.count_exposed_touches as count_touches,
        count(*) as count_weeks,
        count(weeks.opted_out_at) as count_optouts,
        sum(case when weeks.count_bad_reviews > 0 then 1 else 0 end) as count_bad_weeks
    from {{ ref('int_contact_load__person_weeks') }} as weeks
    left join persons on weeks.person_id = persons.person_id
    where weeks.count_exposed_touches > 0
    group by persons.segment, weeks.count_exposed_touches

),

segments as (

    select
        segment,
        count_touches,
        count_weeks,
        count_optouts,
        count_bad_weeks
    from weeks
    where segment is not null
    union all
    select
        'all' as segment,
        count_touches,
        sum(count_weeks) as count_weeks,
        sum(count_optouts) as count_optouts,
        sum(count_bad_weeks) as count_bad_weeks
    from weeks
    group by count_touches

),

splits as (

    select
        segment,
        count_touches,
        sum(count_weeks) over (
            partition by segment order by count_touches asc nulls last
            rows between unbounded preceding and current row
        ) as count_weeks_below,
        sum(count_optouts) over (
            partition by segment order by count_touches asc nulls last
            rows between unbounded preceding and current row
        ) as count_optouts_below,
        sum(count_bad_weeks) over (
            partition by segment order by count_touches asc nulls last
            rows between unbounded preceding and current row
        ) as count_bad_below,
        sum(count_weeks) over (partition by segment) as count_weeks,
        sum(count_optouts) over (partition by segment) as count_optouts,
        sum(count_bad_weeks) over (partition by segment) as count_bad
    from segments

),

measured as (

    select
        *,
        count_weeks - count_weeks_below as count_weeks_above,
        count_optouts - count_optouts_below as count_optouts_above,
        {{ safe_ratio('count_optouts - count_optouts_below', 'count_optouts') }}
        - {{ safe_ratio(
            'count_weeks - count_weeks_below - count_optouts + count_optouts_below',
            'count_weeks - count_optouts'
        ) }} as separation
    from splits

),

ranked as (

    select
        *,
        row_number() over (
            partition by segment
            order by separation desc nulls last, count_touches asc nulls last
        ) as split_rank
    from measured

),

judged as (

    select
        ranked.*,
        limits.min_optouts,
        limits.min_weeks,
        {{ safe_ratio('ranked.count_optouts_below', 'ranked.count_weeks_below') }}
            as optout_ratio_below,
        {{ safe_ratio('ranked.count_optouts_above', 'ranked.count_weeks_above') }}
            as optout_ratio_above,
        {{ wilson_bound('ranked.count_optouts_below', 'ranked.count_weeks_below', 'upper') }}
            as optout_ratio_below_high,
        {{ wilson_bound('ranked.count_optouts_above', 'ranked.count_weeks_above', 'lower') }}
            as optout_ratio_above_low,
        {{ safe_ratio('ranked.count_bad_below', 'ranked.count_weeks_below') }}
            as bad_review_ratio_below,
        {{ safe_ratio(
            'ranked.count_bad - ranked.count_bad_below', 'ranked.count_weeks_above'
        ) }} as bad_review_ratio_above
    from ranked
    cross join limits
    where ranked.split_rank = 1

),

reasoned as (

    select
        *,
        case
            when count_weeks < min_weeks then 'few_weeks'
            when count_optouts < min_optouts then 'few_optouts'
            when coalesce(optout_ratio_above_low <= optout_ratio_below_high, true)
                then 'no_difference'
        end as unknown_reason
    from judged

),

names as (

    select
        segment,
        max(name_en) as name_en,
        max(name_zh) as name_zh
    from {{ ref('customer_segment') }}
    group by segment

)

select
    reasoned.segment,
    coalesce(names.name_en, 'All segments') as segment_name_en,
    coalesce(names.name_zh, '全部细分') as segment_name_zh,
    case when reasoned.unknown_reason is null then cast(reasoned.count_touches as bigint) end
        as safe_touches_per_week,
    reasoned.unknown_reason is null as is_enough_data,
    reasoned.unknown_reason,
    cast(reasoned.count_weeks as bigint) as count_person_weeks,
    cast(reasoned.count_optouts as bigint) as count_optouts,
    cast(reasoned.count_weeks_below as bigint) as count_person_weeks_below,
    cast(reasoned.count_weeks_above as bigint) as count_person_weeks_above,
    cast(reasoned.count_optouts_below as bigint) as count_optouts_below,
    cast(reasoned.count_optouts_above as bigint) as count_optouts_above,
    reasoned.optout_ratio_below,
    reasoned.optout_ratio_above,
    reasoned.optout_ratio_below_high,
    reasoned.optout_ratio_above_low,
    reasoned.bad_review_ratio_below,
    reasoned.bad_review_ratio_above
from reasoned
left join names on reasoned.segment = names.segment
