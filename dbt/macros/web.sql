{# Macros of the web models. What a path, an agent or an address means is a rule row: those macros
   are generated (SMH_GENERATED_MACROS). #}

{# Percent-decoded text; a value that is no UTF-8 stays as it is. #}
{% macro url_decoded(text) -%}
    {{- return(adapter.dispatch('url_decoded', 'sales_migration_health')(text)) -}}
{%- endmacro %}

{% macro default__url_decoded(text) -%}
    coalesce(try(url_decode({{ text }})), {{ text }})
{%- endmacro %}

{% macro spark__url_decoded(text) -%}
    coalesce(try_url_decode(replace({{ text }}, '+', '%2B')), {{ text }})
{%- endmacro %}

{# The raw value of a query parameter that has one of the names `a|b`. #}
{% macro query_value(query, names) -%}
    {{ regexp_group(query, '(?i)(^|&)(' ~ names ~ ')=([^&]+)', 3) }}
{%- endmacro %}

{# A raw value of a query, decoded as forms are; blank is NULL. #}
{% macro form_decoded(value) -%}
    nullif(trim({{ url_decoded("replace(" ~ value ~ ", '+', ' ')") }}), '')
{%- endmacro %}

{# The path of a URL or path, as rules and contents name it: decoded, without host, session, query,
   fragment, double slashes and a slash at the end. #}
{% macro web_path(url) -%}
    {%- set plain = "split_part(split_part(split_part(" ~ url ~ ", '?', 1), '#', 1), ';', 1)" -%}
    {%- set path = regexp_replace_all(plain, '^[A-Za-z][A-Za-z0-9+.-]*://[^/]*', '') -%}
    {%- set single = regexp_replace_all(url_decoded(path), '/+', '/') -%}
    '/' || trim(both '/' from {{ single }})
{%- endmacro %}

{# The query of a URL, without fragment; NULL where there is none. #}
{% macro web_query(url) -%}
    case
        when instr({{ url }}, '?') > 0
            then nullif(split_part(substr({{ url }}, instr({{ url }}, '?') + 1), '#', 1), '')
    end
{%- endmacro %}

{# The host that a URL names, without port. #}
{% macro web_host(url) -%}
    nullif(split_part(split_part(lower({{ url }}), '/', 3), ':', 1), '')
{%- endmacro %}

{# An IPv4 address as a number; NULL for anything else. #}
{% macro ip4_number(address) -%}
    case
        when {{ matches(address, '^[0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}$') }}
            then cast(split_part({{ address }}, '.', 1) as bigint) * 16777216
                + cast(split_part({{ address }}, '.', 2) as bigint) * 65536
                + cast(split_part({{ address }}, '.', 3) as bigint) * 256
                + cast(split_part({{ address }}, '.', 4) as bigint)
    end
{%- endmacro %}

{# Who a visitor is: what the tool says, else address and agent. #}
{% macro web_visitor_id(source_system, visitor_key, address, agent) -%}
    {{ source_system }} || ':' || substr(
        md5(
            coalesce('k' || {{ visitor_key }}, coalesce({{ address }}, '') || ' ' || coalesce({{ agent }}, ''))
        ), 1, 20
    )
{%- endmacro %}

{# The id of an event is its file and line, `…file#12`: the part before and the number, which is NULL
   where a tool gave the id. #}
{% macro web_event_file(web_event_id) -%}
    {{ regexp_replace_all(web_event_id, '#[1-9][0-9]*$', '') }}
{%- endmacro %}

{% macro web_event_line(web_event_id) -%}
    cast({{ regexp_group(web_event_id, '#([1-9][0-9]*)$', 1) }} as bigint)
{%- endmacro %}
