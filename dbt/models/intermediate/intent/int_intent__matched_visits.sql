-- One row per page view of a known visitor and version of a page signal that its page belongs to.
-- Patterns are tried on the pages of a day, not on views: there are few of the one and many of the
-- other.
{{ config(
    materialized=days_materialization(),
    meta={
        'day_column': 'session_date',
        'follows_names': true,
        'follows': ['int_intent__rules']
    },
    tags=['web_names']
) }}
with

rules as (

    select *
    from {{ ref('int_intent__rules') }}
    where is_active and (page_group is not null or url_pattern is not null)

),

visits as (

    select * from {{ ref('int_intent__visits') }}
    where {{ is_changed_day('session_date') }}

),

pages as (

    select distinct
        page_group,
        url_path
    from visits

),

page_matches as (

    select
        rules.signal_id,
        rules.signal_version,
        rules.kind,
        rules.subject_level,
        pages.page_group,
        pages.url_path
    from pages
    inner join rules
        on
            (rules.page_group is null or pages.page_group = rules.page_group)
            and (
                rules.url_pattern is null
                or {{ matches_rule('pages.url_path', 'rules.url_pattern') }}
            )

)

select
    page_matches.signal_id,
    page_matches.signal_version,
    page_matches.kind,
    case
        when page_matches.subject_level = 'account' then visits.account_id else visits.person_key
    end as subject_key,
    visits.web_event_id,
    visits.source_system,
    visits.visitor_id,
    visits.session_id,
    visits.session_date,
    visits.contact_id,
    visits.account_id,
    visits.occurred_at,
    visits.known_at,
    visits.url_path,
    visits.engaged_seconds
from visits
inner join page_matches
    on
        visits.url_path = page_matches.url_path
        and coalesce(visits.page_group, '') = coalesce(page_matches.page_group, '')
where page_matches.subject_level <> 'account' or visits.account_id is not null
