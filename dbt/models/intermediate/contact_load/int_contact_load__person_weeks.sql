-- One row per person and week (from Monday, UTC) in which we touched it, it complained or it opted
-- out. What stands before an opt-out is counted over the days right before it, because a week that
-- begins on the day of the opt-out says nothing about them.
{{ config(materialized='table') }}
with

limits as (

    select cast(threshold_value as bigint) as lookback_days
    from {{ ref('int_rules__thresholds') }}
    where threshold_id = 'over_contact_lookback_days'

),

people as (

    select
        contact_id,
        person_id
    from {{ ref('bridge_contact_person') }}

),

activities as (

    select
        people.person_id,
        activities.activity_id,
        activities.direction,
        activities.occurred_at
    from {{ ref('fct_activity') }} as activities
    inner join people on activities.contact_id = people.contact_id
    where activities.occurred_at < {{ as_of_end() }}

),

touch_weeks as (

    select
        person_id,
        {{ date_week('occurred_at') }} as week_start,
        count(*) as count_touches,
        cast(sum(case when direction = 'outbound' then 1 else 0 end) as bigint)
            as count_outbound_touches
    from activities
    group by person_id, {{ date_week('occurred_at') }}

),

complaint_weeks as (

    select
        people.person_id,
        {{ date_week('texts.occurred_at') }} as week_start,
        count(*) as count_bad_reviews
    from {{ ref('int_intent__keyword_matches') }} as matches
    inner join {{ ref('int_intent__texts') }} as texts
        on matches.text_object = texts.text_object and matches.text_id = texts.text_id
    inner join people on texts.contact_id = people.contact_id
    where
        matches.keyword_group = 'complaint'
        and coalesce(texts.direction, 'inbound') = 'inbound'
        and texts.occurred_at < {{ as_of_end() }}
    group by people.person_id, {{ date_week('texts.occurred_at') }}

),

-- A person opts out once, whatever channels and systems say so: the first time counts.
optouts as (

    select
        people.person_id,
        min(optouts.occurred_at) as opted_out_at
    from {{ ref('int_canonical__contact_optouts') }} as optouts
    inner join people on optouts.contact_id = people.contact_id
    where optouts.occurred_at < {{ as_of_end() }}
    group by people.person_id

),

optout_weeks as (

    select
        optouts.person_id,
        {{ date_week('optouts.opted_out_at') }} as week_start,
        max(optouts.opted_out_at) as opted_out_at,
        count(activities.activity_id) as count_outbound_before
    from optouts
    cross join limits
    left join activities
        on
            optouts.person_id = activities.person_id
            and activities.direction = 'outbound'
            and optouts.opted_out_at > activities.occurred_at
            and activities.occurred_at
            >= {{ add_seconds('optouts.opted_out_at', '-limits.lookback_days * 86400') }}
    group by optouts.person_id, {{ date_week('optouts.opted_out_at') }}

),

weeks as (

    select
        person_id,
        week_start
    from touch_weeks
    union
    select
        person_id,
        week_start
    from complaint_weeks
    union
    select
        person_id,
        week_start
    from optout_weeks

)

select
    weeks.person_id || '|' || cast(weeks.week_start as string) as over_contact_week_id,
    weeks.person_id,
    weeks.week_start,
    coalesce(touch_weeks.count_touches, 0) as count_touches,
    coalesce(touch_weeks.count_outbound_touches, 0) as count_outbound_touches,
    coalesce(complaint_weeks.count_bad_reviews, 0) as count_bad_reviews,
    optout_weeks.opted_out_at,
    optout_weeks.count_outbound_before as count_outbound_before_optout,
    optouts.opted_out_at is not null and weeks.week_start > optouts.opted_out_at
        as is_after_optout,
    -- What decides about the frequency: a week that runs into an opt-out is told by the opt-out.
    case
        when optout_weeks.person_id is not null then optout_weeks.count_outbound_before
        when
            optouts.opted_out_at is null
            or {{ add_days('weeks.week_start', 'limits.lookback_days + 7') }}
            <= cast(optouts.opted_out_at as date)
            then coalesce(touch_weeks.count_outbound_touches, 0)
    end as count_exposed_touches
from weeks
cross join limits
left join touch_weeks
    on weeks.person_id = touch_weeks.person_id and weeks.week_start = touch_weeks.week_start
left join complaint_weeks
    on
        weeks.person_id = complaint_weeks.person_id
        and weeks.week_start = complaint_weeks.week_start
left join optout_weeks
    on weeks.person_id = optout_weeks.person_id and weeks.week_start = optout_weeks.week_start
left join optouts on weeks.person_id = optouts.person_id
