-- One row per customer, basis and time in which what it reaches by influence stayed the same; while
-- it does, the last day is the last of all days.
select
    customer_id,
    basis,
    reach_date as first_date,
    last_date,
    count_accounts,
    count_industries,
    count_levels
from {{ ref('fct_influence_reach_day') }}
