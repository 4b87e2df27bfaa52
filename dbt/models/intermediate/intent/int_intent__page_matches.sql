-- One row per page of the visits and version of a page signal that it belongs to. Patterns are
-- tried on pages, not on visits: there are thousands of the one and millions of the other.
{{ config(materialized='table') }}
with

rules as (

    select *
    from {{ ref('int_intent__rules') }}
    where is_active and (page_group is not null or url_pattern is not null)

),

pages as (

    select distinct
        page_group,
        url_path
    from {{ ref('int_intent__visits') }}

)

select
    rules.signal_id,
    rules.signal_version,
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
