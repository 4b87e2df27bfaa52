-- One row per customer, product line (none: any line) and unbroken time with at least one open
-- opportunity; both days included, the last is unknown while one is open.
{{ config(
    materialized=followed_parts_materialization(),
    meta={'key': 'customer_id', 'changed_keys': 'int_relationship__changed_lines'}
) }}
-- depends_on: {{ ref('int_relationship__changed_lines') }}
with

customers as (

    select
        account_id,
        customer_id
    from {{ ref('bridge_account_customer') }}
    where {{ is_changed_key('customer_id') }}

),

opportunities as (

    select
        customers.customer_id,
        opportunities.product_line,
        cast(opportunities.created_at as date) as first_date,
        coalesce(cast(opportunities.closed_at as date), date '9999-12-31') as last_date
    from {{ ref('fct_opportunity') }} as opportunities
    inner join customers on opportunities.account_id = customers.account_id
    where
        opportunities.product_line is not null
        and opportunities.created_at < {{ as_of_end() }}
        and (
            opportunities.closed_at is null
            or opportunities.closed_at >= opportunities.created_at
        )

),

spans as (

    select
        customer_id,
        product_line,
        first_date,
        last_date
    from opportunities
    union all
    select
        customer_id,
        cast(null as string) as product_line,
        first_date,
        last_date
    from opportunities

),

marked as (

    select
        *,
        max(last_date) over (
            partition by customer_id, product_line
            order by first_date asc nulls last, last_date asc nulls last
            rows between unbounded preceding and 1 preceding
        ) as last_date_before
    from spans

),

numbered as (

    select
        *,
        sum(case when first_date <= last_date_before then 0 else 1 end) over (
            partition by customer_id, product_line
            order by first_date asc nulls last, last_date asc nulls last
            rows between unbounded preceding and current row
        ) as span_number
    from marked

)

select
    customer_id,
    product_line,
    min(first_date) as first_date,
    nullif(max(last_date), date '9999-12-31') as last_date
from numbered
group by customer_id, product_line, span_number
