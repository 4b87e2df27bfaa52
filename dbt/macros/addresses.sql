{# Network addresses and domains in SQL that every engine reads: an address is the text of its
   hexadecimal digits (8 for IPv4, 32 for IPv6), so a range is the beginning of that text. #}

{# Rows `address`, `address_digits` of a relation's column `address` (distinct or not): NULL where
   the text is no address. IPv4 inside IPv6 (::ffff:192.0.2.1) counts as IPv4. #}
{% macro address_digits_of(relation) -%}
    {%- set dotted = '[0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}' -%}
    {%- set group = '[0-9a-f]{1,4}' -%}
    select
        address,
        case
            when substr(digits, 1, 24) = '00000000000000000000ffff' then substr(digits, 25, 8)
            else digits
        end as address_digits
    from (
        select
            address,
            case
                when address_text = dotted_text then dotted_digits
                when {{ matches('groups_text', '^' ~ group ~ '(:' ~ group ~ '){7}$') }}
                    then
                        {%- for number in range(1, 9) %}
                        lpad(split_part(groups_text, ':', {{ number }}), 4, '0')
                        {{- ' ||' if not loop.last }}
                        {%- endfor %}
            end as digits
        from (
            select
                address,
                address_text,
                dotted_text,
                dotted_digits,
                case
                    when gap_at = 0 then colon_text
                    when count_groups > 7 then null
                    else
                        substr(
                            substr(colon_text, 1, gap_at - 1)
                            || repeat(':0', 8 - count_groups)
                            || case
                                when length(colon_text) > gap_at + 1 then ':' else ''
                            end
                            || substr(colon_text, gap_at + 2),
                            case when gap_at = 1 then 2 else 1 end
                        )
                end as groups_text
            from (
                select
                    address,
                    address_text,
                    dotted_text,
                    dotted_digits,
                    colon_text,
                    instr(colon_text, '::') as gap_at,
                    {#- Colons between groups, and one group more on each side of the gap. #}
                    length(colon_text) - length(replace(colon_text, ':', '')) - 2
                    + case when substr(colon_text, 1, 2) <> '::' then 1 else 0 end
                    + case when substr(colon_text, length(colon_text) - 1) <> '::' then 1 else 0 end
                        as count_groups
                from (
                    select
                        address,
                        address_text,
                        dotted_text,
                        dotted_digits,
                        case
                            when dotted_text is null then address_text
                            when dotted_digits is not null
                                then
                                    substr(
                                        address_text,
                                        1,
                                        length(address_text) - length(dotted_text)
                                    )
                                    || substr(dotted_digits, 1, 4)
                                    || ':'
                                    || substr(dotted_digits, 5, 4)
                        end as colon_text
                    from (
                        select
                            address,
                            address_text,
                            dotted_text,
                            case
                                when
                                    {%- for number in range(1, 5) %}
                                    cast(split_part(dotted_text, '.', {{ number }}) as int) <= 255
                                    {{- ' and' if not loop.last }}
                                    {%- endfor %}
                                    then
                                        lower(
                                            {%- for number in range(1, 5) %}
                                            lpad(hex(cast(
                                                split_part(dotted_text, '.', {{ number }}) as int
                                            )), 2, '0')
                                            {{- ' ||' if not loop.last }}
                                            {%- endfor %}
                                        )
                            end as dotted_digits
                        from (
                            select
                                address,
                                lower(trim(address)) as address_text,
                                {{ regexp_group('trim(address)', '(^|:)(' ~ dotted ~ ')$', 2) }}
                                    as dotted_text
                            from {{ relation }}
                        ) as texts
                    ) as dotted_parts
                ) as colon_texts
            ) as counted
        ) as filled
    ) as written
{%- endmacro %}

{# The network of an address: its first `prefix_length` bits as digits, the rest cut off. The range
   has columns prefix_length, whole_digits (prefix_length in digits) and digit_step (how many values
   of the next digit belong to one network: 2, 4 or 8; NULL where the prefix ends with a whole digit). #}
{% macro network_key(digits, whole_digits, digit_step) -%}
    substr({{ digits }}, 1, {{ whole_digits }})
    || case
        when {{ digit_step }} is null then ''
        else
            substr(
                '0123456789abcdef',
                {{ digit_step }} * cast(
                    floor(
                        (instr('0123456789abcdef', substr({{ digits }}, {{ whole_digits }} + 1, 1)) - 1)
                        / cast({{ digit_step }} as double)
                    ) as int
                ) + 1,
                1
            )
    end
{%- endmacro %}

{# Length of a prefix in whole digits, and the step of the digit in which it ends. #}
{% macro prefix_digits(prefix_length) -%}
    cast(floor({{ prefix_length }} / cast(4 as double)) as int)
{%- endmacro %}

{% macro prefix_step(prefix_length) -%}
    case {{ prefix_length }} % 4 when 1 then 8 when 2 then 4 when 3 then 2 end
{%- endmacro %}

{# The host name in an address of the web, an e-mail address or a host name, in lower case without
   "www."; NULL where there is no dot in it or it is a number address. #}
{% macro domain_of(text) -%}
    {{- regexp_group(
        "lower(trim(" ~ text ~ "))",
        '^([a-z]+://)?([^/@]*@)?(www[.])?([^/:?#@ ]*[.][a-z][a-z0-9-]*)([/:?#.].*)?$',
        4
    ) -}}
{%- endmacro %}
