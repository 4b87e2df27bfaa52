-- One row per account or contact, day and signal: the points that the signal's hits give on that
-- day, rounded to the hundredth. A hit counts from the day on which it is known until its own
-- points fall below the floor; its age runs from the day on which it happened.
with

hits as (

    select * from {{ ref('fct_intent_signal_hit') }}

),

floors as (

    select threshold_value as floor_points
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'intent_floor_points'

),

days as (

    select date_day
    from {{ ref('dim_date') }}
    where
        date_day <= {{ as_of_date() }}
        and date_day >= (select min(hits.known_date) from hits)

),

counted as (

    select
        hits.signal_id,
        hits.account_id,
        hits.contact_id,
        hits.signal_date,
        hits.known_date,
        hits.weight,
        hits.half_life_days,
        {{ add_days(
            'hits.signal_date',
            'floor(hits.half_life_days * ln(hits.weight / cast(floors.floor_points as double))'
            ~ ' / cast(0.6931471805599453 as double))'
        ) }} as last_date
    from hits
    cross join floors
    where hits.weight >= floors.floor_points

),

subjects as (

    select
        'account' as subject_level,
        account_id,
        cast(null as string) as contact_id,
        account_id as subject_id,
        signal_id,
        signal_date,
        known_date,
        last_date,
        weight,
        half_life_days
    from counted
    where account_id is not null
    union all
    select
        'contact' as subject_level,
        account_id,
        contact_id,
        contact_id as subject_id,
        signal_id,
        signal_date,
        known_date,
        last_date,
        weight,
        half_life_days
    from counted
    where contact_id is not null

),

points as (

    select
        days.date_day as score_date,
        subjects.subject_level,
        subjects.subject_id,
        subjects.account_id,
        subjects.signal_id,
        subjects.signal_date,
        subjects.weight * power(
            cast(0.5 as double),
            {{ elapsed_days('subjects.signal_date', 'days.date_day') }}
            / cast(subjects.half_life_days as double)
        ) as hit_points
    from subjects
    inner join days
        on
            subjects.known_date <= days.date_day
            and subjects.last_date >= days.date_day

),

final as (

    select
        score_date,
        subject_level,
        subject_id,
        max(account_id) as account_id,
        signal_id,
        cast(round(sum(hit_points), 2) as decimal(18, 2)) as signal_points,
        count(*) as count_hits,
        max(signal_date) as last_signal_date
    from points
    group by score_date, subject_level, subject_id, signal_id

)

select
    subject_level || ':' || subject_id || ':' || {{ format_date('score_date', '%Y%m%d') }}
        as intent_score_day_id,
    score_date,
    subject_level as level, -- noqa: RF04
    account_id,
    case when subject_level = 'contact' then subject_id end as contact_id,
    signal_id,
    signal_points as points,
    count_hits,
    last_signal_date
from final
