-- One row per card of the knowledge base. Whether it is reused is said when it has had its time to
-- be found, and dated by that day: else the newest weeks would always look worst. A copy is no card
-- of its own.
with

items as (

    select * from {{ ref('fct_knowledge_item') }}

),

originals as (

    select
        knowledge_item_id,
        title
    from {{ ref('fct_knowledge_item') }}

),

reps as (

    select * from {{ ref('dim_rep') }}

),

maturity as (

    select max(threshold_value) as maturity_days
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'knowledge_maturity_days'

),

dated as (

    select
        items.*,
        {{ add_days('cast(items.created_at as date)', 'maturity.maturity_days') }} as mature_date
    from items
    cross join maturity

)

select
    dated.knowledge_item_id,
    dated.title,
    dated.source_system,
    dated.owner_rep_id as rep_id,
    reps.rep_name,
    reps.team_name,
    reps.region,
    dated.track,
    dated.scenario,
    dated.created_at,
    case when dated.mature_date <= {{ as_of_date() }} then dated.mature_date end as period_date,
    dated.count_uses,
    dated.count_users,
    dated.first_used_at,
    dated.last_used_at,
    dated.count_uses > 0 as is_reused,
    coalesce(dated.mature_date <= {{ as_of_date() }}, false) and not dated.is_copy
        as is_reuse_known,
    coalesce(dated.track = 'practice', false) as is_practice,
    coalesce(dated.track = 'standard', false) as is_standard,
    dated.is_copy,
    dated.copied_from_id,
    originals.title as copied_from_title,
    dated.similarity_ratio
from dated
left join originals on dated.copied_from_id = originals.knowledge_item_id
left join reps on dated.owner_rep_id = reps.rep_id
