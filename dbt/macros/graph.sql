{# Macros of the relationship graph. On DuckDB a build compares customers and edges with those of the
   last one, and replaces the ways, and what rests on them, of the customers concerned. That needs a
   last build that finished under the same rule rows and models; else the graph is made anew. #}

{% macro graph_keys(key, changed_keys, changed_columns=none, spans=none) -%}
    {{ return({
        'key': key,
        'changed_keys': changed_keys,
        'changed_columns': changed_columns or key | replace('(', '') | replace(')', ''),
        'build': 'int_graph__build',
        'spans': spans
    }) }}
{%- endmacro %}

{# What this build makes the graph by. `version` also names the build that began anew. #}
{% macro graph_build() -%}
    {%- if not (execute and replaces_days() and flags.WHICH in ('run', 'build')) -%}
        {{ return({'version': '', 'id': '', 'is_anew': true}) }}
    {%- endif -%}
    {%- set version = local_md5(
        (contents_of(['int_graph__rules']) + [model_texts(
            ['int_graph__found_acts', 'int_graph__found_attendances', 'int_graph__found_edges'],
            ['graph']
        )]) | join(' ')
    ) -%}
    {%- set built = earlier_table('int_graph__build') -%}
    {%- if built is not none and is_graph_complete() and not flags.FULL_REFRESH -%}
        {%- set built_version = run_query('select rule_version from ' ~ built).rows[0][0] -%}
        {%- if built_version.split(' ')[0] == version -%}
            {{ return({'version': built_version, 'id': invocation_id, 'is_anew': false}) }}
        {%- endif -%}
    {%- endif -%}
    {{ return({
        'version': version ~ ' ' ~ invocation_id, 'id': invocation_id, 'is_anew': true
    }) }}
{%- endmacro %}

{# Whether one and the same build wrote all tables of the graph. To be asked before any of them is
   built. #}
{% macro is_graph_complete() -%}
    {%- set builds = [] -%}
    {%- for table in tables_with_tags(['graph']) -%}
        {%- do builds.append((table.comment or '').split(' ')[-1]) -%}
    {%- endfor -%}
    {{ return(builds | unique | list | length == 1 and builds[0] != '') }}
{%- endmacro %}

{# Statement by which a table of changes says which build it was made in. #}
{% macro mark_graph_build() -%}
    {%- if replaces_days() -%}
        comment on table {{ this }} is '{{ invocation_id }}'
    {%- endif -%}
{%- endmacro %}

{# Whether everything is made, and not only what has changed since the last build. So it is in unit
   tests, which know no other models. #}
{% macro is_graph_anew() -%}
    {%- if not (execute and replaces_days() and flags.WHICH in ('run', 'build')) -%}
        {{ return(true) }}
    {%- endif -%}
    {%- set nodes = graph.nodes -%}
    {%- set node = nodes.get('model.' ~ project_name ~ '.int_graph__build') if nodes else none -%}
    {%- if not node -%}
        {{ return(true) }}
    {%- endif -%}
    {#- Asked dozens of times in a build, whose models share the node: it keeps the answer. -#}
    {%- if node.get('asked_in') != invocation_id -%}
        {%- set build = built_table('int_graph__build') -%}
        {%- do node.update({
            'is_anew': build is none or run_query('select is_anew from ' ~ build).rows[0][0],
            'asked_in': invocation_id
        }) -%}
    {%- endif -%}
    {{ return(node.is_anew) }}
{%- endmacro %}

{# A table as the last build left it, or none where the graph is made anew. #}
{% macro built_graph_table(name) -%}
    {{ return(none if is_graph_anew() else earlier_table(name)) }}
{%- endmacro %}

{# The same as a query of these columns, a mapping of names to types; no row where it is none. #}
{% macro built_graph_rows(name, columns) -%}
    {{- rows_of(built_graph_table(name), columns) -}}
{%- endmacro %}

{# True for acts of a day that has changed, and for those that lead through an account or a contact
   that has. #}
{% macro is_of_changed_part(kind, occurred_at, accounts, contacts) -%}
    {%- if is_graph_anew() -%}{{ return('true') }}{%- endif -%}
    {%- set terms = [
        'cast(' ~ occurred_at ~ ' as date) in (select parts.part_date from '
        ~ ref('int_graph__changed_parts') ~ " as parts where parts.part_kind = '" ~ kind ~ "')"
    ] -%}
    {%- for column in accounts -%}
        {%- do terms.append(is_of_changed_bucket(column, 'other_account')) -%}
    {%- endfor -%}
    {%- for column in contacts -%}
        {%- do terms.append(is_of_changed_bucket(column, 'other_contact')) -%}
    {%- endfor -%}
    {{ return('(' ~ terms | join(' or ') ~ ')') }}
{%- endmacro %}

{# True for keys of a bucket that has changed, or leads to something that has. #}
{% macro is_of_changed_bucket(key, kind) -%}
    {%- if is_graph_anew() -%}{{ return('true') }}{%- endif -%}
    {{ return(
        key_bucket(key) ~ ' in (select parts.part_number from ' ~ ref('int_graph__changed_parts')
        ~ " as parts where parts.part_kind = '" ~ kind ~ "')"
    ) }}
{%- endmacro %}

{# True for rows of which another relation has these values; for all where everything is made. #}
{% macro is_among(values, relation, columns=none) -%}
    {%- if is_graph_anew() -%}{{ return('true') }}{%- endif -%}
    {%- set named = [] -%}
    {%- for column in columns or values -%}
        {%- do named.append(relation ~ '.' ~ column) -%}
    {%- endfor -%}
    {{ return(
        '(' ~ values | join(', ') ~ ') in (select ' ~ named | join(', ') ~ ' from ' ~ relation ~ ')'
    ) }}
{%- endmacro %}

{# Number for what is reached since a day. #}
{% macro reach_number() -%}
    {{- content_number(['basis', 'reach_date', 'count_accounts', 'count_industries', 'count_levels']) -}}
{%- endmacro %}

{# The nth smallest value of a group that has as many; none may be NULL. Spark also works it out for
   groups that the query leaves out. #}
{% macro nth_smallest(value, n) -%}
    {{- return(adapter.dispatch('nth_smallest', 'sales_migration_health')(value, n)) -}}
{%- endmacro %}

{% macro default__nth_smallest(value, n) -%}
    list_extract(list_sort(list({{ value }})), {{ n }})
{%- endmacro %}

{% macro spark__nth_smallest(value, n) -%}
    try_element_at(sort_array(collect_list({{ value }})), cast({{ n }} as int))
{%- endmacro %}

{# Points of a sum of influence: 100 · (1 − exp(−sum ÷ saturation)). They grow with every account
   and stay below 100; rounded, because engines differ in the last digits. #}
{% macro influence_points(influence, saturation) -%}
    round(100 * (1 - exp(-{{ safe_ratio(influence, saturation) }})), 6)
{%- endmacro %}

{# Bound ('lower' or 'upper') of the 95 % Wilson score interval of a share (Wilson 1927). Unlike the
   plain interval it stays inside 0 and 1 and holds for small numbers; NULL where the total is 0. #}
{% macro wilson_bound(count, total, side) -%}
    {%- set z = 1.959964 -%}
    {%- set sign = '-' if side == 'lower' else '+' -%}
    (
        (
            {{ safe_ratio(count, total) }} + {{ safe_ratio(z * z, '2 * ' ~ total) }}
            {{ sign }} {{ z }} * sqrt(
                {{ safe_ratio(
                    safe_ratio(count, total) ~ ' * (1 - ' ~ safe_ratio(count, total) ~ ')', total
                ) }}
                + {{ safe_ratio(z * z, '4 * ' ~ total ~ ' * ' ~ total) }}
            )
        )
        / (1 + {{ safe_ratio(z * z, total) }})
    )
{%- endmacro %}
