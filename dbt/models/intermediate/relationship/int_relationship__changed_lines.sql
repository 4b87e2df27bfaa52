-- One row per customer of which an opportunity, or an account with its opportunities, has come,
-- gone or changed; every customer where a build that broke off may have seen other ones.
{{ config(materialized='table') }}
with

changed as (

    select * from {{ ref('int_relationship__changed_parts') }}

),

accounts as (

    select
        account_id,
        customer_id
    from {{ ref('bridge_account_customer') }}

),

owners as (

    select
        part_kind,
        part_owner
    from changed
    union
    select
        part_kind,
        part_owner_before as part_owner
    from changed

),

unfinished as (

    select count(*) as count_parts
    from changed
    where is_unfinished

),

everyone as (

    select accounts.customer_id
    from accounts
    inner join unfinished on unfinished.count_parts > 0
    union
    select built.customer_id
    from (
        {{ rows_kept_in('int_relationship__open_lines', {'customer_id': 'string'}) }}
    ) as built
    inner join unfinished on unfinished.count_parts > 0

)

select part_owner as customer_id
from owners
where part_kind = 'account' and part_owner is not null
union
select accounts.customer_id
from owners
inner join accounts on owners.part_owner = accounts.account_id
where owners.part_kind = 'opportunity'
union
select customer_id
from everyone
