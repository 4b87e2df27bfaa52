-- One row per action on a worklist: what was done with which lead, and whether a quote followed in
-- time. Before the time is over the answer is open, unless the quote is there already.
with

actions as (

    select * from {{ ref('int_intent__worklist_actions') }}

),

outcomes as (

    select * from {{ ref('worklist_outcome') }}

),

leads as (

    select * from {{ ref('int_intent__lead_subjects') }}

),

limits as (

    select threshold_value as quote_hours
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'quote_outcome_hours'

),

lead_quotes as (

    select
        links.lead_id,
        quotes.quoted_at
    from {{ ref('int_selling__lead_opportunities') }} as links
    inner join {{ ref('fct_quote') }} as quotes on links.opportunity_id = quotes.opportunity_id
    where quotes.quoted_at < {{ as_of_end() }}

),

timed as (

    select
        actions.*,
        {{ add_seconds('actions.acted_at', rounded('limits.quote_hours * 3600')) }} as due_at,
        -- Waiting and writing a note are no attempt.
        actions.action in ('assign', 'outcome') as is_attempt
    from actions
    cross join limits

),

quoted as (

    select
        timed.action_id,
        min(lead_quotes.quoted_at) as quoted_at
    from timed
    inner join lead_quotes
        on timed.subject_id = lead_quotes.lead_id and timed.acted_at <= lead_quotes.quoted_at
    group by timed.action_id

),

judged as (

    select
        timed.*,
        quoted.quoted_at,
        case
            when not timed.is_attempt then null
            when quoted.quoted_at <= timed.due_at then true
            when timed.due_at < {{ as_of_end() }} then false
        end as is_quoted_in_time
    from timed
    left join quoted on timed.action_id = quoted.action_id

)

select
    judged.action_id,
    judged.list_name as list, -- noqa: RF04
    judged.subject_id as lead_id,
    leads.lead_name,
    leads.source_system,
    judged.action,
    judged.value,
    outcomes.name_en as outcome_name_en,
    outcomes.name_zh as outcome_name_zh,
    outcomes.is_finished,
    judged.until_date,
    judged.note,
    judged.actor,
    judged.acted_at,
    cast(judged.acted_at as date) as period_date,
    judged.version_id,
    judged.is_attempt,
    judged.due_at,
    judged.quoted_at,
    judged.is_quoted_in_time,
    judged.is_quoted_in_time is not null as is_quote_decided,
    case
        when not judged.is_attempt then null
        when judged.is_quoted_in_time then 'yes'
        when not judged.is_quoted_in_time then 'no'
        else 'too_early'
    end as quote_state,
    leads.account_id,
    leads.account_name,
    leads.industry,
    leads.region,
    leads.team_name,
    leads.rep_id,
    leads.rep_name,
    leads.channel,
    leads.product_line
from judged
left join leads on judged.subject_id = leads.lead_id
left join outcomes
    on case when judged.action = 'outcome' then judged.value end = outcomes.outcome
