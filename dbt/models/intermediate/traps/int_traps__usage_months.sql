-- One row per whole month from a year after the first use of a board: how many of the active reps
-- opened one. Months after the last use on record are left out: whether people stopped or the
-- source did cannot be told from it, and the age of the source is shown elsewhere.
with

uses as (

    select
        rep_id,
        opened_at,
        {{ date_month('opened_at') }} as month_start
    from {{ ref('int_canonical__board_uses') }}
    where opened_at < {{ as_of_end() }}

),

span as (

    select
        cast(min(opened_at) as date) as first_use_date,
        max(month_start) as last_month
    from uses

),

grace as (

    select max(rule_value) as grace_days
    from {{ ref('int_traps__rules') }}
    where trap_id = 'low_usage' and rule = 'grace_days'

),

months as (

    select
        calendar.month_start_date as month_start,
        max(calendar.date_day) as last_day
    from {{ ref('dim_date') }} as calendar
    group by calendar.month_start_date

),

examined as (

    select
        months.month_start,
        months.last_day
    from months
    cross join span
    cross join grace
    where
        months.month_start >= {{ add_days('span.first_use_date', 'grace.grace_days') }}
        and months.month_start <= span.last_month
        and months.last_day <= {{ as_of_date() }}

),

reps as (

    select
        rep_id,
        cast(hired_at as date) as hired_date
    from {{ ref('dim_rep') }}
    where coalesce(is_active, true)

),

counted as (

    select
        examined.month_start,
        examined.last_day,
        count(distinct reps.rep_id) as count_reps,
        count(distinct uses.rep_id) as count_users
    from examined
    inner join reps
        on reps.hired_date is null or examined.last_day >= reps.hired_date
    left join uses
        on
            reps.rep_id = uses.rep_id
            and examined.month_start = uses.month_start
    group by examined.month_start, examined.last_day

)

select
    month_start,
    last_day,
    count_reps,
    count_users,
    {{ safe_ratio('count_users', 'count_reps') }} as usage_ratio
from counted
