-- One row per draw and week: how far the organisation had come, had its changes come in another
-- order. Draw 0 is what happened. In the others blocks of weeks are sorted by a hash, which is the
-- same chance on every engine and in every run.
{{ config(materialized='table') }}
with

series as (

    select * from {{ ref('int_proof__lead_lag_series') }}

),

limits as (

    select
        max(case when threshold_id = 'lead_lag_block_weeks' then threshold_value end)
            as block_weeks,
        max(case when threshold_id = 'lead_lag_draws' then threshold_value end) as count_draws
    from {{ ref('int_rules__thresholds') }}

),

numbers as (

    select
        cast(row_number() over (order by calendar.date_day asc nulls last) - 1 as bigint)
            as number_value
    from {{ ref('dim_date') }} as calendar

),

draws as (

    select numbers.number_value as draw_number
    from numbers
    cross join limits
    where numbers.number_value <= limits.count_draws

),

-- Changes are numbered from 0, circles of them turned, cut into blocks and the blocks sorted.
changes as (

    select
        week_number - 2 as change_number,
        leading_signal_points - lag(leading_signal_points) over (
            order by week_number asc nulls last
        ) as change_points,
        count(*) over () - 1 as count_changes
    from series

),

known_changes as (

    select * from changes
    where change_points is not null

),

turns as (

    select
        draws.draw_number,
        max_by(
            known_changes.change_number,
            md5(
                'turn:' || cast(draws.draw_number as string)
                || ':' || cast(known_changes.change_number as string)
            )
        ) as turn_weeks
    from draws
    cross join known_changes
    group by draws.draw_number

),

turned as (

    select
        turns.draw_number,
        known_changes.change_points,
        case
            when turns.draw_number = 0 then known_changes.change_number
            else (known_changes.change_number + turns.turn_weeks) % known_changes.count_changes
        end as place
    from turns
    cross join known_changes

),

placed as (

    select
        turned.draw_number,
        turned.change_points,
        row_number() over (
            partition by turned.draw_number
            order by
                case
                    when turned.draw_number = 0 then ''
                    else md5(
                        'block:' || cast(turned.draw_number as string) || ':' || cast(
                            {{ whole_division('turned.place', 'limits.block_weeks') }} as string
                        )
                    )
                end asc nulls last,
                turned.place asc nulls last
        ) + 1 as week_number
    from turned
    cross join limits

)

select
    draw_number,
    week_number,
    sum(change_points) over (
        partition by draw_number
        order by week_number asc nulls last
        rows between unbounded preceding and current row
    ) as leading_points
from placed
