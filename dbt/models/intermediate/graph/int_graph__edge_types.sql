-- One row per kind of edge: whether any source delivers what makes it. A kind that no source
-- delivers is unknown; it is not a graph without such edges.
{{ config(materialized='table') }}
with

delivered as (

    select
        'referral' as edge_type,
        count(referred_by_account_id) as count_records
    from {{ ref('fct_opportunity') }}
    union all
    select
        'share' as edge_type,
        count(*) as count_records
    from {{ ref('int_canonical__content_shares') }}
    union all
    select
        'co_attendance' as edge_type,
        count(*) as count_records
    from {{ ref('int_canonical__event_attendances') }}
    union all
    select
        'supplier' as edge_type,
        count(*) as count_records
    from {{ ref('int_canonical__account_relationships') }}
    union all
    select
        'person_moved' as edge_type,
        count(*) as count_records
    from {{ ref('int_canonical__contact_job_changes') }}

)

select
    edge_type,
    count_records,
    count_records > 0 as is_delivered
from delivered
