-- One row per thing that happened with an account that ever gave a signal: signals, visits to our
-- site, touches, quotes, changes of stage, leads. A view: its rows are long texts of which few are
-- new, and storing them all again costs more than putting them together.
{{ config(materialized='view') }}
with

signal_accounts as (

    select distinct account_id
    from {{ ref('fct_intent_signal_hit') }}
    where account_id is not null

),

hits as (

    select * from {{ ref('mart_intent_signal') }}
    where account_id is not null

),

visits as (

    select * from {{ ref('int_intent__visit_sessions') }}
    where occurred_at < {{ as_of_end() }}

),

activities as (

    select * from {{ ref('fct_activity') }}
    where occurred_at < {{ as_of_end() }}

),

opportunities as (

    select * from {{ ref('fct_opportunity') }}

),

leads as (

    select * from {{ ref('int_intent__lead_subjects') }}

),

stages as (

    select * from {{ ref('funnel_stage') }}

),

channels as (

    select *
    from {{ ref('canonical_codes') }}
    where code_list = 'activity_channel'

),

texts as (

    select
        activity_id,
        max(body) as body
    from {{ ref('int_intent__texts') }}
    where activity_id is not null
    group by activity_id

),

contacts as (

    select * from {{ ref('dim_contact') }}

),

happened as (

    select
        account_id,
        occurred_at,
        'signal' as kind,
        signal_name_en as title_en,
        signal_name_zh as title_zh,
        cast(null as string) as detail,
        contact_id,
        source_system,
        signal_hit_id,
        signal_hit_id as object_id
    from hits
    union all
    select
        account_id,
        occurred_at,
        'visit' as kind,
        'Visit: ' || cast(count_views as string) || ' pages' as title_en,
        '来访：' || cast(count_views as string) || ' 页' as title_zh,
        pages as detail,
        contact_id,
        source_system,
        cast(null as string) as signal_hit_id,
        session_id as object_id
    from visits
    union all
    select
        coalesce(activities.account_id, opportunities.account_id, leads.account_id) as account_id,
        activities.occurred_at,
        'activity' as kind,
        case activities.direction
            when 'inbound' then 'From the customer: '
            when 'outbound' then 'To the customer: '
            else ''
        end || coalesce(channels.name_en, activities.channel, '?') as title_en,
        case activities.direction
            when 'inbound' then '客户来：'
            when 'outbound' then '我方去：'
            else ''
        end || coalesce(channels.name_zh, activities.channel, '?') as title_zh,
        substr(texts.body, 1, 300) as detail,
        activities.contact_id,
        activities.source_system,
        cast(null as string) as signal_hit_id,
        activities.activity_id as object_id
    from activities
    left join opportunities on activities.opportunity_id = opportunities.opportunity_id
    left join leads on activities.lead_id = leads.lead_id
    left join channels on activities.channel = channels.code
    left join texts on activities.activity_id = texts.activity_id
    union all
    select
        opportunities.account_id,
        quotes.quoted_at as occurred_at,
        'quote' as kind,
        'Quote' as title_en,
        '报价' as title_zh,
        opportunities.opportunity_name as detail,
        opportunities.contact_id,
        quotes.source_system,
        cast(null as string) as signal_hit_id,
        quotes.quote_id as object_id
    from {{ ref('fct_quote') }} as quotes
    inner join opportunities on quotes.opportunity_id = opportunities.opportunity_id
    where quotes.quoted_at < {{ as_of_end() }}
    union all
    select
        opportunities.account_id,
        events.entered_at as occurred_at,
        'stage' as kind,
        'Stage: ' || coalesce(stages.name_en, events.stage_in_source, '?') as title_en,
        '阶段：' || coalesce(stages.name_zh, events.stage_in_source, '?') as title_zh,
        opportunities.opportunity_name as detail,
        opportunities.contact_id,
        events.source_system,
        cast(null as string) as signal_hit_id,
        events.opportunity_stage_event_id as object_id
    from {{ ref('fct_opportunity_stage_event') }} as events
    inner join opportunities on events.opportunity_id = opportunities.opportunity_id
    left join stages on events.funnel_stage = stages.funnel_stage
    where events.entered_at < {{ as_of_end() }}
    union all
    select
        leads.account_id,
        leads.created_at as occurred_at,
        'lead' as kind,
        'Lead' as title_en,
        '线索' as title_zh,
        leads.lead_name as detail,
        leads.contact_id,
        leads.source_system,
        cast(null as string) as signal_hit_id,
        leads.lead_id as object_id
    from leads
    where leads.created_at < {{ as_of_end() }}

)

select
    happened.kind || ':' || happened.object_id || ':' || happened.account_id
        as account_timeline_id,
    happened.account_id,
    happened.occurred_at,
    cast(happened.occurred_at as date) as period_date,
    happened.kind,
    happened.title_en,
    happened.title_zh,
    happened.detail,
    happened.contact_id,
    contacts.contact_name,
    happened.source_system,
    happened.signal_hit_id,
    happened.object_id
from happened
inner join signal_accounts on happened.account_id = signal_accounts.account_id
left join contacts on happened.contact_id = contacts.contact_id
where happened.occurred_at is not null
