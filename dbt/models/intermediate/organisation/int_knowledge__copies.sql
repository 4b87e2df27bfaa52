-- One row per card whose solution has words: the earlier card that it repeats, if there is one.
--
-- Not all pairs are compared. Each card keeps the eight smallest hashes of its runs of three words
-- (a bottom-k sketch, Broder 1997); a card is compared with the first and with the latest earlier
-- card that keeps one of them, so the work grows with the cards and not with their pairs.
-- Compared is word by word: a word stands at the same place where at least `min_run_words` words
-- share its shift. Similarity = words at the same place of both cards ÷ words of both cards.
{{ config(materialized='table') }}
{%- set sketch_size = 8 %}
with

items as (

    select
        knowledge_item_id,
        created_at,
        row_number() over (
            order by created_at asc nulls last, knowledge_item_id asc nulls last
        ) as item_order
    from {{ ref('int_canonical__knowledge_items') }}

),

words as (

    select * from {{ ref('int_knowledge__words') }}

),

rules as (

    select
        max(case when rule = 'min_similarity_ratio' then rule_value end) as min_similarity_ratio,
        max(case when rule = 'min_words' then rule_value end) as min_words,
        max(case when rule = 'min_run_words' then rule_value end) as min_run_words
    from {{ ref('int_traps__rules') }}
    where trap_id = 'copied_practice'

),

lengths as (

    select
        items.knowledge_item_id,
        items.item_order,
        count(*) as count_words
    from words
    inner join items on words.knowledge_item_id = items.knowledge_item_id
    group by items.knowledge_item_id, items.item_order

),

compared as (

    select lengths.*
    from lengths
    inner join rules on lengths.count_words >= rules.min_words

),

runs as (

    select
        knowledge_item_id,
        word,
        lead(word, 1) over (
            partition by knowledge_item_id order by word_position asc nulls last
        ) as second_word,
        lead(word, 2) over (
            partition by knowledge_item_id order by word_position asc nulls last
        ) as third_word
    from words

),

run_keys as (

    select distinct
        runs.knowledge_item_id,
        compared.item_order,
        md5(runs.word || ' ' || runs.second_word || ' ' || runs.third_word) as run_hash
    from runs
    inner join compared on runs.knowledge_item_id = compared.knowledge_item_id
    where runs.third_word is not null

),

ranked_keys as (

    select
        *,
        row_number() over (
            partition by knowledge_item_id order by run_hash asc nulls last
        ) as hash_rank
    from run_keys

),

neighbours as (

    select
        item_order,
        min(item_order) over (partition by run_hash) as first_order,
        lag(item_order) over (
            partition by run_hash order by item_order asc nulls last
        ) as previous_order
    from ranked_keys
    where hash_rank <= {{ sketch_size }}

),

pairs as (

    select
        item_order,
        first_order as earlier_order
    from neighbours
    where first_order < item_order
    union distinct
    select
        item_order,
        previous_order as earlier_order
    from neighbours
    where previous_order is not null

),

placed as (

    select
        compared.item_order,
        words.word_position,
        words.word
    from words
    inner join compared on words.knowledge_item_id = compared.knowledge_item_id

),

matches as (

    select
        pairs.item_order,
        pairs.earlier_order,
        later.word_position as later_position,
        earlier.word_position as earlier_position,
        count(*) over (
            partition by
                pairs.item_order,
                pairs.earlier_order,
                later.word_position - earlier.word_position
        ) as count_same_shift
    from pairs
    inner join placed as later on pairs.item_order = later.item_order
    inner join placed as earlier
        on
            pairs.earlier_order = earlier.item_order
            and later.word = earlier.word

),

aligned as (

    select
        matches.item_order,
        matches.earlier_order,
        count(distinct matches.later_position) as count_later,
        count(distinct matches.earlier_position) as count_earlier
    from matches
    inner join rules on matches.count_same_shift >= rules.min_run_words
    group by matches.item_order, matches.earlier_order

),

resemblances as (

    select
        aligned.item_order,
        earlier.knowledge_item_id as copied_from_id,
        {{ safe_ratio(
            'aligned.count_later + aligned.count_earlier',
            'later.count_words + earlier.count_words'
        ) }} as similarity_ratio,
        earlier.item_order as earlier_order
    from aligned
    inner join compared as later on aligned.item_order = later.item_order
    inner join compared as earlier on aligned.earlier_order = earlier.item_order

),

best as (

    select
        resemblances.item_order,
        resemblances.copied_from_id,
        resemblances.similarity_ratio,
        row_number() over (
            partition by resemblances.item_order
            order by
                resemblances.similarity_ratio desc nulls last,
                resemblances.earlier_order asc nulls last
        ) as similarity_rank
    from resemblances
    inner join rules on resemblances.similarity_ratio >= rules.min_similarity_ratio

)

select
    lengths.knowledge_item_id,
    lengths.count_words,
    lengths.count_words >= rules.min_words as is_compared,
    best.copied_from_id,
    best.similarity_ratio
from lengths
cross join rules
left join best
    on
        lengths.item_order = best.item_order
        and best.similarity_rank = 1
