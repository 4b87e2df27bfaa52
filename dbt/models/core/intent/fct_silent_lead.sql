-- One row per lead that was touched: whether the customer reacted in time. A lead whose time is not
-- over yet is undecided, even if the customer has reacted: counting the quick ones among the young
-- would flatter the share. Where no system records what customers do, silence is unknown.
with

leads as (

    select *
    from {{ ref('fct_lead') }}
    where first_touch_at is not null and first_touch_at < {{ as_of_end() }}

),

reactions as (

    select
        lead_id,
        occurred_at
    from {{ ref('fct_activity') }}
    where direction = 'inbound' and occurred_at < {{ as_of_end() }}

),

delivery as (

    select count(*) as count_reactions
    from reactions

),

limits as (

    select threshold_value as silent_hours
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'silent_lead_hours'

),

timed as (

    select
        leads.lead_id,
        leads.source_system,
        leads.account_id,
        leads.contact_id,
        leads.created_at,
        leads.first_touch_at,
        limits.silent_hours,
        {{ add_seconds('leads.first_touch_at', rounded('limits.silent_hours * 3600')) }}
            as decided_at,
        delivery.count_reactions > 0 as is_reaction_known
    from leads
    cross join limits
    cross join delivery

),

judged as (

    select
        timed.lead_id,
        max(
            case when reactions.occurred_at <= timed.decided_at then 1 else 0 end
        ) as has_reacted_in_time,
        min(reactions.occurred_at) as first_reaction_at,
        min(
            case when reactions.occurred_at > timed.decided_at then reactions.occurred_at end
        ) as late_reaction_at
    from timed
    inner join reactions
        on timed.lead_id = reactions.lead_id and timed.first_touch_at <= reactions.occurred_at
    group by timed.lead_id

),

decided as (

    select
        timed.*,
        judged.first_reaction_at,
        judged.late_reaction_at,
        case
            when timed.is_reaction_known and timed.decided_at < {{ as_of_end() }}
                then coalesce(judged.has_reacted_in_time, 0) = 0
        end as is_silent
    from timed
    left join judged on timed.lead_id = judged.lead_id

)

select
    lead_id,
    source_system,
    account_id,
    contact_id,
    created_at,
    first_touch_at,
    decided_at,
    first_reaction_at,
    is_silent,
    is_silent is not null as is_decided,
    case when is_silent then late_reaction_at end as reactivated_at,
    case when is_silent then late_reaction_at is not null end as is_activated,
    case when is_silent then late_reaction_at is null end as is_still_silent,
    case
        when is_silent and late_reaction_at is not null
            then {{ elapsed_hours('first_touch_at', 'late_reaction_at') }}
    end as reactivation_delay_hours,
    {{ elapsed_hours(
        'first_touch_at', 'coalesce(first_reaction_at, ' ~ as_of_end() ~ ')'
    ) }} as silent_hours
from decided
