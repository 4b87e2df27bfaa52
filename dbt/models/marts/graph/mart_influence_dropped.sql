-- One row per kind of edge and reason for which acts or edges do not count, and one per kind that
-- counts at all: nothing is dropped without a number.
with

edge_types as (

    select * from {{ ref('int_graph__edge_types') }}

),

acts as (

    select
        edge_type,
        dropped_reason,
        count(*) as count_acts
    from {{ ref('int_graph__acts') }}
    where dropped_reason is not null
    group by edge_type, dropped_reason

),

edges as (

    select
        edge_type,
        coalesce(dropped_reason, 'counted') as reason,
        sum(count_events) as count_acts,
        count(*) as count_edges
    from {{ ref('fct_influence_edge') }}
    group by edge_type, coalesce(dropped_reason, 'counted')

),

limits as (

    select max(max_group_size) as max_group_size
    from {{ ref('int_graph__rules') }}
    where edge_type = 'co_attendance' and is_latest

),

attendances as (

    select
        case
            when attendances.customer_id is null then 'unknown_end'
            else 'group_too_large'
        end as reason,
        sum(attendances.count_attendances) as count_acts
    from {{ ref('int_graph__attendances') }} as attendances
    cross join limits
    where
        attendances.customer_id is null
        or attendances.group_size > limits.max_group_size
    group by
        case
            when attendances.customer_id is null then 'unknown_end'
            else 'group_too_large'
        end

),

-- No kind of edge, but the same fault: a firm that its source names as its own parent.
own_parents as (

    select count(*) as count_acts
    from {{ ref('dim_account') }}
    where parent_account_id = account_id

),

reasons as (

    select
        edge_type,
        dropped_reason as reason,
        count_acts,
        cast(null as bigint) as count_edges
    from acts
    union all
    select
        edge_type,
        reason,
        count_acts,
        count_edges
    from edges
    union all
    select
        'co_attendance' as edge_type,
        reason,
        count_acts,
        cast(null as bigint) as count_edges
    from attendances
    union all
    select
        'parent' as edge_type,
        'self' as reason,
        count_acts,
        cast(null as bigint) as count_edges
    from own_parents
    where count_acts > 0
    union all
    select
        edge_type,
        'not_delivered' as reason,
        cast(null as bigint) as count_acts,
        cast(null as bigint) as count_edges
    from edge_types
    where not is_delivered

)

select
    edge_type || '|' || reason as influence_dropped_id,
    edge_type,
    reason,
    reason <> 'counted' as is_dropped,
    cast(count_acts as bigint) as count_acts,
    count_edges
from reasons
