-- One row per stalled lead: the reason that comes first by the rule rows among those that hold, and
-- the row that shows it.
with

leads as (

    select * from {{ ref('int_intent__stalled_leads') }}

),

touches as (

    select
        stalled.lead_id,
        touches.activity_id,
        touches.direction,
        touches.occurred_at
    from {{ ref('int_intent__lead_activities') }} as touches
    inner join leads as stalled on touches.lead_id = stalled.lead_id

),

departures as (

    select
        leads.lead_id,
        changes.contact_job_change_id,
        changes.changed_at,
        row_number() over (
            partition by leads.lead_id
            order by changes.changed_at desc nulls last, changes.contact_job_change_id desc
        ) as change_rank
    from leads
    inner join {{ ref('int_canonical__contact_job_changes') }} as changes
        on leads.contact_id = changes.contact_id and leads.created_at < changes.changed_at
    where
        changes.from_account_id <> changes.to_account_id
        and changes.changed_at < {{ as_of_end() }}

),

quotes as (

    select
        leads.lead_id,
        quotes.quote_id,
        quotes.quoted_at,
        row_number() over (
            partition by leads.lead_id
            order by quotes.quoted_at desc nulls last, quotes.quote_id desc
        ) as quote_rank
    from leads
    inner join {{ ref('fct_quote') }} as quotes on leads.opportunity_id = quotes.opportunity_id
    where quotes.quoted_at < {{ as_of_end() }}

),

inbound_texts as (

    select
        touches.lead_id,
        texts.text_object,
        texts.text_id,
        texts.occurred_at,
        row_number() over (
            partition by touches.lead_id
            order by texts.occurred_at desc nulls last, texts.text_id desc
        ) as text_rank
    from touches
    inner join {{ ref('int_intent__texts') }} as texts on touches.activity_id = texts.activity_id
    where touches.direction = 'inbound'

),

next_steps as (

    select *
    from {{ ref('next_step') }}
    where list = 'stalled_lead'

),

reasons as (

    select
        lead_id,
        'decision_maker_left' as reason_code,
        'contact_job_change' as evidence_object,
        contact_job_change_id as evidence_id,
        changed_at as evidence_at
    from departures
    where change_rank = 1
    union all
    select
        quotes.lead_id,
        'quote_unanswered' as reason_code,
        'quote' as evidence_object,
        quotes.quote_id as evidence_id,
        quotes.quoted_at as evidence_at
    from quotes
    where
        quotes.quote_rank = 1
        and not exists (
            select 1
            from touches
            where
                touches.lead_id = quotes.lead_id
                and touches.direction = 'inbound'
                and touches.occurred_at > quotes.quoted_at
        )
    union all
    select
        inbound_texts.lead_id,
        worded_steps.reason_code,
        inbound_texts.text_object as evidence_object,
        inbound_texts.text_id as evidence_id,
        inbound_texts.occurred_at as evidence_at
    from inbound_texts
    inner join {{ ref('int_intent__keyword_matches') }} as matches
        on
            inbound_texts.text_object = matches.text_object
            and inbound_texts.text_id = matches.text_id
    inner join next_steps as worded_steps
        on matches.keyword_group = worded_steps.keyword_group
    where inbound_texts.text_rank = 1
    union all
    select
        leads.lead_id,
        'no_owner_touch' as reason_code,
        case when leads.last_touch_at is not null then 'activity' end as evidence_object,
        max(touches.activity_id) as evidence_id,
        leads.last_touch_at as evidence_at
    from leads
    left join touches
        on leads.lead_id = touches.lead_id and leads.last_touch_at = touches.occurred_at
    group by leads.lead_id, leads.last_touch_at

),

ranked as (

    select
        reasons.*,
        next_steps.reason_en,
        next_steps.reason_zh,
        next_steps.next_step_en,
        next_steps.next_step_zh,
        row_number() over (
            partition by reasons.lead_id
            order by next_steps.priority asc nulls last, reasons.reason_code asc nulls last
        ) as reason_rank
    from reasons
    inner join next_steps on reasons.reason_code = next_steps.reason_code

)

select
    lead_id,
    reason_code,
    reason_en,
    reason_zh,
    next_step_en,
    next_step_zh,
    evidence_object,
    evidence_id,
    evidence_at
from ranked
where reason_rank = 1
