-- What: lists days of the marts that dim_date does not have (before its first day or more than
-- three years after today).
-- Why: they are typing errors of a source, and fall out of every chart by calendar. A warning, for
-- one wrong date must not keep all right figures from the page.
-- The linter sees the loop without its macros.
-- noqa: disable=all
{{ config(severity='warn') }}
{%- for mart in ['mart_lead', 'mart_opportunity', 'mart_order', 'mart_activity', 'mart_web_day'] %}
{%- if not loop.first %}
union all
{%- endif %}
select
    '{{ mart }}' as mart_name,
    days.period_date,
    count(*) as count_rows
from {{ ref(mart) }} as days
left join {{ ref('dim_date') }} as calendar on days.period_date = calendar.date_day
where days.period_date is not null and calendar.date_day is null
group by days.period_date
{%- endfor %}
