-- One row per day from the first day of the variable `date_spine_start` to the end of the third
-- year after the day that counts as today.
{%- set first_day = "'" ~ var('date_spine_start', '2000-01-01') ~ "'" %}
{%- set last_day = "'" ~ (var('as_of')[:4] | int + 3) ~ "-12-31'" %}
with

days as (

    {{ date_spine_days(first_day, last_day) }}

)

select
    date_day,
    {{ date_week('date_day') }} as week_start_date,
    {{ date_month('date_day') }} as month_start_date,
    {{ date_quarter('date_day') }} as quarter_start_date,
    cast(extract(year from date_day) as bigint) as year_number,
    cast(extract(month from date_day) as bigint) as month_number,
    cast({{ weekday_number('date_day') }} as bigint) as weekday_number
from days
