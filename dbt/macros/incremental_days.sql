{# Per-day web models hold each day's rows once. On DuckDB a build replaces the days that
   int_web__changed_days names; everywhere else the same models are plain tables of all days.

   A model says where its days come in by is_changed_day() and is_changed_time(). They are written as
   `true` with a mark, and the materialization puts the days in, batch by batch, so that memory does
   not grow with the log. #}

{% macro replaces_days() -%}
    {{ return(target.type == 'duckdb' and target.name != 'sqlmesh') }}
{%- endmacro %}

{% macro days_materialization() -%}
    {{ return('replaced_days' if replaces_days() else 'table') }}
{%- endmacro %}

{# True for rows of the days to compute; with `around` also for days that their sessions touch. #}
{% macro is_changed_day(column, around=false) -%}
    true /*{{ 'day_around' if around else 'day' }}:{{ column }}*/
{%- endmacro %}

{# True for events of the days to compute, and with `around` of the time around them that decides
   where their sessions begin and end. Literals are put in, so files without such lines are not
   read. #}
{% macro is_changed_time(column, around=false) -%}
    true /*{{ 'time_around' if around else 'time' }}:{{ column }}*/
{%- endmacro %}

{# The model's SQL for one batch of days; without a batch for no day at all. #}
{% macro sql_of_days(sql, batch) -%}
    {%- set made = namespace(sql=sql) -%}
    {%- for kind, column in modules.re.findall('true /[*]([a-z_]+):([^*]*)[*]/', sql) -%}
        {%- set mark = 'true /*' ~ kind ~ ':' ~ column ~ '*/' -%}
        {%- set made.sql = made.sql | replace(mark, days_filter(kind, column, batch)) -%}
    {%- endfor -%}
    {{ return(made.sql) }}
{%- endmacro %}

{# Relation of a model or rule table that the calling model comes after. #}
{% macro built_table(name) -%}
    {#- Named first: SQLMesh hands the whole graph to every model and test that reaches a macro in
        which a method of `graph` is called, and takes minutes for it. -#}
    {%- set nodes = graph.nodes -%}
    {%- set node = nodes.get('seed.' ~ project_name ~ '.' ~ name)
        or nodes['model.' ~ project_name ~ '.' ~ name] -%}
    {{ return(adapter.get_relation(node.database, node.schema, node.alias)) }}
{%- endmacro %}

{% macro days_filter(kind, column, batch) -%}
    {%- if batch is none or (batch.first is none and kind not in ('day', 'time')) -%}
        {{ return('false') }}
    {%- endif -%}
    {%- if batch.first is none -%}
        {{ return(column ~ ' is null') }}
    {%- endif -%}
    {%- set first = "date '" ~ batch.first ~ "'" -%}
    {%- set last = "date '" ~ batch.last ~ "'" -%}
    {%- if kind.startswith('day') -%}
        {%- set days = batch.reach_days if kind == 'day_around' else 0 -%}
        {{ return(
            '(' ~ column ~ ' between ' ~ first ~ ' - ' ~ days ~ ' and ' ~ last ~ ' + ' ~ days ~ ')'
        ) }}
    {%- endif -%}
    {%- set seconds = batch.reach_seconds if kind == 'time_around' else 0 -%}
    {{ return(
        '(' ~ column ~ ' >= cast(' ~ first ~ ' as timestamp) - to_seconds(' ~ seconds ~ ') and '
        ~ column ~ ' < cast(' ~ last ~ ' + 1 as timestamp) + to_seconds(' ~ seconds ~ '))'
    ) }}
{%- endmacro %}

{# Batches of neighbouring days with no more than web_batch_events lines, unless one day has more.
   `is_new`: all days that have landed; else the changed ones, of which a model without sessions
   (`own_lines_only`) needs those whose own lines changed, while one that says who the visitors are
   (`follows_names`) also needs the days of visitors who are named otherwise now. #}
{% macro batches_of_days(is_new, own_lines_only, follows_names=false) -%}
    {%- set days -%}
        {%- if is_new -%}
            select event_date, sum(count_events) as count_events
            from {{ built_table('int_web__landed_days') }}
            group by event_date
        {%- else -%}
            select event_date, count_events
            from {{ built_table('int_web__changed_days') }}
            {{ 'where has_new_lines' if own_lines_only }}
            {%- if follows_names %}
                union
                select landed.event_date, cast(sum(landed.count_events) as bigint) as count_events
                from {{ built_table('int_web__landed_days') }} as landed
                inner join {{ built_table('int_intent__renamed_days') }} as renamed
                    on landed.event_date = renamed.event_date
                group by landed.event_date
            {%- endif -%}
        {%- endif -%}
    {%- endset -%}
    {%- set found = run_query(
        'select cast(days.event_date as string), cast(days.count_events as bigint), '
        ~ "date_diff('day', date '2000-01-01', days.event_date), "
        ~ 'cast(reach.reach_seconds as bigint), '
        ~ 'cast(ceil(reach.reach_seconds / 86400) as bigint) '
        ~ 'from (' ~ days ~ ') as days cross join ' ~ built_table('int_web__rule_version') ~ ' as reach '
        ~ 'order by days.event_date nulls last'
    ) -%}
    {%- set batches = [] -%}
    {%- set open = namespace(count=0, number=none) -%}
    {%- for day, count, number, reach_seconds, reach_days in found.rows -%}
        {%- set fits = number is not none and open.number is not none
            and number - open.number <= reach_days + 1
            and open.count + count <= var('web_batch_events') | int -%}
        {%- if fits -%}
            {%- do batches[-1].update({'last': day}) -%}
            {%- set open.count = open.count + count -%}
        {%- else -%}
            {%- do batches.append({
                'first': day, 'last': day, 'reach_seconds': reach_seconds, 'reach_days': reach_days
            }) -%}
            {%- set open.count = count -%}
        {%- endif -%}
        {%- set open.number = number -%}
    {%- endfor -%}
    {{ return(batches) }}
{%- endmacro %}

{# What a table's rows were made by, kept in the table's comment: `version` of rules, thresholds and
   the model's own text (a table of another version is built anew), and the changes it has followed.
   A table whose days are replaced also says there which build wrote each month (written_months). #}
{% macro made_by() -%}
    {%- set meta = config.get('meta') -%}
    {%- set rules = run_query(
        'select rule_version, changes_id from '
        ~ built_table(meta.get('build', 'int_web__rule_version'))
    ).rows[0] -%}
    {%- set follows = meta.get('follows', []) -%}
    {%- set parts = [model.checksum.checksum, rules[0]] + contents_of(follows) -%}
    {{ return({'version': local_md5(parts | join(' ')), 'changes_id': rules[1]}) }}
{%- endmacro %}

{# A number for the rows of each model or rule table: another one where a row is another. #}
{% macro contents_of(names) -%}
    {%- set found = [] -%}
    {%- for name in names -%}
        {%- do found.append(run_query(
            'select cast(sum(cast(hash(followed) as hugeint)) as string) from '
            ~ built_table(name) ~ ' as followed'
        ).rows[0][0] or '') -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# The models with one of the tags: name, tags, whether the table is there, and what it says of
   itself, by one question for all of them. #}
{% macro tables_with_tags(tags) -%}
    {%- set comments = {} -%}
    {%- for schema, name, comment in run_query(
        'select schema_name, table_name, comment from duckdb_tables() '
        ~ "where database_name = '" ~ this.database ~ "'"
    ).rows -%}
        {%- do comments.update({schema ~ '.' ~ name: comment}) -%}
    {%- endfor -%}
    {%- set found = [] -%}
    {%- set nodes = graph.nodes -%}
    {%- for node in nodes.values()
        if node.config.enabled and node.tags | select('in', tags) | list -%}
        {%- set name = node.schema ~ '.' ~ node.alias -%}
        {%- do found.append({
            'name': node.name,
            'tags': node.tags,
            'is_there': name in comments,
            'comment': comments.get(name)
        }) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# Names of the models with one of the tags whose table has not followed this build's changes. #}
{% macro unfollowed_models(tags) -%}
    {%- set unfollowed = [] -%}
    {%- if execute and replaces_days() and flags.WHICH in ('run', 'build') -%}
        {%- set changes = run_query('select changes_id from ' ~ built_table('int_web__rule_version')) -%}
        {%- for table in tables_with_tags(tags) -%}
            {#- What names visitors and has never been built computes all days anyway. -#}
            {%- if (table.comment or '').split(' ')[-1] != changes.rows[0][0]
                and (table.is_there or 'web_days' in table.tags | select('in', tags)) -%}
                {%- do unfollowed.append(table.name) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(unfollowed) }}
{%- endmacro %}

{# The state before, as a query, where some per-day model has not followed the changes; else none. #}
{% macro incomplete_days() -%}
    {{ return(
        last_built_days('landed')
        if unfollowed_models(['web_days', 'web_names', 'web_visitors', 'web_identities', 'web_addresses'])
        else none
    ) }}
{%- endmacro %}

{% macro comment_of_table(relation) -%}
    {%- set found = run_query(
        "select comment from duckdb_tables() where database_name = '" ~ relation.database
        ~ "' and schema_name = '" ~ relation.schema ~ "' and table_name = '" ~ relation.identifier
        ~ "'"
    ) -%}
    {{ return(found.rows[0][0] if found.rows else none) }}
{%- endmacro %}

{# Whether a table has to be made whole: it is not there, or was made by something else. #}
{% macro is_built_anew(existing, version) -%}
    {{ return(
        existing is none or existing.is_view or should_full_refresh()
        or (comment_of_table(existing) or '').split(' ')[0] != version
    ) }}
{%- endmacro %}

{# Makes the table of a model whole, or replaces some of its rows.
   `no_rows`: the model's SQL without any row; `parts`: pairs of `where`, the rows that go, and
   `sql`, those that come, with `after`, a statement, if rows that stay are others then; `comment`:
   what the table says of itself. #}
{% macro replace_rows(existing, is_new, no_rows, parts, comment) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set built = make_intermediate_relation(target_relation) if is_new else target_relation -%}
    {%- set backup = make_backup_relation(target_relation, existing.type if existing else 'table') -%}

    {%- do drop_relation_if_exists(load_cached_relation(make_intermediate_relation(target_relation))) -%}
    {%- do drop_relation_if_exists(load_cached_relation(backup)) -%}
    {%- do run_hooks(pre_hooks, inside_transaction=False) -%}
    {%- do run_hooks(pre_hooks, inside_transaction=True) -%}

    {%- call statement('main') -%}
        {%- if config.get('contract').enforced %}
            {{ get_assert_columns_equivalent(no_rows) }}
        {%- endif %}
        {%- if is_new %}
            create table {{ built }} as
            {{ no_rows }};
        {%- endif %}
        {%- for part in parts %}
            {%- if not is_new %}
                delete from {{ built }} where {{ part.where }};
            {%- endif %}
            insert into {{ built }} by name
            {{ part.sql }};
            {%- if part.after %}
                {{ part.after }};
            {%- endif %}
        {%- endfor %}
        comment on table {{ built }} is '{{ comment }}';
    {%- endcall -%}

    {%- if is_new -%}
        {%- if existing is not none -%}
            {%- do adapter.rename_relation(existing, backup) -%}
        {%- endif -%}
        {%- do adapter.rename_relation(built, target_relation) -%}
    {%- endif -%}
    {%- do run_hooks(post_hooks, inside_transaction=True) -%}
    {%- do adapter.commit() -%}
    {%- do drop_relation_if_exists(backup) -%}
    {%- do run_hooks(post_hooks, inside_transaction=False) -%}
{%- endmacro %}

{# Which build has last written rows of each month: `other=<build>,2026-06-01=<build>,null=<build>`,
   without a blank; `other` stands for every month that is not named. What reads only the months that
   have changed goes by it. It stands in the table's comment because that changes in one transaction
   with the rows, goes with the table, and no two models write it. A build has an id of its own: a
   later one may replace the same days for the same changes by other rows. #}
{% macro written_months(existing, is_new, batches) -%}
    {%- set known = [] if is_new else comment_of_table(existing).split(' ') -%}
    {%- set written = {} -%}
    {%- if known | length == 3 -%}
        {%- for pair in known[1].split(',') -%}
            {%- do written.update({pair.split('=')[0]: pair.split('=')[1]}) -%}
        {%- endfor -%}
    {%- else -%}
        {#- Made now, or before there was such a list: who wrote it until now is one and the same. -#}
        {%- do written.update({'other': invocation_id}) -%}
    {%- endif -%}
    {%- for month in ([] if is_new else months_of(batches)) -%}
        {%- do written.update({month: invocation_id}) -%}
    {%- endfor -%}
    {%- set pairs = [] -%}
    {%- for month, build in written.items() -%}
        {%- do pairs.append(month ~ '=' ~ build) -%}
    {%- endfor -%}
    {{ return(pairs | join(',')) }}
{%- endmacro %}

{# First days of the months that batches reach into, as text; `null` for rows without a day. #}
{% macro months_of(batches) -%}
    {%- set months, ranges = [], [] -%}
    {%- for batch in batches -%}
        {%- if batch.first is none -%}
            {%- do months.append('null') -%}
        {%- else -%}
            {%- do ranges.append("(date '" ~ batch.first ~ "', date '" ~ batch.last ~ "')") -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if ranges -%}
        {%- do months.extend(run_query(
            'select distinct cast(cast(month as date) as string) from (select unnest(generate_series('
            ~ "date_trunc('month', first_day), last_day, interval 1 month)) as month from (values "
            ~ ranges | join(', ') ~ ') as batches(first_day, last_day)) as months order by 1'
        ).columns[0].values()) -%}
    {%- endif -%}
    {{ return(months) }}
{%- endmacro %}

{% materialization replaced_days, adapter='duckdb' -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set comment = made_by() -%}
    {%- set meta = config.require('meta') -%}
    {%- set is_new = is_built_anew(existing, comment.version) -%}
    {%- set batches = batches_of_days(
        is_new, meta.get('own_lines_only', false), meta.get('follows_names', false)
    ) -%}
    {%- set written = written_months(existing, is_new, batches) -%}
    {%- set parts = [] -%}
    {%- for batch in batches -%}
        {%- do parts.append({
            'where': days_filter('day', meta.day_column, batch), 'sql': sql_of_days(sql, batch)
        }) -%}
    {%- endfor -%}
    {%- do replace_rows(
        existing,
        is_new,
        sql_of_days(sql, none),
        parts,
        comment.version ~ ' ' ~ written ~ ' ' ~ comment.changes_id
    ) -%}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{# In a build, a test of a table whose days are replaced looks at the days that the build computed,
   and at those around, which a session could wrongly share; of a table whose keys are replaced at
   the keys that it computed. The others were tested when they were written. `dbt test` looks at all
   rows. #}
{% macro duckdb__get_where_subquery(relation) -%}
    {%- if not (execute and replaces_days() and flags.WHICH == 'build') or config.get('where') -%}
        {{ return(default__get_where_subquery(relation)) }}
    {%- endif -%}
    {%- set nodes = graph.nodes -%}
    {%- set tested = nodes.get(model.attached_node) -%}
    {%- if tested and tested.config.materialized == 'replaced_keys'
        and ' changed ' in (comment_of_table(relation) or '') -%}
        {{ return(
            '(select * from ' ~ relation ~ ' where ' ~ tested.config.meta.key ~ ' in '
            ~ changed_keys_of(tested.config.meta) ~ ') as computed_rows'
        ) }}
    {%- endif -%}
    {%- if not tested or tested.config.materialized != 'replaced_days' -%}
        {{ return(default__get_where_subquery(relation)) }}
    {%- endif -%}
    {%- set meta = tested.config.meta -%}
    {%- set filters = [] -%}
    {%- for batch in batches_of_days(
        false, meta.get('own_lines_only', false), meta.get('follows_names', false)
    ) -%}
        {%- do filters.append(days_filter('day_around', meta.day_column, batch)) -%}
        {%- do filters.append(days_filter('day', meta.day_column, batch)) -%}
    {%- endfor -%}
    {{ return(
        '(select * from ' ~ relation ~ ' where ' ~ (filters | join(' or ') or 'false')
        ~ ') as computed_rows'
    ) }}
{%- endmacro %}

{# ---- what has landed, and what was built of it ---- #}

{# Relation of a table of an earlier build that may not be referred to (it is built later), or none. #}
{% macro earlier_table(name) -%}
    {%- if execute and replaces_days() and flags.WHICH in ('run', 'build', 'test') -%}
        {%- set nodes = graph.nodes -%}
        {%- set node = nodes['model.' ~ project_name ~ '.' ~ name] -%}
        {{ return(adapter.get_relation(node.database, node.schema, node.alias)) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{# Names of the columns of a table on DuckDB. Dozens of models ask: dbt's own
   get_columns_in_relation() goes through a macro each time. #}
{% macro columns_of(relation) -%}
    {{ return(
        adapter.get_column_schema_from_query('select * from ' ~ relation)
        | map(attribute='name') | list
    ) }}
{%- endmacro %}

{# These columns, a mapping of names to types, of a table of an earlier build; no row where it is none. #}
{% macro rows_of(relation, columns) -%}
    {#- One of an earlier release may have other columns. -#}
    {%- if relation and columns.keys() | reject('in', columns_of(relation)) | list -%}
        {%- set relation = none -%}
    {%- endif -%}
    select
        {%- for column, type in columns.items() %}
        {{ column if relation else 'cast(null as ' ~ type ~ ') as ' ~ column }}
            {{- ',' if not loop.last }}
        {%- endfor %}
    {{ 'from ' ~ relation if relation else 'where false' }}
{%- endmacro %}

{# What an earlier build saw of the loads: `rows`, where it can be used, and `newest`, the time of the
   load from which on lines are read again (one load may land several files). It cannot be used once
   the lines are read in another way. #}
{% macro earlier_loads() -%}
    {%- if not replaces_days() -%}{{ return({}) }}{%- endif -%}
    {%- set relation = earlier_table(this.identifier) -%}
    {%- if relation is not none and not flags.FULL_REFRESH -%}
        {%- if 'source_version' in columns_of(relation) -%}
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

{# Checksum of the text of models: those with one of the tags, those named, and those they read. #}
{% macro model_texts(names, tags=()) -%}
    {%- if not replaces_days() -%}{{ return('') }}{%- endif -%}
    {%- set texts = [] -%}
    {%- if execute -%}
        {%- set nodes = graph.nodes -%}
        {%- set read = [] -%}
        {%- for name in names -%}
            {%- set node = nodes.get('model.' ~ project_name ~ '.' ~ name) -%}
            {%- if node -%}
                {%- do read.append(node.unique_id) -%}
                {%- do read.extend(node.depends_on.nodes) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for node in nodes.values() | sort(attribute='unique_id') -%}
            {%- if node.unique_id in read
                or node.tags | select('in', tags) | list | length > 0 -%}
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
    {{ web_rule_version() }}
    || ' {{ model_texts(['int_canonical__web_events'], ['web_days', 'web_names']) }}'
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

{# Name of the changes that this build follows. #}
{% macro web_changes_id() -%}
    {{ return(invocation_id if replaces_days() else '') }}
{%- endmacro %}
