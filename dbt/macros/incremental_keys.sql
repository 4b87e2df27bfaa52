{# Tables that hold all rows of a key, such as of a visitor, once. On DuckDB a build replaces the rows
   of the keys that a model of changed keys names; everywhere else the same models are plain tables.

   A model says where its keys come in by is_changed_key(). It is written as `true` with a mark, and
   the materialization puts the keys in. `meta` of such a model:
   - key: a column of the model, or an expression that is never NULL;
   - changed_keys: the model with one row, of that column alone, per changed key;
   - changed_columns: what to select from that model where it has other columns too;
   - build: the model with the version of the rules and the id of the changes, if not the web's;
   - follows: models by whose rows every key is made. When one of them is another, all keys are;
   - spans: where rows of a key follow each other in time, their columns `first` and `last` and the
     column `kind` within which they do. The model of changed keys then has a column `since_date`: what
     begins earlier stays, until the day before the next row, and the model says by since_date() from
     where on it makes rows. #}

{% macro keys_materialization() -%}
    {{ return('replaced_keys' if replaces_days() else 'table') }}
{%- endmacro %}

{# True for rows of the keys to compute. #}
{% macro is_changed_key(column) -%}
    true /*key:{{ column }}*/
{%- endmacro %}

{# First day of the rows to compute of a key. #}
{% macro since_date(column) -%}
    date '0001-01-01' /*since:{{ column }}*/
{%- endmacro %}

{# The days from which on the rows of changed keys are replaced, put into the model's SQL. #}
{% macro sql_of_spans(sql, meta) -%}
    {%- set made = namespace(sql=sql) -%}
    {%- for column in modules.re.findall("date '0001-01-01' /[*]since:([^*]*)[*]/", sql) -%}
        {%- set made.sql = made.sql
            | replace("date '0001-01-01' /*since:" ~ column ~ '*/', since_date_of(column, meta)) -%}
    {%- endfor -%}
    {{ return(made.sql) }}
{%- endmacro %}

{% macro since_date_of(column, meta) -%}
    {{ return(
        '(select min(changed.since_date) from ' ~ built_table(meta.changed_keys)
        ~ ' as changed where changed.' ~ meta.changed_columns ~ ' = ' ~ column ~ ')'
    ) }}
{%- endmacro %}

{# Statement by which the last row of a key that stays ends where the next one begins now. #}
{% macro ends_of_spans(relation, meta) -%}
    {%- set key, spans = meta.key, meta.spans -%}
    update {{ relation }} as spans set {{ spans.last }} = ends.last_day
    from (
        select
            rows_now.{{ key }},
            rows_now.{{ spans.kind }},
            max(case when rows_now.{{ spans.first }} < changed.since_date
                then rows_now.{{ spans.first }} end) as first_day,
            coalesce(min(case when rows_now.{{ spans.first }} >= changed.since_date
                then rows_now.{{ spans.first }} end) - 1, date '9999-12-31') as last_day
        from {{ relation }} as rows_now
        inner join {{ built_table(meta.changed_keys) }} as changed
            on
                rows_now.{{ key }} = changed.{{ key }}
                and rows_now.{{ spans.last }} >= changed.since_date - 1
        group by all
    ) as ends
    where
        spans.{{ key }} = ends.{{ key }}
        and spans.{{ spans.kind }} = ends.{{ spans.kind }}
        and spans.{{ spans.first }} = ends.first_day
        and spans.{{ spans.last }} <> ends.last_day
{%- endmacro %}

{# The model's SQL where `is_changed` holds of the keys: a list of them as a query, true, or false. #}
{% macro sql_of_keys(sql, is_changed) -%}
    {%- set made = namespace(sql=sql) -%}
    {%- for column in modules.re.findall('true /[*]key:([^*]*)[*]/', sql) -%}
        {%- set filter = is_changed if is_changed in ('true', 'false') else column ~ ' in ' ~ is_changed -%}
        {%- set made.sql = made.sql | replace('true /*key:' ~ column ~ '*/', filter) -%}
    {%- endfor -%}
    {{ return(made.sql) }}
{%- endmacro %}

{# The changed keys of a model as a query. #}
{% macro changed_keys_of(meta) -%}
    {{ return(
        '(select ' ~ meta.get('changed_columns', '*') ~ ' from ' ~ built_table(meta.changed_keys) ~ ')'
    ) }}
{%- endmacro %}

{% materialization replaced_keys, adapter='duckdb' -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set meta = config.require('meta') -%}
    {%- set comment = made_by() -%}
    {%- set is_new = is_built_anew(existing, comment.version) -%}
    {%- set changed = changed_keys_of(meta) -%}
    {%- set part = {
        'where': meta.key ~ ' in ' ~ changed, 'sql': sql_of_keys(sql, 'true' if is_new else changed)
    } -%}
    {%- if meta.spans and not is_new -%}
        {%- do part.update({
            'where': part.where ~ ' and ' ~ meta.spans.first ~ ' >= '
                ~ since_date_of(this.identifier ~ '.' ~ meta.key, meta),
            'sql': sql_of_spans(part.sql, meta),
            'after': ends_of_spans(target_relation, meta)
        }) -%}
    {%- endif -%}
    {%- do replace_rows(
        existing,
        is_new,
        sql_of_keys(sql, 'false'),
        [part],
        comment.version ~ (' all ' if is_new else ' changed ') ~ comment.changes_id
    ) -%}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{# Whether the models with these tags stand at different builds: the last one broke off between
   them. To be asked before any of them is built. #}
{% macro is_half_built(tags) -%}
    {%- set found = [] -%}
    {%- if execute and replaces_days() and flags.WHICH in ('run', 'build') -%}
        {%- for table in tables_with_tags(tags) if table.is_there -%}
            {%- do found.append((table.comment or '').split(' ')[-1]) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found | unique | list | length > 1) }}
{%- endmacro %}
