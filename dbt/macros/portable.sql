{# One macro per idea that engines spell differently. Models use these, never the engine's own. #}

{# Whether a text matches a regular expression. Write patterns without backslashes. #}
{% macro matches(text, pattern) -%}
    {{- return(adapter.dispatch('matches', 'sales_migration_health')(text, pattern)) -}}
{%- endmacro %}

{% macro default__matches(text, pattern) -%}
    regexp_matches({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro spark__matches(text, pattern) -%}
    {{ text }} rlike '{{ pattern }}'
{%- endmacro %}

{# The given group of the first match, or NULL where nothing matches. #}
{% macro regexp_group(text, pattern, group) -%}
    {{- return(adapter.dispatch('regexp_group', 'sales_migration_health')(text, pattern, group)) -}}
{%- endmacro %}

{% macro default__regexp_group(text, pattern, group) -%}
    nullif(regexp_extract({{ text }}, '{{ pattern }}', {{ group }}), '')
{%- endmacro %}

{# Replaces every match; the replacement may not name groups. #}
{% macro regexp_replace_all(text, pattern, replacement) -%}
    {{- return(
        adapter.dispatch('regexp_replace_all', 'sales_migration_health')(
            text, pattern, replacement
        )
    ) -}}
{%- endmacro %}

{% macro default__regexp_replace_all(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}

{% macro spark__regexp_replace_all(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement }}')
{%- endmacro %}

{# Text at a path such as $.customer.id; NULL where the text is no JSON or has no such path. #}
{% macro json_text(text, path) -%}
    {{- return(adapter.dispatch('json_text', 'sales_migration_health')(text, path)) -}}
{%- endmacro %}

{% macro default__json_text(text, path) -%}
    case
        when json_valid(cast({{ text }} as string))
            then json_extract_string(cast({{ text }} as string), '{{ path }}')
    end
{%- endmacro %}

{% macro spark__json_text(text, path) -%}
    get_json_object(cast({{ text }} as string), '{{ path }}')
{%- endmacro %}

{# numerator / denominator as double; NULL where the denominator is 0 or unknown. #}
{% macro safe_ratio(numerator, denominator) -%}
    (cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro %}

{# Whole division, rounded down; NULL where the divisor is 0. #}
{% macro whole_division(dividend, divisor) -%}
    cast(
        floor(cast({{ dividend }} as double) / nullif(cast({{ divisor }} as double), 0)) as bigint
    )
{%- endmacro %}

{# Whole number nearest to a value, halves away from zero (engines cast differently). #}
{% macro rounded(value) -%}
    cast(round({{ value }}) as bigint)
{%- endmacro %}

{# Microseconds from 1970-01-01 UTC to a UTC timestamp. (Not DuckDB's epoch_ms: SQLMesh takes that
   for its inverse, and a duration would become a timestamp.) #}
{% macro microseconds(timestamp) -%}
    {{- return(adapter.dispatch('microseconds', 'sales_migration_health')(timestamp)) -}}
{%- endmacro %}

{% macro default__microseconds(timestamp) -%}
    epoch_us(cast({{ timestamp }} as timestamp))
{%- endmacro %}

{% macro spark__microseconds(timestamp) -%}
    unix_micros(cast({{ timestamp }} as timestamp))
{%- endmacro %}

{# Elapsed time between two UTC timestamps, with fractions; negative where `until` is earlier. #}
{% macro elapsed_seconds(since, until) -%}
    (({{ microseconds(until) }} - {{ microseconds(since) }}) / cast(1000000 as double))
{%- endmacro %}

{% macro elapsed_minutes(since, until) -%}
    (({{ microseconds(until) }} - {{ microseconds(since) }}) / cast(60000000 as double))
{%- endmacro %}

{% macro elapsed_hours(since, until) -%}
    (({{ microseconds(until) }} - {{ microseconds(since) }}) / cast(3600000000 as double))
{%- endmacro %}

{% macro elapsed_days(since, until) -%}
    (({{ microseconds(until) }} - {{ microseconds(since) }}) / cast(86400000000 as double))
{%- endmacro %}

{# A timestamp moved by a number of seconds (an expression; whole seconds). #}
{% macro add_seconds(timestamp, seconds) -%}
    {{- return(adapter.dispatch('add_seconds', 'sales_migration_health')(timestamp, seconds)) -}}
{%- endmacro %}

{% macro default__add_seconds(timestamp, seconds) -%}
    ({{ timestamp }} + to_seconds(cast({{ seconds }} as bigint)))
{%- endmacro %}

{% macro spark__add_seconds(timestamp, seconds) -%}
    timestampadd(second, cast({{ seconds }} as int), {{ timestamp }})
{%- endmacro %}

{# A date moved by a number of days. #}
{% macro add_days(date, days) -%}
    {{- return(adapter.dispatch('add_days', 'sales_migration_health')(date, days)) -}}
{%- endmacro %}

{% macro default__add_days(date, days) -%}
    (cast({{ date }} as date) + cast({{ days }} as int))
{%- endmacro %}

{% macro spark__add_days(date, days) -%}
    date_add(cast({{ date }} as date), cast({{ days }} as int))
{%- endmacro %}

{# First day of the month, quarter or week (Monday) of a date or timestamp. #}
{% macro date_month(value) -%}
    cast(date_trunc('month', {{ value }}) as date)
{%- endmacro %}

{% macro date_quarter(value) -%}
    cast(date_trunc('quarter', {{ value }}) as date)
{%- endmacro %}

{% macro date_week(value) -%}
    cast(date_trunc('week', {{ value }}) as date)
{%- endmacro %}

{# 1 = Monday … 7 = Sunday, on every engine. #}
{% macro weekday_number(value) -%}
    {{- return(adapter.dispatch('weekday_number', 'sales_migration_health')(value)) -}}
{%- endmacro %}

{% macro default__weekday_number(value) -%}
    isodow(cast({{ value }} as date))
{%- endmacro %}

{% macro spark__weekday_number(value) -%}
    (weekday(cast({{ value }} as date)) + 1)
{%- endmacro %}

{# A date or timestamp as text by a strptime pattern of %Y %m %d %H %M %S %b. #}
{% macro format_date(value, pattern) -%}
    {{- return(adapter.dispatch('format_date', 'sales_migration_health')(value, pattern)) -}}
{%- endmacro %}

{% macro default__format_date(value, pattern) -%}
    strftime({{ value }}, '{{ pattern }}')
{%- endmacro %}

{% macro spark__format_date(value, pattern) -%}
    date_format({{ value }}, '{{ java_date_pattern(pattern, padded=true) }}')
{%- endmacro %}

{# Rows `date_day`, one per day from first to last, both included; both are SQL dates. #}
{% macro date_spine_days(first, last) -%}
    {{- return(adapter.dispatch('date_spine_days', 'sales_migration_health')(first, last)) -}}
{%- endmacro %}

{% macro default__date_spine_days(first, last) -%}
    select cast(unnest(generate_series(
        cast({{ first }} as timestamp), cast({{ last }} as timestamp), interval 1 day
    )) as date) as date_day
{%- endmacro %}

{% macro spark__date_spine_days(first, last) -%}
    select explode(sequence(
        cast({{ first }} as date), cast({{ last }} as date), interval 1 day
    )) as date_day
{%- endmacro %}

{# Exact percentile with linear interpolation, as an aggregate; NULLs are left out. #}
{% macro percentile(value, share) -%}
    percentile_cont({{ share }}) within group (order by cast({{ value }} as double))
{%- endmacro %}

{% macro median_of(value) -%}
    median(cast({{ value }} as double))
{%- endmacro %}

{# Values of a group as one text, in the order of the values; NULLs are left out. #}
{% macro string_list(value, separator=', ', distinct=true) -%}
    {{- return(
        adapter.dispatch('string_list', 'sales_migration_health')(value, separator, distinct)
    ) -}}
{%- endmacro %}

{% macro default__string_list(value, separator, distinct) -%}
    string_agg({{ 'distinct ' if distinct }}{{ value }}, '{{ separator }}' order by {{ value }})
{%- endmacro %}

{% macro spark__string_list(value, separator, distinct) -%}
    {%- set collect = 'collect_set' if distinct else 'collect_list' -%}
    nullif(array_join(array_sort({{ collect }}({{ value }})), '{{ separator }}'), '')
{%- endmacro %}

{# The last value of a column up to the row that is not NULL. #}
{% macro last_known(value, partition_by, order_by) -%}
    {{- return(
        adapter.dispatch('last_known', 'sales_migration_health')(value, partition_by, order_by)
    ) -}}
{%- endmacro %}

{% macro default__last_known(value, partition_by, order_by) -%}
    last_value({{ value }} ignore nulls) over (
        partition by {{ partition_by }} order by {{ order_by }}
        rows between unbounded preceding and current row
    )
{%- endmacro %}

{% macro spark__last_known(value, partition_by, order_by) -%}
    last_value({{ value }}) ignore nulls over (
        partition by {{ partition_by }} order by {{ order_by }}
        rows between unbounded preceding and current row
    )
{%- endmacro %}

{# ---- times: zones, offsets, patterns ---- #}

{# A timestamp with zone as UTC timestamp without one. #}
{% macro instant_to_utc(value) -%}
    {{- return(adapter.dispatch('instant_to_utc', 'sales_migration_health')(value)) -}}
{%- endmacro %}

{% macro default__instant_to_utc(value) -%}
    timezone('UTC', {{ value }})
{%- endmacro %}

{# Spark's session zone is UTC (profiles.yml), so its timestamp shows UTC. #}
{% macro spark__instant_to_utc(value) -%}
    cast({{ value }} as timestamp)
{%- endmacro %}

{# A wall-clock timestamp of an IANA zone as UTC. #}
{% macro zone_to_utc(value, zone) -%}
    {%- if zone == 'UTC' -%}
        {{ value }}
    {%- else -%}
        {{- return(adapter.dispatch('zone_to_utc', 'sales_migration_health')(value, zone)) -}}
    {%- endif -%}
{%- endmacro %}

{% macro default__zone_to_utc(value, zone) -%}
    timezone('UTC', timezone('{{ zone }}', {{ value }}))
{%- endmacro %}

{% macro spark__zone_to_utc(value, zone) -%}
    to_utc_timestamp({{ value }}, '{{ zone }}')
{%- endmacro %}

{# A UTC timestamp as wall-clock time of an IANA zone. #}
{% macro utc_to_zone(value, zone) -%}
    {{- return(adapter.dispatch('utc_to_zone', 'sales_migration_health')(value, zone)) -}}
{%- endmacro %}

{% macro default__utc_to_zone(value, zone) -%}
    timezone('{{ zone }}', timezone('UTC', {{ value }}))
{%- endmacro %}

{% macro spark__utc_to_zone(value, zone) -%}
    from_utc_timestamp({{ value }}, '{{ zone }}')
{%- endmacro %}

{# ISO text that ends with Z or an offset, as UTC timestamp. #}
{% macro offset_to_utc(text) -%}
    {{- return(adapter.dispatch('offset_to_utc', 'sales_migration_health')(text)) -}}
{%- endmacro %}

{% macro default__offset_to_utc(text) -%}
    timezone('UTC', try_cast({{ text }} as timestamp with time zone))
{%- endmacro %}

{% macro spark__offset_to_utc(text) -%}
    try_cast({{ text }} as timestamp)
{%- endmacro %}

{# Microseconds (number × factor) since 1970 as UTC timestamp. #}
{% macro epoch_to_utc(number, factor) -%}
    {{- return(adapter.dispatch('epoch_to_utc', 'sales_migration_health')(number, factor)) -}}
{%- endmacro %}

{% macro default__epoch_to_utc(number, factor) -%}
    make_timestamp(cast(round({{ number }} * {{ factor }}) as bigint))
{%- endmacro %}

{% macro spark__epoch_to_utc(number, factor) -%}
    timestamp_micros(cast(round({{ number }} * {{ factor }}) as bigint))
{%- endmacro %}

{# Text by a strptime pattern; NULL where it does not fit. #}
{% macro parse_timestamp(text, pattern) -%}
    {{- return(adapter.dispatch('parse_timestamp', 'sales_migration_health')(text, pattern)) -}}
{%- endmacro %}

{% macro default__parse_timestamp(text, pattern) -%}
    {%- if '%z' in pattern -%}
        timezone('UTC', try_strptime({{ text }}, '{{ pattern }}'))
    {%- else -%}
        try_strptime({{ text }}, '{{ pattern }}')
    {%- endif -%}
{%- endmacro %}

{% macro spark__parse_timestamp(text, pattern) -%}
    try_to_timestamp({{ text }}, '{{ java_date_pattern(pattern) }}')
{%- endmacro %}

{# strptime directives as Java pattern letters. Parsing takes one digit where strptime does, but
   directives that touch each other (%Y%m%d) have their full width, or Java cannot part them. #}
{% macro java_date_pattern(pattern, padded=false) -%}
    {%- set short = {
        'Y': 'yyyy', 'y': 'yy', 'm': 'M', 'd': 'd', 'H': 'H', 'I': 'h', 'M': 'm', 'S': 's',
        'f': 'SSSSSS', 'b': 'MMM', 'B': 'MMMM', 'p': 'a', 'z': 'XX',
    } -%}
    {%- set wide = {'m': 'MM', 'd': 'dd', 'H': 'HH', 'I': 'hh', 'M': 'mm', 'S': 'ss'} -%}
    {%- set pieces = pattern.split('%') -%}
    {%- set parts = [quote_java(pieces[0])] -%}
    {%- for piece in pieces[1:] -%}
        {%- set touches = (not loop.first and pieces[loop.index0] | length == 1)
            or (not loop.last and piece | length == 1) -%}
        {%- set letter = wide.get(piece[0], short[piece[0]]) if padded or touches
            else short[piece[0]] -%}
        {%- do parts.append(letter ~ quote_java(piece[1:])) -%}
    {%- endfor -%}
    {{- return(parts | join('')) -}}
{%- endmacro %}

{# Plain text inside a Java date pattern: letters are quoted (twice, as the pattern is in SQL). #}
{% macro quote_java(text) -%}
    {%- if modules.re.search('[A-Za-z]', text) -%}
        {{- return("\\'" ~ text ~ "\\'") -}}
    {%- endif -%}
    {{- return(text) -}}
{%- endmacro %}
