-- One row per address of the log and range that it lies in: ranges of accounts, and shared ones
-- that hide a wider range. Each address is looked up once per length of prefix that occurs in the
-- ranges: an equality, so that it stays fast with many ranges on every engine.
{{ config(
    materialized=keys_materialization(),
    meta={
        'key': 'address',
        'changed_keys': 'int_web__changed_addresses',
        'follows': ['int_identity__address_ranges']
    },
    tags=['web_addresses']
) }}
-- depends_on: {{ ref('int_web__changed_addresses') }}
with

ranges as (

    select * from {{ ref('int_identity__address_ranges') }}
    where network_key is not null

),

lengths as (

    select distinct
        count_digits,
        prefix_length,
        whole_digits,
        digit_step
    from ranges

),

addresses as (

    select distinct
        observed_value as address,
        address_digits
    from {{ ref('int_identity__seen_values') }}
    where {{ is_changed_key('observed_value') }} and address_digits is not null

),

networks as (

    select
        addresses.address,
        lengths.count_digits,
        lengths.prefix_length,
        {{ network_key(
            'addresses.address_digits', 'lengths.whole_digits', 'lengths.digit_step'
        ) }} as network_key
    from addresses
    inner join lengths on length(addresses.address_digits) = lengths.count_digits

),

matched as (

    select
        networks.address,
        ranges.account_id,
        ranges.network,
        ranges.prefix_length,
        ranges.link_rule_id,
        ranges.confidence,
        ranges.valid_from,
        ranges.valid_to,
        ranges.is_shared,
        max(case when ranges.is_shared then 0 else 1 end) over (
            partition by networks.address
        ) as names_account
    from networks
    inner join ranges
        on
            networks.count_digits = ranges.count_digits
            and networks.prefix_length = ranges.prefix_length
            and networks.network_key = ranges.network_key

)

select
    address,
    account_id,
    network,
    prefix_length,
    link_rule_id,
    confidence,
    valid_from,
    valid_to,
    is_shared
from matched
where names_account = 1
