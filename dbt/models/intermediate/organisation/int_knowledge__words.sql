-- One row per word of a card's solution, in its order.
{{ config(materialized='table') }}
with

solutions as (

    select
        knowledge_item_id,
        solution
    from {{ ref('int_canonical__knowledge_items') }}
    where solution is not null

),

words as (

    {{ text_words('solutions', 'knowledge_item_id', 'solution') }}

)

select
    knowledge_item_id,
    word_position,
    word
from words
