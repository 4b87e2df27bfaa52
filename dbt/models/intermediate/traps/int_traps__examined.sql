-- One row per trap and thing it looked at within its window: whether it is a case, and the values
-- that its evidence names.
{{ config(materialized='table') }}
with

rules as (

    select * from {{ ref('int_traps__rules') }}

),

limits as (

    select
        max(case when rule = 'max_formation_hours' then rule_value end) as max_formation_hours,
        max(case when rule = 'min_usage_ratio' then rule_value end) as min_usage_ratio
    from rules

),

windows as (

    select
        trap_id,
        rule_value as window_days
    from rules
    where rule = 'window_days'

),

accounts as (

    select
        account_id,
        account_name
    from {{ ref('dim_account') }}

),

customers as (

    select
        customer_id,
        customer_name
    from {{ ref('dim_customer') }}

),

contradictions as (

    select
        'contradicted_portrait' as trap_id,
        'account' as subject_type,
        notes.account_id as subject_id,
        accounts.account_name as subject_name,
        notes.observed_at as occurred_at,
        notes.contradicts_portrait as is_case,
        notes.observation as value_1,
        cast(null as string) as value_2,
        cast(null as string) as value_3,
        'field_observation' as row_object,
        notes.field_observation_id as row_id
    from {{ ref('int_canonical__field_observations') }} as notes
    left join accounts on notes.account_id = accounts.account_id
    where notes.contradicts_portrait is not null

),

claims as (

    select
        'relationship_inflation' as trap_id,
        'customer' as subject_type,
        edges.from_customer_id as subject_id,
        customers.customer_name as subject_name,
        edges.last_at as occurred_at,
        not edges.is_above_threshold as is_case,
        other_customers.customer_name as value_1,
        cast(edges.count_events as string) as value_2,
        cast(null as string) as value_3,
        'influence_edge' as row_object,
        edges.influence_edge_id as row_id
    from {{ ref('fct_influence_edge') }} as edges
    left join customers on edges.from_customer_id = customers.customer_id
    left join customers as other_customers
        on edges.to_customer_id = other_customers.customer_id
    where edges.is_claim

),

vetoes as (

    select
        'hasty_veto' as trap_id,
        'project_team' as subject_type,
        teams.project_team_id as subject_id,
        teams.project_name as subject_name,
        teams.reviewed_at as occurred_at,
        teams.is_vetoed and teams.formation_hours < limits.max_formation_hours as is_case,
        cast({{ rounded('teams.formation_hours * 60') }} as string) as value_1,
        teams.gate as value_2,
        teams.gate_reason as value_3,
        'gate_review' as row_object,
        teams.gate_review_id as row_id
    from {{ ref('fct_project_team') }} as teams
    cross join limits
    where teams.gate_review_id is not null and teams.formation_hours is not null

),

labels as (

    select
        'label_gaming' as trap_id,
        'rep' as subject_type,
        labels.owner_rep_id as subject_id,
        reps.rep_name as subject_name,
        labels.created_at as occurred_at,
        labels.is_case,
        cast({{ rounded('labels.amount_cny') }} as string) as value_1,
        {{ format_date('labels.changed_at', '%Y-%m-%d') }} as value_2,
        cast({{ rounded('labels.low_ratio * 100') }} as string) as value_3,
        'lead' as row_object,
        labels.lead_id as row_id
    from {{ ref('int_traps__gamed_labels') }} as labels
    left join {{ ref('dim_rep') }} as reps on labels.owner_rep_id = reps.rep_id

),

copies as (

    select
        'copied_practice' as trap_id,
        'rep' as subject_type,
        items.owner_rep_id as subject_id,
        reps.rep_name as subject_name,
        items.created_at as occurred_at,
        items.is_copy as is_case,
        cast({{ rounded('items.similarity_ratio * 100') }} as string) as value_1,
        originals.title as value_2,
        cast(null as string) as value_3,
        'knowledge_item' as row_object,
        items.knowledge_item_id as row_id
    from {{ ref('fct_knowledge_item') }} as items
    left join {{ ref('fct_knowledge_item') }} as originals
        on items.copied_from_id = originals.knowledge_item_id
    left join {{ ref('dim_rep') }} as reps on items.owner_rep_id = reps.rep_id
    where items.track = 'practice' and items.is_compared

),

islands as (

    select
        'island' as trap_id,
        'account' as subject_type,
        orders.account_id as subject_id,
        accounts.account_name as subject_name,
        orders.ordered_at as occurred_at,
        orders.is_typed_by_hand as is_case,
        opportunities.opportunity_name as value_1,
        cast(null as string) as value_2,
        cast(null as string) as value_3,
        'order' as row_object,
        orders.order_id as row_id
    from {{ ref('fct_order') }} as orders
    inner join {{ ref('fct_opportunity') }} as opportunities
        on orders.opportunity_id = opportunities.opportunity_id
    left join accounts on orders.account_id = accounts.account_id
    where orders.is_typed_by_hand is not null

),

usage as (

    select
        'low_usage' as trap_id,
        'month' as subject_type,
        {{ format_date('months.month_start', '%Y-%m') }} as subject_id,
        {{ format_date('months.month_start', '%Y-%m') }} as subject_name,
        cast(months.last_day as timestamp) as occurred_at,
        months.usage_ratio < limits.min_usage_ratio as is_case,
        cast(months.count_users as string) as value_1,
        cast(months.count_reps as string) as value_2,
        cast({{ rounded('months.usage_ratio * 100') }} as string) as value_3,
        'month' as row_object,
        {{ format_date('months.month_start', '%Y-%m') }} as row_id
    from {{ ref('int_traps__usage_months') }} as months
    cross join limits

),

examined as (

    select * from contradictions
    union all
    select * from claims
    union all
    select * from vetoes
    union all
    select * from labels
    union all
    select * from copies
    union all
    select * from islands
    union all
    select * from usage

)

select
    examined.trap_id,
    examined.subject_type,
    examined.subject_id,
    examined.subject_name,
    examined.occurred_at,
    examined.is_case,
    examined.value_1,
    examined.value_2,
    examined.value_3,
    examined.row_object,
    examined.row_id,
    {{ elapsed_days('examined.occurred_at', as_of_end()) }} as age_days
from examined
inner join windows on examined.trap_id = windows.trap_id
where
    examined.occurred_at < {{ as_of_end() }}
    and {{ elapsed_days('examined.occurred_at', as_of_end()) }} <= windows.window_days
