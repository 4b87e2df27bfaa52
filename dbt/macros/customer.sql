{# Macros of the identity of customers and persons. #}

{# Digits of a telephone number without country code 86, trunk and international zeros; NULL where
   fewer than seven are left: such a number is an extension or a placeholder. #}
{% macro phone_digits(phone) -%}
    {{ regexp_group(
        regexp_replace_all('coalesce(' ~ phone ~ ", '')", '[^0-9]+', ''),
        '^(0*86|0*)?([1-9][0-9]{6,})$', 2
    ) }}
{%- endmacro %}

{# A key in capitals without blanks and signs; NULL where fewer than six characters are left, or all
   of them are the same digit (a placeholder such as 000000). #}
{% macro identifier_key(value) -%}
    {%- set key = regexp_replace_all('upper(' ~ value ~ ')', '[^0-9A-Z]+', '') -%}
    case
        when length({{ key }}) >= 6 and length(replace({{ key }}, substr({{ key }}, 1, 1), '')) > 0
            then {{ key }}
    end
{%- endmacro %}

{# Connected components: one row per node with the smallest node that it is connected to. `relation`
   has one row per group and node; all nodes of a group are connected. Each round carries the
   smallest node through all groups of a node, so rounds bound the length of a chain; what has not
   settled then shows as a group with two components. #}
{% macro components_of(relation, group_column='group_id', node_column='node_id', rounds=8) -%}
    with

    round_0 as (

        select
            {{ group_column }},
            {{ node_column }},
            {{ node_column }} as component_id
        from {{ relation }}

    ),
    {%- for number in range(1, rounds + 1) %}

    group_{{ number }} as (

        select
            {{ group_column }},
            {{ node_column }},
            min(component_id) over (partition by {{ group_column }}) as component_id
        from round_{{ number - 1 }}

    ),

    round_{{ number }} as (

        select
            {{ group_column }},
            {{ node_column }},
            min(component_id) over (partition by {{ node_column }}) as component_id
        from group_{{ number }}

    ){{ ',' if not loop.last }}
    {%- endfor %}

    select
        {{ node_column }},
        min(component_id) as component_id
    from round_{{ rounds }}
    group by {{ node_column }}
{%- endmacro %}

{# The key that a rule's columns make of a record, `a|b` in any order; NULL where one of them is
   unknown. `columns` are all that a rule may name. #}
{% macro rule_key(columns, rule_columns='rules.key_columns', record='records') -%}
    {%- for column in columns %}
        case
            when {{ is_in_rule_list("'" ~ column ~ "'", rule_columns) }}
                then {{ record }}.{{ column }} || '|'
            else ''
        end
        {{- ' ||' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# A name in lower case: letters and digits of Latin script and Chinese characters, single blanks
   between words; a Chinese name has no blanks. NULL where nothing is left. #}
{% macro plain_name(name) -%}
    {%- set words = 'trim(' ~ regexp_replace_all(
        'lower(' ~ name ~ ')', '[^0-9a-zß-öø-ÿ一-龥]+', ' '
    ) ~ ')' -%}
    nullif(
        case
            when {{ is_chinese(name) }} then replace({{ words }}, ' ', '')
            else {{ words }}
        end, ''
    )
{%- endmacro %}

{# Whether a text has a Chinese character. #}
{% macro is_chinese(text) -%}
    {{ matches(text, '[一-龥]') }}
{%- endmacro %}

{# What members of a family, and a nickname such as 王工, share of a plain personal name: the first
   character of a Chinese name, the last word of another. NULL for a single word, which may be
   either name. #}
{% macro family_key(name) -%}
    case
        when {{ is_chinese(name) }} then substr({{ name }}, 1, 1)
        else {{ regexp_group(name, '^(.* )([^ ]+)$', 2) }}
    end
{%- endmacro %}

{# Columns that a rule of a subject may name as its key. The check of the rule table names the same. #}
{% macro identity_key_columns(subject) -%}
    {{- return({
        'account': ['tax_id', 'web_domain', 'phone', 'plain_name'],
        'contact': ['email', 'phone', 'chat_id', 'plain_name'],
    }[subject]) -}}
{%- endmacro %}

{# Columns that can contradict a rule: records that differ in it are not linked by it. #}
{% macro identity_contradictions(subject) -%}
    {{- return({'account': ['tax_id'], 'contact': ['family_key', 'email']}[subject]) -}}
{%- endmacro %}

{# Records that share a key: one row per group (rule and key) and record, with what came of the
   group: `linked`, `too_many` records, or `contradicted`. #}
{% macro identity_key_groups(subject) -%}
    with

    records as (

        select * from {{ ref('int_customer__' ~ subject ~ '_records') }}

    ),

    rules as (

        select * from {{ ref('int_customer__identity_rules') }}
        where subject = '{{ subject }}' and kind = 'exact'

    ),

    keys as (

        select
            records.record_id,
            rules.rule_id,
            rules.confidence,
            rules.max_records,
            {{ rule_key(identity_key_columns(subject)) }} as key_value,
            case rules.contradicted_by
                {%- for column in identity_contradictions(subject) %}
                    when '{{ column }}' then records.{{ column }}
                {%- endfor %}
            end as contradiction
        from records
        cross join rules

    ),

    counted as (

        select
            record_id,
            rule_id,
            confidence,
            max_records,
            key_value,
            count(*) over (partition by rule_id, key_value) as count_records,
            min(contradiction) over (partition by rule_id, key_value) as first_contradiction,
            max(contradiction) over (partition by rule_id, key_value) as last_contradiction
        from keys
        where key_value is not null

    )

    select
        rule_id || ':' || key_value as group_id,
        record_id,
        rule_id,
        key_value,
        confidence,
        count_records,
        case
            when count_records > max_records then 'too_many'
            when first_contradiction <> last_contradiction then 'contradicted'
            else 'linked'
        end as outcome
    from counted
    where count_records > 1
{%- endmacro %}

{# One row per record: the record that stands for its cluster, and the surest link of the record. #}
{% macro identity_bridge(subject) -%}
    with

    records as (

        select * from {{ ref('int_customer__' ~ subject ~ '_records') }}

    ),

    clusters as (

        select * from {{ ref('int_customer__' ~ subject ~ '_clusters') }}

    ),

    placed as (

        select
            records.record_id,
            records.source_system,
            records.record_rank,
            coalesce(clusters.component_id, records.record_id) as component_id,
            clusters.link_rule,
            clusters.match_weight,
            clusters.confidence
        from records
        left join clusters on records.record_id = clusters.record_id

    )

    select
        record_id as {{ subject }}_id,
        first_value(record_id) over (
            partition by component_id order by record_rank asc nulls last
        ) as {{ {'account': 'customer_id', 'contact': 'person_id'}[subject] }},
        source_system,
        record_rank = min(record_rank) over (partition by component_id) as is_representative,
        link_rule,
        match_weight,
        confidence as confidence_ratio
    from placed
{%- endmacro %}

{# The value of the first row of a group that knows one, as an aggregate. #}
{% macro first_known(value, rank) -%}
    min_by({{ value }}, {{ rank }}) filter (where {{ value }} is not null)
{%- endmacro %}
