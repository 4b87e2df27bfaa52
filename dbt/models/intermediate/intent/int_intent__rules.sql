-- One row per version of an intent signal: its rule row with the days on which it is valid. A later
-- version ends the one before; switching a signal off is a version too.
with

signals as (

    select * from {{ ref('intent_signal') }}

)

select
    signal_id,
    version as signal_version,
    is_active,
    valid_from,
    lead(valid_from) over (
        partition by signal_id order by valid_from asc nulls last, version asc nulls last
    ) as valid_until,
    lead(version) over (
        partition by signal_id order by valid_from asc nulls last, version asc nulls last
    ) is null as is_latest,
    kind,
    subject_level,
    page_group,
    url_pattern,
    min_seconds,
    distinct_on,
    counted_per,
    coalesce(min_count, 1) as min_count,
    window_days * 86400 as window_seconds,
    after_object,
    after_days * 86400 as after_seconds,
    silence_days * 86400 as silence_seconds,
    keyword_group,
    channels,
    direction,
    min_questions,
    decision_levels,
    coalesce(cooldown_days, 0) * 86400 as cooldown_seconds,
    cast(weight as double) as weight,
    cast(half_life_days as double) as half_life_days,
    name_en,
    name_zh,
    description_en,
    description_zh,
    play_en,
    play_zh,
    concat_ws(
        '|',
        'signal',
        signal_id,
        cast(version as string),
        case when is_active then 'on' else 'off' end,
        kind,
        subject_level,
        coalesce(page_group, ''),
        coalesce(url_pattern, ''),
        coalesce(cast(min_seconds as string), ''),
        coalesce(distinct_on, ''),
        coalesce(counted_per, ''),
        coalesce(cast(min_count as string), ''),
        coalesce(cast(window_days as string), ''),
        coalesce(after_object, ''),
        coalesce(cast(after_days as string), ''),
        coalesce(cast(silence_days as string), ''),
        coalesce(keyword_group, ''),
        coalesce(channels, ''),
        coalesce(direction, ''),
        coalesce(cast(min_questions as string), ''),
        coalesce(decision_levels, ''),
        coalesce(cast(cooldown_days as string), ''),
        cast(cast(weight as decimal(18, 4)) as string),
        cast(cast(half_life_days as decimal(18, 4)) as string)
    ) as rule_text
from signals
