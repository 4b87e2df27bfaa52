-- One row per quadrant: the play that is valid on the day that counts as today.
with

begun as (

    select
        *,
        row_number() over (
            partition by quadrant order by valid_from desc nulls last, play_id asc nulls last
        ) as age_rank
    from {{ ref('journey_play') }}
    where valid_from <= {{ as_of_date() }}

)

select
    quadrant,
    play_id,
    name_en,
    name_zh,
    play_en,
    play_zh
from begun
where age_rank = 1
