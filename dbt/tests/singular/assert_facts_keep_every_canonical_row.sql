-- What: each fact has as many rows, and the same sum of its main measure, as the canonical object
-- it is made from. Gives one row per fact that differs. (fct_web_event is a view; what is counted
-- from it is checked by assert_web_days_add_up.)
-- Why: a join in a fact that loses or doubles rows falsifies every mart behind it.
-- The linter sees the loop without its macros.
-- noqa: disable=all
{%- set facts = [
    ('fct_lead', 'lead', 'estimated_amount'),
    ('fct_opportunity', 'opportunity', 'amount'),
    ('fct_opportunity_stage_event', 'opportunity_stage_event', none),
    ('fct_quote', 'quote', 'offered_price'),
    ('fct_activity', 'activity', 'duration_minutes'),
    ('fct_order', 'order', none),
    ('fct_order_line', 'order_line', 'quantity'),
    ('fct_invoice', 'invoice', 'amount'),
] %}
with

compared as (
    {%- for fact, object, measure in facts %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        '{{ fact }}' as fact_name,
        facts.count_rows as fact_rows,
        objects.count_rows as object_rows,
        facts.total as fact_total,
        objects.total as object_total
    from (
        select
            count(*) as count_rows,
            coalesce(sum(cast({{ measure or 0 }} as double)), 0) as total
        from {{ ref(fact) }}
    ) as facts
    cross join (
        select
            count(*) as count_rows,
            coalesce(sum(cast({{ measure or 0 }} as double)), 0) as total
        from {{ ref(canonical_model(object)) }}
    ) as objects
    {%- endfor %}

)

select *
from compared
where
    fact_rows <> object_rows
    -- Sums of doubles depend on the order of rows in their last digits.
    or abs(fact_total - object_total) > 0.000001 * greatest(1, abs(object_total))
