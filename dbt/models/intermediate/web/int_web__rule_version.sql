-- One row: the version of the rules by which sessions are cut, and how far a session can reach.
{{ config(materialized='table') }}
{%- set built = last_built_days('landed') %}
with

landed as (

    select * from {{ ref('int_web__landed_days') }}

),

thresholds as (

    select * from {{ ref('int_rules__thresholds') }}

),

limits as (

    select
        max(
            case when threshold_id = 'session_gap_minutes' then threshold_value end
        ) as gap_minutes,
        max(
            case when threshold_id = 'session_key_gap_minutes' then threshold_value end
        ) as key_gap_minutes,
        max(
            case when threshold_id = 'session_max_hours' then threshold_value end
        ) as max_hours,
        max(
            case when threshold_id = 'page_view_max_seconds' then threshold_value end
        ) as view_seconds
    from thresholds

),

built as (

    {{ built }}

),

session_keys as (

    select coalesce(max(count_session_keys), 0) > 0 as has_session_keys
    from landed

),

versions as (

    select
        {{ web_rules_version() }}
        || ' ' || cast(gap_minutes as string) || ' ' || cast(key_gap_minutes as string)
        || ' ' || cast(max_hours as string) || ' ' || cast(view_seconds as string) as rule_version
    from limits

),

built_versions as (

    select max(rule_version) as rule_version
    from built

)

-- A session reaches at most its longest length, and beyond that one pause decides that it is too
-- long. The minute keeps "longer than" apart from "as long as".
select
    versions.rule_version,
    coalesce(versions.rule_version <> built_versions.rule_version, true) as is_rebuilt,
    '{{ web_changes_id() }}' as changes_id,
    limits.gap_minutes,
    limits.key_gap_minutes,
    limits.max_hours,
    limits.view_seconds,
    60 * (
        60 * limits.max_hours + 1
        + case
            when session_keys.has_session_keys
                then greatest(limits.gap_minutes, limits.key_gap_minutes)
            else limits.gap_minutes
        end
    ) as reach_seconds
from limits
cross join session_keys
cross join versions
cross join built_versions
