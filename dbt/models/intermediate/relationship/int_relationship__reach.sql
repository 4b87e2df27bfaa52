-- One row per customer, basis and time in which what it reaches by influence stayed the same; while
-- it does, the last day is the last of all days.
select
    customer_id,
    basis,
    reach_date as first_date,
    coalesce(
        {{ add_days(
            'lead(reach_date) over ('
            ~ 'partition by customer_id, basis order by reach_date asc nulls last)',
            -1
        ) }},
        date '9999-12-31'
    ) as last_date,
    count_accounts,
    count_industries,
    count_levels
from {{ ref('fct_influence_reach_day') }}
