{# Per-day web models hold each day's rows once. On DuckDB a build replaces the days that
   int_web__changed_days names; everywhere else the same models are plain tables of all days. #}

{% macro replaces_days() -%}
    {{ return(target.type == 'duckdb' and target.name != 'sqlmesh') }}
{%- endmacro %}

{% macro days_materialization() -%}
    {{ return('incremental' if replaces_days() else 'table') }}
{%- endmacro %}

{# Whether this build of the model computes some days only. #}
{% macro is_some_days() -%}
    {{ return(execute and replaces_days() and is_incremental()) }}
{%- endmacro %}

{# The days to compute as rows (event_date, read_from_at, read_to_at, has_new_lines) of texts. #}
{% macro changed_days() -%}
    {%- set found = run_query(
        'select cast(event_date as string), cast(read_from_at as string), '
        ~ 'cast(read_to_at as string), has_new_lines from ' ~ ref('int_web__changed_days')
        ~ ' order by event_date nulls last'
    ) -%}
    {{ return(found.rows) }}
{%- endmacro %}

{# True for rows of the days to compute. Literals, so that files without such days are not read.
   `new_lines_only`: days whose own lines changed, not their neighbours. #}
{% macro is_changed_day(column, new_lines_only=false) -%}
    {%- if is_some_days() -%}
        {%- set days = [] -%}
        {%- set unknown = [] -%}
        {%- for row in changed_days() if row[3] or not new_lines_only -%}
            {%- if row[0] is none -%}
                {%- do unknown.append(true) -%}
            {%- else -%}
                {%- do days.append("date '" ~ row[0] ~ "'") -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set parts = [] -%}
        {%- if days -%}{%- do parts.append(column ~ ' in (' ~ days | join(', ') ~ ')') -%}{%- endif -%}
        {%- if unknown -%}{%- do parts.append(column ~ ' is null') -%}{%- endif -%}
        ({{ parts | join(' or ') if parts else 'false' }})
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# True for events of the days to compute, and with `around` of the time around them that decides
   where their sessions begin and end. #}
{% macro is_changed_time(column, around=false, new_lines_only=false, whole_days=false) -%}
    {%- if is_some_days() -%}
        {%- set spans = [] -%}
        {%- set unknown = [] -%}
        {%- for row in changed_days() if row[3] or not new_lines_only -%}
            {%- if row[0] is none -%}
                {%- do unknown.append(true) -%}
            {%- else -%}
                {%- set begin = row[1] if around else row[0] ~ ' 00:00:00' -%}
                {%- set begin = begin[:10] ~ ' 00:00:00' if whole_days else begin -%}
                {%- set end = row[2] if around else row[0] ~ ' 23:59:59.999999' -%}
                {%- if around and spans and spans[-1][1] >= begin -%}
                    {%- set last = spans.pop() -%}
                    {%- do spans.append([last[0], end]) -%}
                {%- else -%}
                    {%- do spans.append([begin, end]) -%}
                {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set parts = [] -%}
        {%- for span in spans -%}
            {%- do parts.append(
                column ~ " between timestamp '" ~ span[0] ~ "' and timestamp '" ~ span[1] ~ "'"
            ) -%}
        {%- endfor -%}
        {%- if unknown and not around -%}{%- do parts.append(column ~ ' is null') -%}{%- endif -%}
        ({{ parts | join(' or ') if parts else 'false' }})
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# dbt's incremental strategy `replace_days`: the rows of the days to compute go, also those of days
   that are empty now, and the new ones come, in one transaction. #}
{% macro get_incremental_replace_days_sql(arguments) -%}
    {%- set meta = config.get('meta', {}) -%}
    {%- set columns = get_quoted_csv(arguments['dest_columns'] | map(attribute='name')) -%}
    delete from {{ arguments['target_relation'] }}
    where {{ is_changed_day(meta['day_column'], meta.get('new_lines_only', false)) }};

    insert into {{ arguments['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arguments['temp_relation'] }}
{%- endmacro %}

{# ---- what has landed, and what was built of it ---- #}

{# Relation of a table of an earlier build that may not be referred to (it is built later), or none. #}
{% macro earlier_table(name) -%}
    {%- if execute and replaces_days() and flags.WHICH in ('run', 'build', 'test') -%}
        {{ return(adapter.get_relation(model.database, model.schema, name)) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{# What an earlier build saw of the loads: `rows`, where it can be used, and `newest`, the time of the
   load from which on lines are read again (one load may land several files). It cannot be used once
   the lines are read in another way. #}
{% macro earlier_loads() -%}
    {%- set relation = earlier_table(this.identifier) -%}
    {%- if relation is not none and not flags.FULL_REFRESH -%}
        {%- set names = adapter.get_columns_in_relation(relation) | map(attribute='name') -%}
        {%- if 'source_version' in names -%}
            {%- set found = run_query(
                'select cast(min(newest) as string), min(source_version), max(source_version) from ('
                ~ 'select max(loaded_at) as newest, min(source_version) as source_version from '
                ~ relation ~ ' group by source_system) as newest_loads'
            ).rows[0] -%}
            {%- if found[0] and found[1] == found[2] == web_source_version() -%}
                {{ return({'rows': relation, 'newest': "timestamp '" ~ found[0] ~ "'"}) }}
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
    {{ return({}) }}
{%- endmacro %}

{# The state that the last complete build left, as a query; without one, no row of `landed`. #}
{% macro last_built_days(landed) -%}
    {%- set relation = earlier_table('int_web__built_days') -%}
    {%- if relation is none or flags.FULL_REFRESH -%}
        select
            source_system,
            loaded_at,
            event_date,
            count_events,
            first_seen_at,
            last_seen_at,
            cast(null as string) as rule_version
        from {{ landed }}
        where false
    {%- else -%}
        select
            source_system,
            loaded_at,
            event_date,
            count_events,
            first_seen_at,
            last_seen_at,
            rule_version
        from {{ relation }}
    {%- endif -%}
{%- endmacro %}

{# Checksum of the text of models: those with a tag, those named, and those they read. #}
{% macro model_texts(names, tag=none) -%}
    {%- set texts = [] -%}
    {%- if execute and replaces_days() -%}
        {%- set read = [] -%}
        {%- for name in names -%}
            {%- set node = graph.nodes.get('model.' ~ project_name ~ '.' ~ name) -%}
            {%- if node -%}
                {%- do read.append(node.unique_id) -%}
                {%- do read.extend(node.depends_on.nodes) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for node in graph.nodes.values() | sort(attribute='unique_id') -%}
            {%- if node.unique_id in read or (tag and tag in node.tags) -%}
                {%- do texts.append(node.checksum.checksum) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(local_md5(texts | join(' '))) }}
{%- endmacro %}

{# Version of how lines are read. #}
{% macro web_source_version() -%}
    {{ return(model_texts(['int_canonical__web_events', 'int_web__landed_days'])) }}
{%- endmacro %}

{# Version of everything that the per-day models are made by: rule rows, and the text of the models
   and of what they read. #}
{% macro web_rules_version() -%}
    {{ web_rule_version() }} || ' {{ model_texts(['int_canonical__web_events'], 'web_days') }}'
{%- endmacro %}

{# After a change of rules or models every day is computed anew, by full builds: the tables go. #}
{% macro drop_outdated_days() -%}
    {%- if execute and replaces_days() and flags.WHICH in ('run', 'build') -%}
        {%- set version = ref('int_web__rule_version') -%}
        {%- if run_query('select count(*) from ' ~ version ~ ' where is_rebuilt').rows[0][0] -%}
            {%- for node in graph.nodes.values() if 'web_days' in node.tags -%}
                {%- set relation = adapter.get_relation(node.database, node.schema, node.alias) -%}
                {%- if relation is not none -%}{%- do adapter.drop_relation(relation) -%}{%- endif -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# True for days that somebody asks for: SMH_BACKFILL_FROM and SMH_BACKFILL_TO. #}
{% macro is_asked_for(column) -%}
    {%- set first, last = var('backfill_from', ''), var('backfill_to', '') -%}
    {%- if first or last -%}
        {{ column }} between date '{{ first or "0001-01-01" }}' and date '{{ last or "9999-12-31" }}'
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}
