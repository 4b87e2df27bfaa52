-- One row per account or contact and day on which at least one hit still counts: the sum of its
-- factors, with the version of the rules that were valid on that day. A day without a row is 0.
with

factors as (

    select * from {{ ref('fct_intent_score_factor') }}

),

periods as (

    select * from {{ ref('int_intent__rule_periods') }}

),

summed as (

    select
        intent_score_day_id,
        score_date,
        level,
        max(account_id) as account_id,
        max(contact_id) as contact_id,
        cast(sum(points) as decimal(18, 2)) as score_points,
        count(*) as count_factors,
        cast(sum(count_hits) as bigint) as count_signals,
        max(last_signal_date) as last_signal_date
    from factors
    group by intent_score_day_id, score_date, level

)

select
    summed.intent_score_day_id,
    summed.score_date,
    summed.level,
    summed.account_id,
    summed.contact_id,
    summed.score_points,
    summed.count_factors,
    summed.count_signals,
    summed.last_signal_date,
    periods.rule_version,
    summed.score_date = periods.period_start as is_first_day_of_rules
from summed
inner join periods
    on
        summed.score_date >= periods.period_start
        and (periods.period_end is null or summed.score_date < periods.period_end)
