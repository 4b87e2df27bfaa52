{# Macros of the relationship models. Indices are kept per day, and a build makes the days since the
   last one, and all days of the customers of which something earlier has changed. A model says with
   batch_… and is_batch_… where a batch comes in: marks that stand for "all" and into which the
   materialization puts one definition and a range of days. Elsewhere than on DuckDB the model is a
   plain table of all days. #}

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

{# True for channels of a customer that the day before the batch did not carry, by the day of their
   first touch. #}
{% macro is_batch_first_touch(column) -%}
    true /*first:{{ column }}*/
{%- endmacro %}

{# What the last build knew of each channel of a customer: the day of its latest touch, and whether it
   has been touched since. Touches known earlier can only keep a channel active for a shorter time. #}
{% macro latest_channel_touches() -%}
    select
        cast(null as string) as customer_id,
        cast(null as string) as channel,
        cast(null as date) as occurred_date,
        cast(null as date) as known_date,
        cast(null as boolean) as is_touched_anew
    where false /*channels*/
{%- endmacro %}

{# What the day before the batch left: the sums of each customer and, for a batch that follows the
   last build, the channels; other batches find these out of the touches. #}
{% macro carried_index_days() -%}
    select
        cast(null as string) as customer_id,
        cast(null as string) as definition_version,
        cast(null as date) as index_date,
        cast(null as double) as touch_points,
        cast(null as double) as topic_points,
        cast(null as double) as overlap_points,
        cast(null as bigint) as active_channel_bits,
        cast(null as bigint) as touched_channel_bits
    where false /*carried*/
{%- endmacro %}

{# Sum over the events of a customer up to each one. #}
{% macro running_sum(column) -%}
    sum({{ column }}) over (
        partition by period_start, customer_id
        order by event_date asc nulls last
        rows between unbounded preceding and current row
    ) /*running:{{ column }}*/
{%- endmacro %}

{# Day of the next event of a customer. #}
{% macro next_event_date() -%}
    lead(event_date) over (
        partition by period_start, customer_id order by event_date asc nulls last
    )
{%- endmacro %}

{# One row per day from an event until the next one or the end of the batch, in a select list. #}
{% macro each_day_of_event() -%}
    {{- each_day(
        'running.event_date',
        'coalesce(' ~ add_days('running.next_date', -1) ~ ', batches.last_date)'
    ) -}}
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
        {%- elif kind == 'customer' and batch.customers -%}
            {%- set term = column ~ ' in (' ~ batch.customers ~ ')' -%}
        {%- elif kind in ('new', 'active') and not batch.has_touches -%}
            {%- set term = 'false' -%}
        {%- elif kind == 'new' -%}
            {%- set term = column ~ ' < cast(' ~ last ~ ' + 1 as timestamp)'
                ~ (' and ' ~ column ~ ' >= cast(' ~ first ~ ' as timestamp)'
                    if batch.is_carried else '') -%}
        {%- elif kind == 'first' and batch.follows_build -%}
            {%- set term = column ~ ' >= ' ~ first -%}
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
    {%- if batch.first == batch.last -%}
        {#- On one day a customer has one event, with which nothing is to be added up. -#}
        {%- for column in modules.re.findall('/[*]running:([^*]*)[*]/', sql) -%}
            {%- set found.sql = found.sql | replace(running_sum(column), column) -%}
        {%- endfor -%}
        {%- set found.sql = found.sql
            | replace(next_event_date(), 'cast(null as date)')
            | replace(each_day_of_event(), 'running.event_date') -%}
    {%- endif -%}
    {%- if batch.is_carried -%}
        {%- set found.sql = found.sql | replace(
            carried_index_days(),
            'select customer_id, definition_version, index_date, touch_points, topic_points, '
            ~ 'overlap_points, '
            ~ ('active_channel_bits, touched_channel_bits' if batch.follows_build else
                'cast(0 as bigint) as active_channel_bits, cast(0 as bigint) as touched_channel_bits')
            ~ ' from ' ~ built ~ ' where index_date = ' ~ first ~ ' - 1 '
            ~ "and definition_version = '" ~ batch.version ~ "'"
            ~ (' and customer_id in (' ~ batch.customers ~ ')' if batch.customers else '')
        ) -%}
    {%- endif -%}
    {%- if batch.follows_build -%}
        {#- Of channels not touched since only those that may end in the batch. -#}
        {%- set found.sql = found.sql | replace(
            latest_channel_touches(),
            'select customer_id, channel, case when last_known_date < ' ~ first
            ~ ' then cast(last_touch_at as date) else last_date_before end as occurred_date, '
            ~ first ~ ' - 1 as known_date, last_known_date >= ' ~ first ~ ' as is_touched_anew from '
            ~ built_table('int_relationship__customer_channels')
            ~ ' where first_known_date < ' ~ first ~ ' and (last_known_date >= ' ~ first
            ~ ' or last_touch_at >= cast(' ~ first ~ ' - ' ~ batch.window_days ~ ' - 1 as timestamp) '
            ~ 'and last_touch_at < cast(' ~ last ~ ' - ' ~ batch.window_days ~ ' + 2 as timestamp))'
        ) -%}
    {%- endif -%}
    {{ return(found.sql) }}
{%- endmacro %}

{# Rows of a model as an earlier build left them, for a model that is built before it, or for itself:
   it may not be referred to, and it may be in another schema. #}
{% macro rows_kept_in(name, columns) -%}
    {{- rows_of(none if flags.FULL_REFRESH else earlier_table(name), columns) -}}
{%- endmacro %}

{# Last day that the last build made, whose evening it may not have seen. As a SQL date; the first of
   all days where nothing has been built. #}
{% macro relationship_built_through() -%}
    {%- set relation = earlier_table('int_relationship__built_customers') -%}
    {%- set found = namespace(day='0001-01-01') -%}
    {%- if relation is not none and not flags.FULL_REFRESH -%}
        {%- set found.day = run_query(
            "select cast(coalesce(max(built_through), date '0001-01-01') as string) from " ~ relation
        ).rows[0][0] -%}
    {%- endif -%}
    {{ return("date '" ~ found.day ~ "'") }}
{%- endmacro %}

{# True for what its source tells of a day that has changed. #}
{% macro is_changed_part(kind, date) -%}
    true /*part:{{ kind }}:{{ date }}*/
{%- endmacro %}

{# True for times from the first to the last day that has changed: whether it holds can be seen of a
   block of rows without reading them. #}
{% macro is_near_changed_part(kind, time) -%}
    true /*near:{{ kind }}:{{ time }}*/
{%- endmacro %}

{# True for keys that rows of a relation of the model name, where few rows are made: so few are then
   joined. Where all are made, looking them up would cost more than it spares. #}
{% macro is_named_in(relation, key) -%}
    true /*named:{{ relation }}:{{ key }}*/
{%- endmacro %}

{# Records kept from days that have not changed, of an account, contact, opportunity or lead that has. #}
{% macro records_of_changed_keys() -%}
    select
        cast(null as string) as source_object,
        cast(null as string) as source_id,
        cast(null as string) as source_system,
        cast(null as date) as source_date,
        cast(null as string) as own_account_id,
        cast(null as string) as contact_id,
        cast(null as string) as opportunity_id,
        cast(null as string) as lead_id,
        cast(null as string) as rep_id,
        cast(null as string) as channel,
        cast(null as string) as direction,
        cast(null as string) as topic,
        cast(null as string) as topic_industry,
        cast(null as timestamp) as occurred_at,
        cast(null as timestamp) as known_at
    where false /*kept*/
{%- endmacro %}

{# The parts as the last build kept them, or none where all of them are kept anew. #}
{% macro kept_parts_before() -%}
    {%- set kept = none if flags.FULL_REFRESH else earlier_table('int_relationship__kept_parts') -%}
    {#- One of an earlier release told parts by something else. -#}
    {{ return(kept if kept and 'part_owner' in columns_of(kept) else none) }}
{%- endmacro %}

{% macro followed_parts_materialization() -%}
    {{ return('followed_parts' if replaces_days() else 'table') }}
{%- endmacro %}

{# Rows of changed keys are made again, as with replaced_keys (incremental_keys.sql); all rows where no
   part has been kept. What is made of rows and not of changes alone can also be made anew by itself. #}
{% materialization followed_parts, adapter='duckdb' -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set meta = config.require('meta') -%}
    {%- set version = model_texts([model.name]) -%}
    {%- set is_new = kept_parts_before() is none or (
        not meta.get('is_what_has_been_followed') and is_built_anew(existing, version)
    ) -%}
    {%- set changed = changed_keys_of(meta) -%}
    {%- do replace_rows(
        existing,
        is_new,
        'select * from (' ~ sql_of_keys(sql, 'false') ~ ') as parts where false',
        [{
            'where': meta.key ~ ' in ' ~ changed,
            'sql': sql_of_keys(sql, 'true' if is_new else changed)
        }],
        version
    ) -%}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{%- endmaterialization %}

{% macro kept_records_materialization() -%}
    {{ return('kept_records' if replaces_days() else 'table') }}
{%- endmacro %}

{# First and last day that has changed of each kind of records, and the kinds of keys that have. #}
{% macro kinds_of_changed_parts(changed) -%}
    {%- set days, keys = {}, [] -%}
    {%- for kind, first, last in run_query(
        'select part_kind, cast(min(part_date) as string), cast(max(part_date) as string) from '
        ~ changed ~ ' group by part_kind order by part_kind'
    ).rows -%}
        {%- if first is none -%}
            {%- do keys.append(kind) -%}
        {%- else -%}
            {%- do days.update({kind: {'first': "date '" ~ first ~ "'", 'last': "date '" ~ last ~ "'"}}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return({'days': days, 'keys': keys}) }}
{%- endmacro %}

{# Row numbers of the kept records of changed days, and of those of changed keys. Each kind by itself:
   so only one column is read. #}
{% macro rows_of_changed_parts(existing, changed, kinds) -%}
    select
        0 as row_number,
        true as is_of_changed_day
    where false
    {%- for kind, range in kinds.days.items() %}
        union all
        select
            rowid,
            true
        from {{ existing }}
        where
            gone_in is null
            and source_object = '{{ kind }}'
            and source_date between {{ range.first }} and {{ range.last }}
            and source_date in (
                select changed.part_date from {{ changed }} as changed
                where changed.part_kind = '{{ kind }}'
            )
    {%- endfor %}
    {%- for kind in kinds['keys'] %}
        union all
        select
            rowid,
            false
        from {{ existing }}
        where
            gone_in is null
            and {{ kind }}_id in (
                select changed.part_key from {{ changed }} as changed
                where changed.part_kind = '{{ kind }}'
            )
    {%- endfor %}
{%- endmacro %}

{# The model's SQL for the parts that have changed. #}
{% macro sql_of_changed_parts(sql, changed, kinds, replaced) -%}
    {%- set made = namespace(sql=sql) -%}
    {%- for mark, kind, column in modules.re.findall(
        'true /[*](part|near|named):([a-z_]+):([^*]*)[*]/', sql
    ) | unique -%}
        {%- set term = 'false' -%}
        {%- if mark == 'named' -%}
            {%- set term = column ~ ' in (select ' ~ kind ~ '.' ~ column ~ ' from ' ~ kind ~ ')' -%}
        {%- elif kind in kinds.days -%}
            {%- set term = column ~ ' in (select changed.part_date from ' ~ changed
                ~ " as changed where changed.part_kind = '" ~ kind ~ "')" if mark == 'part'
                else '(' ~ column ~ ' >= cast(' ~ kinds.days[kind].first ~ ' as timestamp) and '
                    ~ column ~ ' < cast(' ~ kinds.days[kind].last ~ ' + 1 as timestamp))' -%}
        {%- endif -%}
        {%- set made.sql = made.sql | replace(
            'true /*' ~ mark ~ ':' ~ kind ~ ':' ~ column ~ '*/', term
        ) -%}
    {%- endfor -%}
    {{ return(made.sql | replace(
        records_of_changed_keys(),
        'select source_object, source_id, source_system, source_date, own_account_id, contact_id, '
        ~ 'opportunity_id, lead_id, rep_id, channel, direction, topic, topic_industry, occurred_at, '
        ~ 'known_at from ' ~ replaced ~ ' where not is_of_changed_day'
    )) }}
{%- endmacro %}

{# What a table says in its comment of the kept records that it rests on: the version of its text, the
   number of the build that wrote them last, and the build that made them whole. #}
{% macro records_of_table(relation) -%}
    {%- set comment = ((comment_of_table(relation) or '') if relation else '').split(' ') -%}
    {{ return(
        {'version': comment[0], 'number': comment[1] | int, 'made_in': comment[2]}
        if comment | length == 3 else {'version': '', 'number': 0, 'made_in': ''}
    ) }}
{%- endmacro %}

{# Number of the last build of the kept records that a table has followed; none where it has followed
   other ones. #}
{% macro followed_build(relation) -%}
    {%- set kept = records_of_table(built_table('int_relationship__customer_records')) -%}
    {%- set table = records_of_table(relation) -%}
    {{ return(table.number if kept.made_in and table.made_in == kept.made_in else none) }}
{%- endmacro %}

{% materialization kept_records, adapter='duckdb' -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set before = records_of_table(existing) -%}
    {%- set version = model_texts([model.name]) -%}
    {%- set is_new = is_built_anew(existing, version) or not before.made_in
        or kept_parts_before() is none -%}
    {%- set number = before.number + 1 -%}
    {%- if is_new -%}
        {%- set rows = 'select * replace (cast(' ~ number ~ ' as int) as written_in) from (' ~ sql
            ~ ') as records' -%}
        {%- do replace_rows(
            existing, true, rows ~ ' where false', [{'where': 'false', 'sql': rows}],
            [version, number, invocation_id] | join(' ')
        ) -%}
        {{ return({'relations': [target_relation]}) }}
    {%- endif -%}

    {%- set changed = built_table('int_relationship__changed_parts') -%}
    {%- set kinds = kinds_of_changed_parts(changed) -%}
    {%- set followed = [] -%}
    {%- for name in ['int_relationship__customer_channels', 'int_relationship__built_customers'] -%}
        {%- do followed.append(followed_build(built_table(name)) or 0) -%}
    {%- endfor -%}
    {%- set columns = columns_of(existing) | reject('in', ['written_in', 'gone_in']) | join(', ') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement('main') -%}
        create or replace temporary table replaced_records as
        with changed_rows as (
            select
                row_number,
                max(is_of_changed_day) as is_of_changed_day
            from ({{ rows_of_changed_parts(existing, changed, kinds) }}) as found
            group by row_number
        )
        select
            changed_rows.*,
            records.*
        from {{ existing }} as records
        inner join changed_rows on records.rowid = changed_rows.row_number;
        create or replace temporary table renewed_records as
        {{ sql_of_changed_parts(sql, changed, kinds, 'replaced_records') }};
        {#- What is the same as before stays as it is. #}
        create or replace temporary table same_records as
        select
            replaced.row_number,
            renewed.rowid as renewed_number
        from replaced_records as replaced
        inner join renewed_records as renewed
            on
                {%- for column in columns.split(', ') %}
                {{ 'and ' if not loop.first }}replaced.{{ column }}
                {{- ' = ' if column in ('source_object', 'source_id') else ' is not distinct from ' -}}
                renewed.{{ column }}
                {%- endfor %};
        delete from {{ existing }} where gone_in <= {{ followed | min }};
        update {{ existing }} set gone_in = {{ number }}
        where rowid in (
            select replaced.row_number
            from replaced_records as replaced
            anti join same_records as same on replaced.row_number = same.row_number
        );
        insert into {{ existing }} by name
        select renewed.* replace ({{ number }} as written_in)
        from renewed_records as renewed
        anti join same_records as same on renewed.rowid = same.renewed_number;
        comment on table {{ existing }} is '{{ [version, number, before.made_in] | join(" ") }}';
        drop table renewed_records;
        drop table replaced_records;
        drop table same_records;
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{# Kept records that came or went in a build after the one of this number: looked for one by one,
   because the smallest and largest number of a block of rows then say that it has none. #}
{% macro records_changed_since(records, number) -%}
    select *
    from {{ records }}
    where written_in > {{ number }}
    union all
    select *
    from {{ records }}
    where gone_in > {{ number }} and not written_in > {{ number }}
{%- endmacro %}

{# Customers of records that have come or gone since the indices were built and were known on their
   days, and whether on the last of them only. All customers where it cannot be told. #}
{% macro customers_of_changed_records() -%}
    {%- set built = none if flags.FULL_REFRESH
        else earlier_table('int_relationship__built_customers') -%}
    {%- if built is none -%}
        select
            cast(null as string) as customer_id,
            false as is_last_day_only
        where false
    {%- else -%}
        {%- set number = followed_build(built) -%}
        {%- set records = built_table('int_relationship__customer_records') -%}
        {%- if number is none -%}
            select
                customer_id,
                false as is_last_day_only
            from {{ records }}
            where customer_id is not null
        {%- else -%}
            select
                customer_id,
                known_at >= cast({{ relationship_built_through() }} as timestamp)
                    as is_last_day_only
            from ({{ records_changed_since(records, number) }}) as changed_records
            where
                customer_id is not null
                and known_at < cast({{ add_days(relationship_built_through(), 1) }} as timestamp)
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# A hook: the table rests on the kept records as they are now, and nothing is left to be followed. #}
{% macro follow_records() -%}
    {%- if execute and replaces_days() -%}
        comment on table {{ this }} is '{{
            comment_of_table(built_table('int_relationship__customer_records'))
        }}';
        delete from {{ built_table('int_relationship__changed_customers') }}
    {%- endif -%}
{%- endmacro %}

{# True for records that have come since a table last followed them. #}
{% macro is_new_record() -%}
    true /*new_record*/
{%- endmacro %}

{# True for records of the customers and channels that are to be made of all their records. #}
{% macro is_old_record_of_pair() -%}
    true /*old_record*/
{%- endmacro %}

{# Rows of the table itself, of customers and channels of which records have only come. #}
{% macro followed_pairs() -%}
    select
        cast(null as string) as customer_id,
        cast(null as string) as channel,
        cast(null as date) as first_known_date,
        cast(null as date) as last_known_date,
        cast(null as timestamp) as last_touch_at,
        cast(null as timestamp) as last_touch_before_at
    where false /*followed*/
{%- endmacro %}

{% macro followed_records_materialization() -%}
    {{ return('followed_records' if replaces_days() else 'table') }}
{%- endmacro %}

{# One row per customer and channel. Where records have only come, they are added to the row that is
   there; where some have gone, or the row does not tell what the last build knew, it is made of all
   records. #}
{% materialization followed_records, adapter='duckdb' -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set records = built_table('int_relationship__customer_records') -%}
    {%- set kept = records_of_table(records) -%}
    {%- set version = model_texts([model.name]) -%}
    {%- set number = followed_build(existing) -%}
    {%- set is_new = is_built_anew(existing, version) or number is none -%}
    {%- set of_pairs = 'false' -%}
    {%- if not is_new -%}
        {%- call statement('renewed') -%}
            create or replace temporary table renewed_pairs as
            with changed as (
                select
                    customer_id,
                    channel,
                    coalesce(max(gone_in) > {{ number }}, false) as is_less
                from ({{ records_changed_since(records, number) }}) as changed_records
                where customer_id is not null
                group by customer_id, channel
            )
            select
                changed.customer_id,
                changed.channel,
                existing.rowid as row_number,
                changed.is_less or coalesce(
                    existing.last_known_date > {{ relationship_built_through() }}, false
                ) as is_made_of_all,
                existing.first_known_date,
                existing.last_known_date,
                existing.last_touch_at
            from changed
            left join {{ existing }} as existing
                on changed.customer_id = existing.customer_id and changed.channel = existing.channel
        {%- endcall -%}
        {%- set count = run_query(
            'select count(distinct customer_id) from renewed_pairs where is_made_of_all'
        ).rows[0][0] -%}
        {%- if count -%}
            {%- set of_pairs = 'customer_id in ('
                ~ customers_in('renewed_pairs', 'is_made_of_all', count)
                ~ ') and (customer_id, channel) in '
                ~ '(select (customer_id, channel) from renewed_pairs where is_made_of_all)' -%}
        {%- endif -%}
    {%- endif -%}
    {%- do replace_rows(
        existing,
        is_new,
        sql | replace(is_new_record(), 'false') | replace(is_old_record_of_pair(), 'false'),
        [{
            'where': 'rowid in (select row_number from renewed_pairs)',
            'sql': sql
                | replace(is_new_record(), 'true' if is_new else '(written_in > ' ~ number ~ ')')
                | replace(is_old_record_of_pair(), '(' ~ of_pairs ~ ')')
                | replace(followed_pairs(), followed_pairs() if is_new else
                    'select customer_id, channel, first_known_date, last_known_date, last_touch_at, '
                    ~ 'last_touch_at from renewed_pairs '
                    ~ 'where row_number is not null and not is_made_of_all')
        }],
        [version, kept.number, kept.made_in] | join(' ')
    ) -%}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{# Version of what is no rule row: the text of the models. #}
{% macro relationship_models_version() -%}
    {{ return(model_texts([
        'fct_relationship_index_day', 'int_relationship__weighted_touches',
        'int_relationship__touches', 'int_relationship__customer_records'
    ])) }}
{%- endmacro %}

{# Ranges of days as batches of no more than relationship_batch_rows rows, unless one day has more.
   The first of a range that begins a definition adds up all touches before it; each other one
   begins with the sums of the day before. The last day of a definition that is made whole is a batch
   by itself: its rows stand together, as those of all later days will, for the next build to find. #}
{% macro batches_of_index_days(span, is_carried, count_customers, customers=none) -%}
    {%- set size = [var('relationship_batch_rows') | int // [count_customers, 1] | max, 1] | max -%}
    {%- set batches = [] -%}
    {%- set is_whole = not is_carried and customers is none and span.first < span.last -%}
    {%- set last = "date '" ~ span.last ~ "'" ~ (' - 1' if is_whole else '') -%}
    {%- set rows = run_query(
        'select cast(first_day as string), cast(least(first_day + ' ~ (size - 1) ~ ', ' ~ last
        ~ ") as string) from (select unnest(generate_series(date '" ~ span.first ~ "', " ~ last
        ~ ', interval ' ~ size ~ ' day))::date as first_day) as firsts order by 1'
    ).rows | list if span.first <= span.last else [] -%}
    {%- if is_whole -%}
        {%- do rows.append([span.last, span.last]) -%}
    {%- endif -%}
    {#- Customers of whom no touch is known by then, as most new ones, have none to be looked for. -#}
    {%- set has_touches = customers is none or not rows or run_query(
        'select count(*) from ' ~ built_table('int_relationship__customer_channels')
        ~ " where first_known_date <= date '" ~ span.last ~ "' and customer_id in (" ~ customers ~ ')'
    ).rows[0][0] > 0 -%}
    {%- for row in rows -%}
        {%- do batches.append({
            'has_touches': has_touches,
            'version': span.version, 'window_days': span.window_days, 'first': row[0],
            'last': row[1], 'is_carried': is_carried or not loop.first,
            'customers': customers,
            'follows_build': is_carried and loop.first and customers is none
        }) -%}
    {%- endfor -%}
    {{ return(batches) }}
{%- endmacro %}

{# What stands behind `in`: the customers of a table for which something holds. A few are named, since
   a list is looked for before the joins, and a query after them. #}
{% macro customers_in(relation, condition, count) -%}
    {%- set query = 'select distinct customer_id from ' ~ relation ~ ' where ' ~ condition -%}
    {%- if count == 0 or count > var('relationship_named_customers') | int -%}
        {{ return(query) }}
    {%- endif -%}
    {%- set named = [] -%}
    {%- for row in run_query(query ~ ' order by customer_id').rows -%}
        {%- do named.append("'" ~ row[0] | replace("'", "''") ~ "'") -%}
    {%- endfor -%}
    {{ return(named | join(', ')) }}
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
    {%- set states = built_table('int_relationship__customer_states') -%}
    {%- set changed = built_table('int_relationship__changed_customers') -%}
    {%- set counts = run_query(
        'select (select count(*) from ' ~ states ~ '), count(*), '
        ~ 'count(case when not is_last_day_only then 1 end) from ' ~ changed
    ).rows[0] -%}
    {%- set changed_on_last_day = customers_in(changed, 'true', counts[1]) -%}
    {%- set changed_before = customers_in(changed, 'not is_last_day_only', counts[2]) -%}
    {%- set built_date = modules.datetime.date.fromisoformat(built_through) -%}
    {%- set one_day = modules.datetime.timedelta(days=1) -%}
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
            {%- do batches.extend(batches_of_index_days(span, false, counts[0])) -%}
        {%- else -%}
            {#- What the last build knew of its last day may not have been all of it. -#}
            {%- set is_one = counts[1] == counts[2] -%}
            {%- if counts[2] -%}
                {%- set before = built_date - (0 if is_one else 1) * one_day -%}
                {%- do batches.extend(batches_of_index_days(
                    dict(span, last=[last, before | string] | min), false, counts[2], changed_before
                )) -%}
            {%- endif -%}
            {%- if counts[1] and not is_one and first <= built_through <= last -%}
                {%- do batches.extend(batches_of_index_days(
                    dict(span, first=built_through, last=built_through),
                    first < built_through, counts[1], changed_on_last_day
                )) -%}
            {%- endif -%}
            {%- set since = [first, (built_date + one_day) | string] | max -%}
            {%- do batches.extend(
                batches_of_index_days(dict(span, first=since), since > first, counts[0])
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
                index_date > date '{{ built_through }}'
                {%- for mark in known if mark not in names %}
                    or definition_version = '{{ mark | replace("*", "") }}'
                {%- endfor %};
        {%- endif %}
        {%- for batch in batches %}
            {%- if batch.customers %}
                delete from {{ built }}
                where definition_version = '{{ batch.version }}'
                    and index_date between date '{{ batch.first }}' and date '{{ batch.last }}'
                    and customer_id in ({{ batch.customers }});
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
