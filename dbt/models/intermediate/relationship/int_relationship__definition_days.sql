-- One row per definition: the days of which indices are made by it. Today's definition is for all
-- days there are, so that earlier ones can be shown under it; an earlier one for its own days.
with

definitions as (

    select * from {{ ref('int_relationship__definitions') }}

),

first_days as (

    select min(first_date) as first_date
    from (
        select min(known_date) as first_date
        from {{ ref('int_relationship__source_days') }}
        union all
        select min(first_date) as first_date
        from {{ ref('int_relationship__reach') }}
    ) as firsts

),

spans as (

    select
        definitions.definition_version,
        definitions.coverage_window_days,
        definitions.is_current,
        case
            when definitions.is_current or definitions.period_start < first_days.first_date
                then first_days.first_date
            else definitions.period_start
        end as first_date,
        case
            when definitions.is_current then {{ as_of_date() }}
            else {{ add_days('definitions.period_end', -1) }}
        end as last_date
    from definitions
    cross join first_days

)

select
    definition_version,
    coverage_window_days,
    is_current,
    first_date,
    last_date
from spans
where first_date <= last_date
