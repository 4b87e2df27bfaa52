-- One row per system, channel and day on which the system delivered a record of the channel.
{{ config(materialized='table') }}
select
    source_system,
    channel,
    cast(known_at as date) as known_date,
    count(*) as count_records
from {{ ref('int_relationship__records') }}
where known_at < {{ as_of_end() }}
group by source_system, channel, cast(known_at as date)
