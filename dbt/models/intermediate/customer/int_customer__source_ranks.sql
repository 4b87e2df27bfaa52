-- One row per subject and system: which system's record stands for a customer or person.
with

ranks as (

    select
        subject,
        source_system,
        source_rank,
        row_number() over (
            partition by subject, source_system order by valid_from desc nulls last
        ) as age_rank
    from {{ ref('identity_source') }}
    where valid_from <= {{ as_of_date() }}

)

select
    subject,
    source_system,
    source_rank
from ranks
where age_rank = 1
