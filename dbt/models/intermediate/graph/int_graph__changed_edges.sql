-- One row per edge that is another than in the last build, with what it is now, or is gone; every
-- edge where the graph is made anew. Ways turn on days, not on times or on the number of acts.
{{ config(materialized='table', tags=['graph']) }}
{%- set times_of_ways = [
    'passed_at', 'executive_at', 'director_at', 'manager_at', 'practitioner_at'
] %}
with

found as (

    select * from {{ ref('int_graph__found_edges') }}

),

built as (

    {{ built_graph_rows('int_graph__edges', {
        'rule_number': 'int', 'from_customer_number': 'int', 'to_customer_number': 'int',
        'count_events': 'bigint', 'first_at': 'timestamp', 'last_at': 'timestamp',
        'passed_at': 'timestamp', 'executive_at': 'timestamp', 'director_at': 'timestamp',
        'manager_at': 'timestamp', 'practitioner_at': 'timestamp'
    }) }}

),

-- Those of pairs of which nothing has changed are as they were.
replaced as (

    select *
    from built
    where
        (rule_number, from_customer_number, to_customer_number) in (
            select
                pairs.rule_number,
                pairs.from_customer_number,
                pairs.to_customer_number
            from {{ ref('int_graph__changed_pairs') }} as pairs
        )

),

changed as (

    select
        coalesce(found.rule_number, replaced.rule_number) as rule_number,
        coalesce(found.from_customer_number, replaced.from_customer_number) as from_customer_number,
        coalesce(found.to_customer_number, replaced.to_customer_number) as to_customer_number,
        found.count_events,
        found.first_at,
        found.last_at,
        found.passed_at,
        found.executive_at,
        found.director_at,
        found.manager_at,
        found.practitioner_at,
        found.rule_number is null as is_gone,
        replaced.passed_at is not null as was_way,
        least(
            {%- for column in times_of_ways %}
                case
                    when
                        cast(found.{{ column }} as date)
                        is distinct from cast(replaced.{{ column }} as date)
                        then
                            least(
                                coalesce(cast(found.{{ column }} as date), date '9999-12-31'),
                                coalesce(cast(replaced.{{ column }} as date), date '9999-12-31')
                            )
                    else date '9999-12-31'
                end{{ ',' if not loop.last }}
            {%- endfor %}
        ) as changed_date
    from found
    full outer join replaced
        on
            found.rule_number = replaced.rule_number
            and found.from_customer_number = replaced.from_customer_number
            and found.to_customer_number = replaced.to_customer_number
    where
        found.count_events is distinct from replaced.count_events
        or found.first_at is distinct from replaced.first_at
        or found.last_at is distinct from replaced.last_at
        or found.passed_at is distinct from replaced.passed_at
        or found.executive_at is distinct from replaced.executive_at
        or found.director_at is distinct from replaced.director_at
        or found.manager_at is distinct from replaced.manager_at
        or found.practitioner_at is distinct from replaced.practitioner_at

),

customers as (

    select
        customer_number,
        customer_id
    from {{ ref('int_graph__customers') }}
    union all
    select
        customer_number,
        customer_id
    from {{ ref('int_graph__changed_customers') }}
    where is_gone

)

select
    changed.*,
    changed.changed_date < date '9999-12-31' as has_other_days,
    customers.customer_id as from_customer_id
from changed
inner join customers on changed.from_customer_number = customers.customer_number
