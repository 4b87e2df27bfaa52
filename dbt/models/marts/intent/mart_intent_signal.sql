-- One row per time that an intent signal was raised.
with

hits as (

    select * from {{ ref('fct_intent_signal_hit') }}

),

rules as (

    select * from {{ ref('int_intent__rules') }}

),

accounts as (

    select * from {{ ref('dim_account') }}

),

contacts as (

    select * from {{ ref('dim_contact') }}

),

reps as (

    select * from {{ ref('dim_rep') }}

)

select
    hits.signal_hit_id,
    hits.signal_id,
    rules.name_en as signal_name_en,
    rules.name_zh as signal_name_zh,
    hits.signal_version,
    rules.is_latest as is_latest_rule,
    hits.kind,
    hits.source_system,
    hits.account_id,
    accounts.account_name,
    hits.contact_id,
    contacts.contact_name,
    hits.visitor_id,
    hits.opportunity_id,
    hits.lead_id,
    hits.industry,
    coalesce(accounts.region, reps.region) as region,
    reps.team_name,
    accounts.owner_rep_id as rep_id,
    reps.rep_name,
    hits.occurred_at,
    hits.known_at,
    hits.signal_date as period_date,
    hits.count_evidence,
    hits.weight,
    hits.half_life_days,
    hits.account_id is not null as is_identified,
    rules.play_en,
    rules.play_zh
from hits
inner join rules
    on
        hits.signal_id = rules.signal_id
        and hits.signal_version = rules.signal_version
left join accounts on hits.account_id = accounts.account_id
left join contacts on hits.contact_id = contacts.contact_id
left join reps on accounts.owner_rep_id = reps.rep_id
