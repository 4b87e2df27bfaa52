-- One row per range of network addresses, its rule and its account: of the rule table, of sources,
-- and the shared ranges that belong to nobody. A range that cannot be read has no network.
{{ config(materialized='table') }}
with

rules as (

    select * from {{ ref('int_identity__link_rules') }}

),

stated as (

    select
        'account_address_range' as stated_in,
        stated_ranges.account_id,
        trim(stated_ranges.cidr) as stated_range,
        rules.link_rule_id,
        coalesce(stated_ranges.confidence, rules.confidence) as confidence,
        stated_ranges.valid_from,
        stated_ranges.valid_to,
        rules.is_shared
    from {{ ref('account_address_range') }} as stated_ranges
    inner join rules on rules.matched_by = 'account_range'
    union all
    select
        'account_network' as stated_in,
        networks.account_id,
        trim(networks.cidr) as stated_range,
        rules.link_rule_id,
        rules.confidence,
        cast(networks.valid_from as date) as valid_from,
        cast(networks.valid_to as date) as valid_to,
        rules.is_shared
    from {{ ref(canonical_model('account_network')) }} as networks
    inner join rules on rules.matched_by = 'account_range'
    union all
    select
        'visitor_link_rule' as stated_in,
        cast(null as string) as account_id,
        trim(matched_value) as stated_range,
        link_rule_id,
        confidence,
        cast(null as date) as valid_from,
        cast(null as date) as valid_to,
        is_shared
    from rules
    where matched_by = 'shared_range'

),

parted as (

    select
        stated_in,
        account_id,
        stated_range,
        {{ before_first('stated_range', '/') }} as address,
        case
            when instr(stated_range, '/') > 0
                then {{ map_integer("substr(stated_range, instr(stated_range, '/') + 1)") }}
        end as stated_length,
        link_rule_id,
        confidence,
        valid_from,
        valid_to,
        is_shared
    from stated
    where stated_range is not null

),

addresses as (

    select distinct address from parted

),

digits as (

    {{ address_digits_of('addresses') }}

),

read as (

    select
        parted.stated_in,
        parted.account_id,
        parted.stated_range,
        parted.link_rule_id,
        parted.confidence,
        parted.valid_from,
        parted.valid_to,
        parted.is_shared,
        digits.address_digits,
        4 * length(digits.address_digits) as count_bits,
        case
            when instr(parted.stated_range, '/') = 0 then 4 * length(digits.address_digits)
            -- IPv4 written as IPv6 states 96 bits more.
            when length(digits.address_digits) = 8 and instr(parted.stated_range, ':') > 0
                then parted.stated_length - 96
            else parted.stated_length
        end as stated_prefix
    from parted
    left join digits on parted.address = digits.address

),

measured as (

    select
        stated_in,
        account_id,
        stated_range,
        link_rule_id,
        confidence,
        valid_from,
        valid_to,
        is_shared,
        address_digits,
        case
            when stated_prefix between 0 and count_bits then cast(stated_prefix as int)
        end as prefix_length
    from read

),

parts as (

    select
        stated_in,
        account_id,
        stated_range,
        link_rule_id,
        confidence,
        valid_from,
        valid_to,
        is_shared,
        address_digits,
        prefix_length,
        {{ prefix_digits('prefix_length') }} as whole_digits,
        {{ prefix_step('prefix_length') }} as digit_step
    from measured

),

keyed as (

    select
        stated_in,
        account_id,
        stated_range,
        link_rule_id,
        confidence,
        valid_from,
        valid_to,
        is_shared,
        length(address_digits) as count_digits,
        prefix_length,
        whole_digits,
        digit_step,
        {{ network_key('address_digits', 'whole_digits', 'digit_step') }} as network_key
    from parts

)

select
    stated_in,
    account_id,
    stated_range,
    link_rule_id,
    confidence,
    valid_from,
    valid_to,
    is_shared,
    count_digits,
    prefix_length,
    whole_digits,
    digit_step,
    network_key,
    -- Two ways to write one network are one piece of evidence.
    min(stated_range) over (partition by count_digits, prefix_length, network_key) as network
from keyed
