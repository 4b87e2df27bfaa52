{# Macros that the mapping compiler writes into generated models. Each idea has one name; what an
   engine says differently is dispatched. `landed` is the kind of value that the column holds:
   text, integer, double, decimal, boolean, instant (with zone), naive (without: the lake's are UTC),
   date, other. #}

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
   stays the day that the source means. Without a format, text must be ISO 8601; `format` holds strptime patterns joined by | (the first that fits
   wins), or epoch_seconds / epoch_milliseconds. #}
{% macro map_timestamp(column, landed='text', format='', zone='UTC') -%}
    {%- if landed == 'instant' -%}
        {{ instant_to_utc(column) }}
    {%- elif landed in ('naive', 'date') -%}
        cast({{ column }} as timestamp)
    {%- elif format in ('epoch_seconds', 'epoch_milliseconds') -%}
        {%- set number = column if landed in ('integer', 'double', 'decimal')
            else map_number(column, landed) -%}
        {{ epoch_to_utc(number, 1 if format == 'epoch_milliseconds' else 1000) }}
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
