{# Macros that the mapping compiler writes into generated models. Each idea has one name; what an
   engine says differently is dispatched. `landed` is the kind of value that the column holds:
   text, integer, double, decimal, boolean, instant (with zone), naive (without: the lake's are UTC),
   date, binary, other. #}

{# Trimmed text; blank is NULL. A whole number that landed with a fraction has no ".0". #}
{% macro map_text(column, landed='text') -%}
    {{- return(adapter.dispatch('map_text', 'sales_migration_health')(column, landed)) -}}
{%- endmacro %}

{% macro default__map_text(column, landed) -%}
    {%- if landed == 'text' -%}
        nullif(trim({{ column }}), '')
    {%- elif landed in ('double', 'decimal') -%}
        case
            when {{ column }} = floor({{ column }}) and abs({{ column }}) < 1e15
                then cast(cast({{ column }} as bigint) as string)
            else cast({{ column }} as string)
        end
    {%- elif landed in ('integer', 'boolean') -%}
        cast({{ column }} as string)
    {%- elif landed == 'binary' -%}
        lower(hex({{ column }}))
    {%- else -%}
        nullif(trim(cast({{ column }} as string)), '')
    {%- endif -%}
{%- endmacro %}

{# Whole number from text such as "12", "-3" or "4.0"; anything else is NULL (and gets listed). #}
{% macro map_integer(column, landed='text') -%}
    {%- if landed in ('double', 'decimal') -%}
        case when {{ column }} = floor({{ column }}) then cast({{ column }} as bigint) end
    {%- else -%}
        {%- set text = map_text(column, landed) -%}
        case
            when {{ matches(text, '^[+-]?[0-9]+([.]0*)?$') }}
                then try_cast({{ before_first(text, '.') }} as bigint)
        end
    {%- endif -%}
{%- endmacro %}

{# Number from text such as "12", "-3.5" or "1e6". `marks` are the thousands and the decimal mark,
   such as ",." for 1,234.50; without them a thousands mark makes the value NULL (and listed). #}
{% macro map_number(column, landed='text', marks='') -%}
    {%- set text = map_text(column, landed) -%}
    {%- if marks -%}
        {%- set text = "replace(replace(" ~ text ~ ", '" ~ marks[0].replace("'", "''") ~ "', ''), '"
            ~ marks[1].replace("'", "''") ~ "', '.')" -%}
    {%- endif -%}
    case
        when {{ matches(text, '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$') }}
            then try_cast({{ text }} as double)
    end
{%- endmacro %}

{% macro map_boolean(column, landed='text') -%}
    {%- set text = 'lower(' ~ map_text(column, landed) ~ ')' -%}
    case
        when {{ text }} in ('true', 't', 'yes', 'y', '1', '是') then true
        when {{ text }} in ('false', 'f', 'no', 'n', '0', '否') then false
    end
{%- endmacro %}

{# A point in time as UTC timestamp. Texts without a zone are read in `zone`; a day without a time
   stays the day that the source means. Without a format, text must be ISO 8601; `format` holds
   strptime patterns joined by | (the first that fits wins), or epoch_seconds,
   epoch_milliseconds or epoch_microseconds, or is odata for the times of OData 2 in JSON. #}
{% macro map_timestamp(column, landed='text', format='', zone='UTC') -%}
    {%- if landed == 'instant' -%}
        {{ instant_to_utc(column) }}
    {%- elif landed in ('naive', 'date') -%}
        cast({{ column }} as timestamp)
    {%- elif format in ('epoch_seconds', 'epoch_milliseconds', 'epoch_microseconds') -%}
        {%- set number = column if landed in ('integer', 'double', 'decimal')
            else map_number(column, landed) -%}
        {%- set factors = {'epoch_seconds': 1000000, 'epoch_milliseconds': 1000} -%}
        {{ epoch_to_utc(number, factors.get(format, 1)) }}
    {%- elif format == 'odata' -%}
        {#- Milliseconds since 1970 by UTC; the offset behind them tells the zone of the writer. -#}
        {%- set pattern = '^/Date[(](-?[0-9]{1,15})([+-][0-9]{1,4})?[)]/$' -%}
        {%- set ticks = regexp_group(map_text(column, landed), pattern, 1) -%}
        {{ epoch_to_utc('cast(' ~ ticks ~ ' as bigint)', 1000) }}
    {%- elif format -%}
        {%- set text = map_text(column, landed) -%}
        {%- set parts = [] -%}
        {%- for pattern in format.split('|') -%}
            {%- set parsed = parse_timestamp(text, pattern) -%}
            {%- set is_local = ('%H' in pattern or '%I' in pattern) and '%z' not in pattern -%}
            {%- do parts.append(zone_to_utc(parsed, zone) if is_local else parsed) -%}
        {%- endfor -%}
        {{ parts[0] if parts | length == 1 else 'coalesce(' ~ parts | join(', ') ~ ')' }}
    {%- else -%}
        {{ iso_to_utc(map_text(column, landed), zone) }}
    {%- endif -%}
{%- endmacro %}

{% macro iso_to_utc(text, zone) -%}
    {%- set day = '^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}' -%}
    {%- set clock = '[ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?' -%}
    {%- set plain = "replace(replace(" ~ text ~ ", 'T', ' '), ',', '.')" -%}
    case
        when {{ matches(text, day ~ '$') }} then try_cast({{ text }} as timestamp)
        when {{ matches(text, day ~ clock ~ '$') }}
            then {{ zone_to_utc('try_cast(' ~ plain ~ ' as timestamp)', zone) }}
        when {{ matches(text, day ~ clock ~ ' ?(Z|[+-][0-9]{2}:?[0-9]{2})$') }}
            then {{ offset_to_utc(plain) }}
    end
{%- endmacro %}

{# The last second of the day in which a timestamp lies, for dates that include their day. #}
{% macro day_end(timestamp) -%}
    {{- return(adapter.dispatch('day_end', 'sales_migration_health')(timestamp)) -}}
{%- endmacro %}

{% macro default__day_end(timestamp) -%}
    {{ timestamp }} + interval '86399' second
{%- endmacro %}

{# Canonical id: <system>:<id>, NULL where there is no id. #}
{% macro map_id(system, text) -%}
    '{{ system }}:' || {{ text }}
{%- endmacro %}

{% macro before_first(text, mark) -%}
    case
        when instr({{ text }}, '{{ mark }}') > 0
            then substr({{ text }}, 1, instr({{ text }}, '{{ mark }}') - 1)
        else {{ text }}
    end
{%- endmacro %}

{# A SQL text literal with characters that engines escape differently. #}
{% macro text_literal(value) -%}
    {{- return(adapter.dispatch('text_literal', 'sales_migration_health')(value)) -}}
{%- endmacro %}

{% macro default__text_literal(value) -%}
    '{{ value | replace("'", "''") }}'
{%- endmacro %}

{% macro spark__text_literal(value) -%}
    '{{ value | replace("\\", "\\\\") | replace("'", "\\'") }}'
{%- endmacro %}

{# The value of one key in a JSON list of {key, value}, as GA4 exports parameters: `value` is text or
   an object that holds one of string_value, int_value, double_value and float_value. The list is
   read once for all keys that a model asks for, as engines share the equal part. #}
{% macro key_value_text(text, key) -%}
    {{- return(adapter.dispatch('key_value_text', 'sales_migration_health')(text, key)) -}}
{%- endmacro %}

{% macro default__key_value_text(text, key) -%}
    {%- set slots = '"string_value":"VARCHAR","int_value":"VARCHAR","double_value":"VARCHAR",'
        ~ '"float_value":"VARCHAR"' -%}
    {%- set list = "from_json(case when json_valid(cast(" ~ text ~ " as string)) then cast("
        ~ text ~ " as string) end, '[{\"key\":\"VARCHAR\",\"value\":{" ~ slots ~ "}}]')" -%}
    list_extract(
        list_transform(
            list_filter(
                {{ list }},
                lambda entry: struct_extract(entry, 'key') = {{ text_literal(key) }}
            ),
            lambda entry: coalesce(
                struct_extract(struct_extract(entry, 'value'), 'string_value'),
                struct_extract(struct_extract(entry, 'value'), 'int_value'),
                struct_extract(struct_extract(entry, 'value'), 'double_value'),
                struct_extract(struct_extract(entry, 'value'), 'float_value')
            )
        ),
        1
    )
{%- endmacro %}

{% macro spark__key_value_text(text, key) -%}
    {%- set list = "from_json(cast(" ~ text ~ " as string), 'array<struct<key:string,value:struct<"
        ~ "string_value:string,int_value:string,double_value:string,float_value:string>>>')" -%}
    get(
        transform(
            filter(
                {{ list }},
                entry -> entry.key = {{ text_literal(key) }}
            ),
            entry -> coalesce(
                entry.value.string_value,
                entry.value.int_value,
                entry.value.double_value,
                entry.value.float_value
            )
        ),
        0
    )
{%- endmacro %}

{# Host of a URL in lower case, without user and port; also of one without a scheme. NULL for a path. #}
{% macro url_host(text) -%}
    lower({{ regexp_group(without_scheme(text), '^(?:[^/?#@]*@)?([^/?#:@]+)', 1) }})
{%- endmacro %}

{# Path and query of a URL, or of a path, without the fragment: what a web server would log. #}
{% macro url_path(text) -%}
    {%- set rest = regexp_group(without_scheme(text), '^[^/?#]*([/?][^#]*)', 1) -%}
    case
        when {{ text }} is null then null
        when {{ rest }} is null then '/'
        when substr({{ rest }}, 1, 1) = '?' then '/' || {{ rest }}
        else {{ rest }}
    end
{%- endmacro %}

{# A URL from its host on; a path stays. #}
{% macro without_scheme(text) -%}
    {{ regexp_replace_all(text, '^([A-Za-z][A-Za-z0-9+.-]*:)?//', '') }}
{%- endmacro %}

{# An internet address as people write it, from 4 or 16 bytes in hexadecimal digits; other text stays. #}
{% macro ip_address(text) -%}
    {%- set hex = 'lower(' ~ text ~ ')' -%}
    {%- set four = [] -%}
    {%- set mapped = [] -%}
    {%- set groups = [] -%}
    {%- for index in range(4) -%}
        {%- do four.append(hex_number('substr(' ~ hex ~ ', ' ~ (2 * index + 1) ~ ', 2)')) -%}
        {%- do mapped.append(hex_number('substr(' ~ hex ~ ', ' ~ (2 * index + 25) ~ ', 2)')) -%}
    {%- endfor -%}
    {%- for index in range(8) -%}
        {%- do groups.append('substr(' ~ hex ~ ', ' ~ (4 * index + 1) ~ ', 4)') -%}
    {%- endfor -%}
    case
        when {{ matches(hex, '^[0-9a-f]{8}$') }} then {{ four | join(" || '.' || ") }}
        when {{ matches(hex, '^0{20}ffff[0-9a-f]{8}$') }} then {{ mapped | join(" || '.' || ") }}
        when {{ matches(hex, '^[0-9a-f]{32}$') }} then {{ groups | join(" || ':' || ") }}
        else {{ text }}
    end
{%- endmacro %}

{# A number in hexadecimal digits as text in decimal ones. #}
{% macro hex_number(text) -%}
    {{- return(adapter.dispatch('hex_number', 'sales_migration_health')(text)) -}}
{%- endmacro %}

{% macro default__hex_number(text) -%}
    cast(try_cast('0x' || {{ text }} as int) as string)
{%- endmacro %}

{% macro spark__hex_number(text) -%}
    conv({{ text }}, 16, 10)
{%- endmacro %}
