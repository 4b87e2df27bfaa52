-- One row per contact.
with

contacts as (

    select * from {{ ref('int_canonical__contacts') }}

),

final as (

    select
        contact_id,
        source_system,
        account_id,
        contact_name,
        title,
        decision_level,
        email,
        phone,
        external_chat_id,
        is_active,
        created_at,
        updated_at,
        first_loaded_at,
        loaded_at
    from contacts

)

select * from final
