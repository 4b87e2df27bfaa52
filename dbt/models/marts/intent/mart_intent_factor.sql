-- One row per account or contact, day and signal of the last weeks: the parts of the score, which
-- add up to it. Older days are kept in fct_intent_score_factor.
with

factors as (

    select * from {{ ref('fct_intent_score_factor') }}

),

limits as (

    select threshold_value as history_days
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'intent_factor_days'

),

rules as (

    select * from {{ ref('int_intent__rules') }}
    where is_latest

)

select
    factors.intent_score_day_id,
    factors.score_date,
    factors.level,
    factors.account_id,
    factors.contact_id,
    factors.signal_id,
    rules.name_en as signal_name_en,
    rules.name_zh as signal_name_zh,
    factors.points,
    factors.count_hits,
    factors.last_signal_date
from factors
cross join limits
inner join rules on factors.signal_id = rules.signal_id
where factors.score_date > {{ add_days(as_of_date(), '-limits.history_days') }}
