-- One row per account or contact and day on which at least one signal still counts.
with

scores as (

    select * from {{ ref('fct_intent_score_day') }}

),

accounts as (

    select * from {{ ref('dim_account') }}

),

contacts as (

    select * from {{ ref('dim_contact') }}

)

select
    scores.intent_score_day_id,
    scores.score_date,
    scores.level,
    scores.account_id,
    accounts.account_name,
    scores.contact_id,
    contacts.contact_name,
    accounts.industry,
    scores.score_points,
    scores.count_factors,
    scores.count_signals,
    scores.rule_version,
    scores.is_first_day_of_rules
from scores
left join accounts on scores.account_id = accounts.account_id
left join contacts on scores.contact_id = contacts.contact_id
