-- What: each row mart has as many rows, and the same sum of its main measure, as its fact. Gives
-- one row per mart that differs.
-- Why: the rows behind a tile must add up to the tile; a dimension with a double key would double
-- won revenue or orders.
-- The linter sees the loop without its macros.
-- noqa: disable=all
{%- set marts = [
    ('mart_lead', 'fct_lead', 'estimated_amount'),
    ('mart_opportunity', 'fct_opportunity', 'won_amount'),
    ('mart_order', 'fct_order', none),
    ('mart_order_line', 'fct_order_line', 'net_amount'),
    ('mart_activity', 'fct_activity', 'duration_minutes'),
] %}
with

compared as (
    {%- for mart, fact, measure in marts %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        '{{ mart }}' as mart_name,
        marts.count_rows as mart_rows,
        facts.count_rows as fact_rows,
        marts.total as mart_total,
        facts.total as fact_total
    from (
        select
            count(*) as count_rows,
            coalesce(sum(cast({{ measure or 0 }} as double)), 0) as total
        from {{ ref(mart) }}
    ) as marts
    cross join (
        select
            count(*) as count_rows,
            coalesce(sum(cast({{ measure or 0 }} as double)), 0) as total
        from {{ ref(fact) }}
    ) as facts
    {%- endfor %}

)

select *
from compared
where
    mart_rows <> fact_rows
    or abs(mart_total - fact_total) > 0.000001 * greatest(1, abs(fact_total))
