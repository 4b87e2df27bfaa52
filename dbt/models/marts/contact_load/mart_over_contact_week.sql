-- One row per person and week in which we touched it, it complained or it opted out, beside the
-- safe frequency of its segment (of all together where the segment's is unknown).
with

weeks as (

    select * from {{ ref('int_contact_load__person_weeks') }}

),

persons as (

    select * from {{ ref('dim_person') }}

),

customers as (

    select * from {{ ref('dim_customer') }}

),

frequencies as (

    select * from {{ ref('mart_safe_frequency') }}

),

overall as (

    select max(safe_touches_per_week) as safe_touches_per_week
    from frequencies
    where segment = 'all'

),

delivered as (

    select count(*) > 0 as has_optouts
    from {{ ref('int_canonical__contact_optouts') }}

),

reps as (

    select
        rep_id,
        rep_name,
        team_name
    from {{ ref('dim_rep') }}

),

joined as (

    select
        weeks.*,
        persons.person_name,
        persons.customer_id,
        customers.customer_name,
        customers.segment,
        customers.industry,
        customers.region,
        customers.owner_rep_id as rep_id,
        reps.rep_name,
        reps.team_name,
        delivered.has_optouts,
        coalesce(frequencies.safe_touches_per_week, overall.safe_touches_per_week)
            as safe_touches_per_week
    from weeks
    left join persons on weeks.person_id = persons.person_id
    left join customers on persons.customer_id = customers.customer_id
    left join reps on customers.owner_rep_id = reps.rep_id
    left join frequencies on customers.segment = frequencies.segment
    cross join overall
    cross join delivered

)

select
    over_contact_week_id,
    person_id,
    person_name,
    customer_id,
    customer_name,
    segment,
    industry,
    region,
    rep_id,
    rep_name,
    team_name,
    week_start,
    week_start as period_date,
    count_touches,
    count_outbound_touches,
    count_bad_reviews,
    case when has_optouts then opted_out_at is not null end as has_opted_out,
    opted_out_at,
    count_outbound_before_optout,
    count_bad_reviews > 0 as has_bad_review,
    is_after_optout,
    safe_touches_per_week,
    safe_touches_per_week is not null as is_safe_frequency_known,
    count_outbound_touches > safe_touches_per_week as is_over_safe_frequency,
    case
        when not has_optouts or safe_touches_per_week is null then null
        else coalesce(count_outbound_before_optout > safe_touches_per_week, false)
    end as is_over_contact_optout
from joined
