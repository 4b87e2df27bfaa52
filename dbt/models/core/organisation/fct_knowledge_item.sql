-- One row per card of the knowledge base: how often it was used, and whether it is a copy.
with

items as (

    select * from {{ ref('int_canonical__knowledge_items') }}

),

uses as (

    select
        knowledge_item_id,
        count(*) as count_uses,
        count(distinct rep_id) as count_users,
        min(used_at) as first_used_at,
        max(used_at) as last_used_at
    from {{ ref('int_canonical__knowledge_uses') }}
    where used_at < {{ as_of_end() }}
    group by knowledge_item_id

),

copies as (

    select * from {{ ref('int_knowledge__copies') }}

)

select
    items.knowledge_item_id,
    items.source_system,
    items.track,
    items.title,
    items.scenario,
    items.challenge,
    items.solution,
    items.owner_rep_id,
    items.created_at,
    coalesce(uses.count_uses, 0) as count_uses,
    coalesce(uses.count_users, 0) as count_users,
    uses.first_used_at,
    uses.last_used_at,
    copies.count_words,
    copies.is_compared,
    coalesce(copies.copied_from_id is not null, false) as is_copy,
    copies.copied_from_id,
    copies.similarity_ratio,
    items.first_loaded_at,
    items.loaded_at
from items
left join uses on items.knowledge_item_id = uses.knowledge_item_id
left join copies on items.knowledge_item_id = copies.knowledge_item_id
