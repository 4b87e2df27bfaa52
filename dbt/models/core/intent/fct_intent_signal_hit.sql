-- One row per time that an intent signal was raised: who, when, by which version of which rule,
-- with the weight of the account's industry on that day.
with

raised as (

    select * from {{ ref('int_intent__raised') }}

),

rules as (

    select * from {{ ref('int_intent__rules') }}

),

weights as (

    select * from {{ ref('int_intent__weights') }}

),

accounts as (

    select * from {{ ref('dim_account') }}

),

evidence as (

    select
        signal_hit_id,
        count(*) as count_evidence,
        max(known_at) as known_at,
        min(source_system) as source_system
    from {{ ref('int_intent__hit_evidence') }}
    group by signal_hit_id

)

select
    raised.signal_hit_id,
    raised.signal_id,
    raised.signal_version,
    rules.kind,
    evidence.source_system,
    raised.account_id,
    raised.contact_id,
    raised.visitor_id,
    raised.opportunity_id,
    raised.lead_id,
    accounts.industry,
    raised.occurred_at,
    cast(raised.occurred_at as date) as signal_date,
    evidence.known_at,
    cast(evidence.known_at as date) as known_date,
    cast(evidence.count_evidence as bigint) as count_evidence,
    coalesce(weights.weight, rules.weight) as weight,
    rules.half_life_days
from raised
inner join rules
    on
        raised.signal_id = rules.signal_id
        and raised.signal_version = rules.signal_version
inner join evidence on raised.signal_hit_id = evidence.signal_hit_id
left join accounts on raised.account_id = accounts.account_id
left join weights
    on
        raised.signal_id = weights.signal_id
        and accounts.industry = weights.industry
        and cast(raised.occurred_at as date) >= weights.valid_from
        and cast(raised.occurred_at as date) < coalesce(weights.valid_until, date '9999-12-31')
