-- One row per invoice.
with

invoices as (

    select * from {{ ref('int_canonical__invoices') }}

)

select
    invoice_id,
    source_system,
    order_id,
    account_id,
    amount,
    currency,
    invoiced_at,
    due_at,
    first_loaded_at,
    loaded_at
from invoices
