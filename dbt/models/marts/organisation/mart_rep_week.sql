-- One row per active rep and week in which boards or practices were used by anyone: whether the rep
-- used one in the four weeks that end with it. Weeks before four weeks of record, and weeks after
-- the last use on record, are unknown: a source that stopped is no rep who did.
with

reps as (

    select
        rep_id,
        source_system,
        rep_name,
        team_name,
        region,
        cast(hired_at as date) as hired_date
    from {{ ref('dim_rep') }}
    where coalesce(is_active, true)

),

rules as (

    select max(threshold_value) as window_days
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'usage_window_days'

),

uses as (

    select
        'board' as used_what,
        rep_id,
        cast(opened_at as date) as use_date
    from {{ ref('int_canonical__board_uses') }}
    where opened_at < {{ as_of_end() }}
    union all
    select
        'practice' as used_what,
        practice_uses.rep_id,
        cast(practice_uses.used_at as date) as use_date
    from {{ ref('int_canonical__knowledge_uses') }} as practice_uses
    inner join {{ ref('fct_knowledge_item') }} as items
        on practice_uses.knowledge_item_id = items.knowledge_item_id
    where
        items.track = 'practice'
        and practice_uses.used_at < {{ as_of_end() }}
        -- Using one's own card is no adoption.
        and practice_uses.rep_id is distinct from items.owner_rep_id

),

use_days as (

    select
        used_what,
        rep_id,
        use_date,
        count(*) as count_uses
    from uses
    group by used_what, rep_id, use_date

),

spans as (

    select
        min(case when used_what = 'board' then use_date end) as first_board_date,
        max(case when used_what = 'board' then use_date end) as last_board_date,
        min(case when used_what = 'practice' then use_date end) as first_practice_date,
        max(case when used_what = 'practice' then use_date end) as last_practice_date,
        min(use_date) as first_date
    from use_days

),

weeks as (

    select
        calendar.week_start_date as week_start,
        least({{ add_days('calendar.week_start_date', 6) }}, {{ as_of_date() }}) as last_day
    from {{ ref('dim_date') }} as calendar
    cross join spans
    where
        calendar.date_day <= {{ as_of_date() }}
        and calendar.week_start_date >= {{ date_week('spans.first_date') }}
    group by calendar.week_start_date

),

rep_weeks as (

    select
        reps.rep_id,
        reps.source_system,
        reps.rep_name,
        reps.team_name,
        reps.region,
        weeks.week_start,
        weeks.last_day,
        {{ add_days('weeks.last_day', '1 - rules.window_days') }} as first_day,
        spans.first_board_date,
        spans.last_board_date,
        spans.first_practice_date,
        spans.last_practice_date
    from reps
    cross join weeks
    cross join spans
    cross join rules
    where reps.hired_date is null or weeks.last_day >= reps.hired_date

),

counted as (

    select
        rep_weeks.rep_id,
        rep_weeks.week_start,
        sum(case when use_days.used_what = 'board' then use_days.count_uses else 0 end)
            as count_board_uses,
        sum(case when use_days.used_what = 'practice' then use_days.count_uses else 0 end)
            as count_practice_uses
    from rep_weeks
    inner join use_days
        on
            rep_weeks.rep_id = use_days.rep_id
            and rep_weeks.first_day <= use_days.use_date
            and rep_weeks.last_day >= use_days.use_date
    group by rep_weeks.rep_id, rep_weeks.week_start

)

select
    rep_weeks.rep_id || ':' || {{ format_date('rep_weeks.week_start', '%Y%m%d') }} as rep_week_id,
    rep_weeks.source_system,
    rep_weeks.rep_id,
    rep_weeks.rep_name,
    rep_weeks.team_name,
    rep_weeks.region,
    rep_weeks.week_start,
    rep_weeks.week_start as period_date,
    cast(coalesce(counted.count_board_uses, 0) as bigint) as count_board_uses,
    coalesce(counted.count_board_uses, 0) > 0 as has_board_use,
    coalesce(
        rep_weeks.first_day >= rep_weeks.first_board_date
        and rep_weeks.week_start <= rep_weeks.last_board_date,
        false
    ) as is_board_use_known,
    cast(coalesce(counted.count_practice_uses, 0) as bigint) as count_practice_uses,
    coalesce(counted.count_practice_uses, 0) > 0 as has_practice_use,
    coalesce(
        rep_weeks.first_day >= rep_weeks.first_practice_date
        and rep_weeks.week_start <= rep_weeks.last_practice_date,
        false
    ) as is_practice_use_known
from rep_weeks
left join counted
    on
        rep_weeks.rep_id = counted.rep_id
        and rep_weeks.week_start = counted.week_start
