{# Macros of the relationship models. Indices are kept per day, and a build makes the days since the
   last one, and all days of the customers of which something earlier has changed. A model says with
   batch_… and is_batch_… where a batch comes in: marks that stand for "all" and into which the
   materialization puts one definition and a range of days. Elsewhere than on DuckDB the model is a
   plain table of all days. #}

{# Whole number, the same for the same values of these columns, small enough to be added up over
   all rows. #}
{% macro content_number(columns) -%}
    {{- return(adapter.dispatch('content_number', 'sales_migration_health')(columns)) -}}
{%- endmacro %}

{% macro default__content_number(columns) -%}
    cast(hash({{ columns | join(', ') }}) % 1000003 as bigint)
{%- endmacro %}

{% macro spark__content_number(columns) -%}
    pmod(xxhash64({{ columns | join(', ') }}), 1000003)
{%- endmacro %}

{# When a record became known: when it happened or, where that came later, when it was recorded. #}
{% macro known_at(occurred_at, recorded_at) -%}
    case when {{ recorded_at }} > {{ occurred_at }} then {{ recorded_at }} else {{ occurred_at }} end
{%- endmacro %}

{# One row per day from first to last, both included, in a select list; last is never before first. #}
{% macro each_day(first, last) -%}
    {{- return(adapter.dispatch('each_day', 'sales_migration_health')(first, last)) -}}
{%- endmacro %}

{% macro default__each_day(first, last) -%}
    {{ first }} + cast(unnest(range(0, date_diff('day', {{ first }}, {{ last }}) + 1)) as int)
{%- endmacro %}

{% macro spark__each_day(first, last) -%}
    explode(sequence({{ first }}, {{ last }}, interval 1 day))
{%- endmacro %}

{% macro index_days_materialization() -%}
    {{ return('index_days' if replaces_days() else 'table') }}
{%- endmacro %}

{% macro batch_first_date(column) -%}
    {{ column }} /*first_date*/
{%- endmacro %}

{% macro batch_last_date(column) -%}
    {{ column }} /*last_date*/
{%- endmacro %}

{% macro is_batch_definition(column) -%}
    true /*definition:{{ column }}*/
{%- endmacro %}

{# True for the customers that a batch is about. #}
{% macro is_batch_customer(column) -%}
    true /*customer:{{ column }}*/
{%- endmacro %}

{# True for touches that the day before the batch did not know, by their time: a day made of a time is
   not looked for before the joins. #}
{% macro is_batch_new(column) -%}
    true /*new:{{ column }}*/
{%- endmacro %}

{# True for touches by which a channel can be active on a day of the batch. #}
{% macro is_batch_active(column) -%}
    true /*active:{{ column }}*/
{%- endmacro %}

{# What the last build knew of each channel of a customer: the day of its latest touch. Touches known
   earlier can only keep a channel active for a shorter time. #}
{% macro latest_channel_touches() -%}
    select
        cast(null as string) as customer_id,
        cast(null as string) as channel,
        cast(null as date) as occurred_date,
        cast(null as date) as known_date
    where false /*channels*/
{%- endmacro %}

{# What the day before the batch left: the sums of each customer. #}
{% macro carried_index_days() -%}
    select
        cast(null as string) as customer_id,
        cast(null as string) as definition_version,
        cast(null as date) as index_date,
        cast(null as double) as touch_points,
        cast(null as double) as topic_points,
        cast(null as double) as overlap_points
    where false /*carried*/
{%- endmacro %}

{% macro filled_index_batch(sql, batch, built) -%}
    {%- set found = namespace(sql=sql) -%}
    {%- if batch is none -%}
        {%- set found.sql = modules.re.sub('true /[*]definition:[^*]*[*]/', 'false', found.sql) -%}
        {{ return(found.sql) }}
    {%- endif -%}
    {%- set first = "date '" ~ batch.first ~ "'" -%}
    {%- set last = "date '" ~ batch.last ~ "'" -%}
    {%- set found.sql = modules.re.sub('[a-z_.]+ /[*]first_date[*]/', first, found.sql) -%}
    {%- set found.sql = modules.re.sub('[a-z_.]+ /[*]last_date[*]/', last, found.sql) -%}
    {%- for kind, column in modules.re.findall('true /[*]([a-z]+):([^*]*)[*]/', sql) | unique -%}
        {%- set term = 'true' -%}
        {%- if kind == 'definition' -%}
            {%- set term = column ~ " = '" ~ batch.version ~ "'" -%}
        {%- elif kind == 'customer' and batch.is_changed_only -%}
            {%- set term = column ~ ' in (select changed.customer_id from '
                ~ built_table('int_relationship__changed_customers') ~ ' as changed)' -%}
        {%- elif kind == 'new' -%}
            {%- set term = column ~ ' < cast(' ~ last ~ ' + 1 as timestamp)'
                ~ (' and ' ~ column ~ ' >= cast(' ~ first ~ ' as timestamp)'
                    if batch.is_carried else '') -%}
        {%- elif kind == 'active' and batch.follows_build -%}
            {#- What the last build knew comes from latest_channel_touches(). -#}
            {%- set term = 'false' -%}
        {%- elif kind == 'active' -%}
            {%- set term = column ~ ' >= cast(' ~ first ~ ' - ' ~ batch.window_days
                ~ ' + 1 as timestamp) and ' ~ column ~ ' < cast(' ~ last ~ ' + 1 as timestamp)' -%}
        {%- endif -%}
        {%- set found.sql = found.sql
            | replace('true /*' ~ kind ~ ':' ~ column ~ '*/', '(' ~ term ~ ')') -%}
    {%- endfor -%}
    {%- if batch.is_carried -%}
        {%- set found.sql = found.sql | replace(
            carried_index_days(),
            'select customer_id, definition_version, index_date, touch_points, topic_points, '
            ~ 'overlap_points from ' ~ built ~ ' where index_date = ' ~ first ~ ' - 1 '
            ~ "and definition_version = '" ~ batch.version ~ "'"
            ~ (' and customer_id in (select changed.customer_id from '
                ~ built_table('int_relationship__changed_customers') ~ ' as changed)'
                if batch.is_changed_only else '')
        ) -%}
    {%- endif -%}
    {%- if batch.follows_build -%}
        {%- set found.sql = found.sql | replace(
            latest_channel_touches(),
            'select customer_id, channel, last_date_before as occurred_date, '
            ~ first ~ ' - 1 as known_date from '
            ~ built_table('int_relationship__customer_channels')
            ~ ' where last_date_before is not null'
        ) -%}
    {%- endif -%}
    {{ return(found.sql) }}
{%- endmacro %}

{# What the last build left of its customers, or none. It is built after those who ask, so it may not
   be referred to, and it is in another schema than some of them. #}
{% macro earlier_relationship_build() -%}
    {%- if execute and replaces_days() and flags.WHICH in ('run', 'build', 'test') -%}
        {{ return(built_table('int_relationship__built_customers')) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{# First day that the last build has not finished: its last day, whose evening it did not see. As a
   SQL date; the first of all days where nothing has been built. #}
{% macro relationship_built_through() -%}
    {%- set relation = earlier_relationship_build() -%}
    {%- set found = namespace(day='0001-01-01') -%}
    {%- if relation is not none and not flags.FULL_REFRESH -%}
        {%- set found.day = run_query(
            "select cast(coalesce(max(built_through), date '0001-01-01') as string) from " ~ relation
        ).rows[0][0] -%}
    {%- endif -%}
    {{ return("date '" ~ found.day ~ "'") }}
{%- endmacro %}

{# What the last build left: each customer with what its indices rest on. #}
{% macro built_relationship_customers() -%}
    {%- set relation = earlier_relationship_build() -%}
    {%- if relation is none or flags.FULL_REFRESH -%}
        select
            cast(null as string) as customer_id,
            cast(null as string) as state_now
        where false
    {%- else -%}
        select
            customer_id,
            state_now
        from {{ relation }}
    {%- endif -%}
{%- endmacro %}

{# Version of what is no rule row: the text of the models. #}
{% macro relationship_models_version() -%}
    {{ return(model_texts([
        'fct_relationship_index_day', 'int_relationship__weighted_touches',
        'int_relationship__touches', 'int_relationship__records',
        'int_relationship__web_sessions'
    ])) }}
{%- endmacro %}

{# Ranges of days as batches of no more than relationship_batch_rows rows, unless one day has more.
   The first of a range that begins a definition adds up all touches before it; each other one
   begins with the sums of the day before. #}
{% macro batches_of_index_days(span, first, is_carried, is_changed_only, count_customers) -%}
    {%- set size = [var('relationship_batch_rows') | int // [count_customers, 1] | max, 1] | max -%}
    {%- set batches = [] -%}
    {%- set rows = run_query(
        "select cast(first_day as string), cast(least(first_day + " ~ (size - 1) ~ ", date '"
        ~ span.last ~ "') as string) from (select unnest(generate_series(date '" ~ first
        ~ "', date '" ~ span.last ~ "', interval " ~ size ~ " day))::date as first_day) as firsts"
        ~ " order by 1"
    ).rows if first <= span.last else [] -%}
    {%- for row in rows -%}
        {%- do batches.append({
            'version': span.version, 'window_days': span.window_days, 'first': row[0],
            'last': row[1], 'is_carried': is_carried or not loop.first,
            'is_changed_only': is_changed_only, 'follows_build': is_carried and loop.first
        }) -%}
    {%- endfor -%}
    {{ return(batches) }}
{%- endmacro %}

{% materialization index_days, adapter='duckdb' -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set comment = (comment_of_table(existing) or '').split(' ') if existing else [''] -%}
    {%- set version = relationship_models_version() -%}
    {%- set built_through = relationship_built_through()[6:-1] -%}
    {%- set as_of = var('as_of') | string -%}
    {%- set is_new = existing is none or existing.is_view or should_full_refresh()
        or comment[0] != version or built_through > as_of or built_through == '0001-01-01' -%}
    {%- set built = make_intermediate_relation(target_relation) if is_new else target_relation -%}
    {%- set backup = make_backup_relation(target_relation, existing.type if existing else 'table') -%}
    {%- set counts = run_query(
        'select (select count(*) from ' ~ built_table('int_relationship__customer_states') ~ '), '
        ~ '(select count(*) from ' ~ built_table('int_relationship__changed_customers') ~ ')'
    ).rows[0] -%}
    {%- set known = comment[1:] -%}
    {%- set spans, batches, names = [], [], [] -%}
    {%- for name, window_days, is_current, first, last in run_query(
        'select definition_version, cast(coverage_window_days as bigint), is_current, '
        ~ 'cast(first_date as string), cast(last_date as string) from '
        ~ built_table('int_relationship__definition_days') ~ ' order by definition_version'
    ).rows -%}
        {%- set mark = name ~ ('*' if is_current else '') -%}
        {%- do names.append(mark) -%}
        {%- set span = {
            'version': name, 'window_days': window_days, 'first': first, 'last': last
        } -%}
        {%- if is_new or mark not in known -%}
            {%- do batches.extend(
                batches_of_index_days(span, first, false, false, counts[0])
            ) -%}
        {%- else -%}
            {%- if counts[1] and first < built_through -%}
                {%- set before = run_query(
                    "select cast(least(date '" ~ built_through ~ "' - 1, date '" ~ last
                    ~ "') as string)"
                ).rows[0][0] -%}
                {%- set earlier = {
                    'version': name, 'window_days': window_days, 'first': first, 'last': before
                } -%}
                {%- do batches.extend(
                    batches_of_index_days(earlier, first, false, true, counts[1])
                ) -%}
            {%- endif -%}
            {%- set since = [first, built_through] | max -%}
            {%- do batches.extend(
                batches_of_index_days(span, since, since > first, false, counts[0])
            ) -%}
        {%- endif -%}
    {%- endfor -%}

    {%- do drop_relation_if_exists(load_cached_relation(make_intermediate_relation(target_relation))) -%}
    {%- do drop_relation_if_exists(load_cached_relation(backup)) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% call statement('main') -%}
        {%- if is_new %}
            create table {{ built }} as
            {{ filled_index_batch(sql, none, built) }};
        {%- else %}
            {#- A definition that is no longer today's keeps the days that it was valid on. #}
            delete from {{ built }} where
                index_date >= date '{{ built_through }}'
                {%- for mark in known if mark not in names %}
                    or definition_version = '{{ mark | replace("*", "") }}'
                {%- endfor %};
        {%- endif %}
        {%- for batch in batches %}
            {%- if batch.is_changed_only %}
                delete from {{ built }}
                where definition_version = '{{ batch.version }}'
                    and index_date between date '{{ batch.first }}' and date '{{ batch.last }}'
                    and customer_id in (
                        select changed.customer_id
                        from {{ built_table('int_relationship__changed_customers') }} as changed
                    );
            {%- endif %}
            insert into {{ built }} by name
            {{ filled_index_batch(sql, batch, built) }};
        {%- endfor %}
        comment on table {{ built }} is '{{ ([version] + names) | join(" ") }}';
    {%- endcall %}

    {%- if is_new -%}
        {%- if existing is not none -%}
            {%- do adapter.rename_relation(existing, backup) -%}
        {%- endif -%}
        {%- do adapter.rename_relation(built, target_relation) -%}
    {%- endif -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {%- do drop_relation_if_exists(backup) -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
