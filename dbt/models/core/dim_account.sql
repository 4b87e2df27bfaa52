-- One row per account.
with

accounts as (

    select * from {{ ref('int_canonical__accounts') }}

),

final as (

    select
        account_id,
        source_system,
        account_name,
        industry,
        region,
        country,
        city,
        tier,
        size_employees,
        annual_revenue,
        parent_account_id,
        tax_id,
        web_domain,
        owner_rep_id,
        is_active,
        created_at,
        first_loaded_at,
        loaded_at
    from accounts

)

select * from final
