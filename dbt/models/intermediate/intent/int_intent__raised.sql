-- One row per time that a signal was raised for a subject. A rule that counts is raised when its
-- count is first reached, and again only after it was no longer reached at some evidence in
-- between; a rule that counts to one is raised by each piece of evidence. A rest in the rule row
-- allows one hit per period of that length while the behaviour lasts.
--
-- Distinct units in a moving window are counted without a self-join: a unit counts one from when it
-- is seen until it is seen again or the window has passed over it, and the count is a running sum.
{{ config(materialized='table') }}
with

rules as (

    select * from {{ ref('int_intent__rules') }}

),

evidence as (

    select * from {{ ref('int_intent__evidence') }}

),

counted_rules as (

    select
        signal_id,
        signal_version,
        min_count,
        window_seconds
    from rules
    where min_count > 1

),

seen as (

    select
        evidence.signal_id,
        evidence.signal_version,
        evidence.subject_key,
        evidence.evidence_id,
        evidence.evidence_at,
        counted_rules.min_count,
        case
            when counted_rules.window_seconds is not null
                then {{ add_seconds('evidence.evidence_at', 'counted_rules.window_seconds') }}
        end as passed_at,
        lead(evidence.evidence_at) over (
            partition by
                evidence.signal_id,
                evidence.signal_version,
                evidence.subject_key,
                evidence.unit_key
            order by evidence.evidence_at asc nulls last, evidence.evidence_id asc nulls last
        ) as seen_again_at
    from evidence
    inner join counted_rules
        on
            evidence.signal_id = counted_rules.signal_id
            and evidence.signal_version = counted_rules.signal_version

),

-- The window includes its first moment: a unit that is seen again gives way before the new one is
-- counted (0), one that the window has passed over only after it (2).
changes as (

    select
        signal_id,
        signal_version,
        subject_key,
        evidence_id,
        min_count,
        evidence_at as change_at,
        1 as change_order,
        1 as count_change
    from seen
    union all
    select
        signal_id,
        signal_version,
        subject_key,
        evidence_id,
        min_count,
        case
            when passed_at is null or seen_again_at <= passed_at then seen_again_at
            else passed_at
        end as change_at,
        case when passed_at is null or seen_again_at <= passed_at then 0 else 2 end
            as change_order,
        -1 as count_change
    from seen
    where passed_at is not null or seen_again_at is not null

),

running as (

    select
        signal_id,
        signal_version,
        subject_key,
        evidence_id,
        min_count,
        change_at,
        change_order,
        -- Changes of the same moment count together.
        sum(count_change) over (
            partition by signal_id, signal_version, subject_key
            order by change_at asc nulls last, change_order asc nulls last
            range between unbounded preceding and current row
        ) as count_units
    from changes

),

judged as (

    select
        signal_id,
        signal_version,
        subject_key,
        evidence_id,
        count_units,
        count_units >= min_count as is_reached,
        lag(count_units >= min_count) over (
            partition by signal_id, signal_version, subject_key
            order by change_at asc nulls last, evidence_id asc nulls last
        ) as was_reached
    from running
    where change_order = 1

),

raised as (

    select
        evidence.*,
        judged.count_units
    from evidence
    inner join judged
        on
            evidence.signal_id = judged.signal_id
            and evidence.signal_version = judged.signal_version
            and evidence.subject_key = judged.subject_key
            and evidence.evidence_id = judged.evidence_id
    where judged.is_reached and not coalesce(judged.was_reached, false)
    union all
    select
        evidence.*,
        1 as count_units
    from evidence
    inner join rules
        on
            evidence.signal_id = rules.signal_id
            and evidence.signal_version = rules.signal_version
    where rules.min_count = 1

),

valid as (

    select
        raised.*,
        rules.cooldown_seconds,
        lag(raised.evidence_at) over (
            partition by raised.signal_id, raised.subject_key
            order by raised.evidence_at asc nulls last, raised.evidence_id asc nulls last
        ) as previous_at
    from raised
    inner join rules
        on
            raised.signal_id = rules.signal_id
            and raised.signal_version = rules.signal_version
    where cast(raised.evidence_at as date) >= rules.valid_from

),

bouts as (

    select
        *,
        sum(
            case
                when {{ elapsed_seconds('previous_at', 'evidence_at') }} < cooldown_seconds then 0
                else 1
            end
        ) over (
            partition by signal_id, subject_key
            order by evidence_at asc nulls last, evidence_id asc nulls last
            rows between unbounded preceding and current row
        ) as bout_number
    from valid

),

started as (

    select
        *,
        min(evidence_at) over (partition by signal_id, subject_key, bout_number) as bout_start_at
    from bouts

),

rested as (

    select
        *,
        row_number() over (
            partition by
                signal_id,
                subject_key,
                bout_number,
                case
                    when cooldown_seconds > 0
                        then
                            {{ whole_division(
                                elapsed_seconds('bout_start_at', 'evidence_at'),
                                'cooldown_seconds'
                            ) }}
                end
            order by evidence_at asc nulls last, evidence_id asc nulls last
        ) as rest_rank
    from started

)

select
    signal_id || ':' || subject_key || ':' || evidence_id as signal_hit_id,
    signal_id,
    signal_version,
    subject_key,
    account_id,
    contact_id,
    visitor_id,
    opportunity_id,
    lead_id,
    evidence_id,
    evidence_at as occurred_at,
    cast(count_units as bigint) as count_units
from rested
where cooldown_seconds = 0 or rest_rank = 1
