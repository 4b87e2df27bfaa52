{# Macros of the intent models. #}

{# Whether a text matches a regular expression that stands in a column (a rule row). #}
{% macro matches_rule(text, pattern) -%}
    {{- return(adapter.dispatch('matches_rule', 'sales_migration_health')(text, pattern)) -}}
{%- endmacro %}

{% macro default__matches_rule(text, pattern) -%}
    regexp_matches({{ text }}, {{ pattern }})
{%- endmacro %}

{% macro spark__matches_rule(text, pattern) -%}
    {{ text }} rlike {{ pattern }}
{%- endmacro %}

{# Whether a value is one of a rule row's list `a|b|c`. #}
{% macro is_in_rule_list(value, list) -%}
    (instr('|' || {{ list }} || '|', '|' || {{ value }} || '|') > 0)
{%- endmacro %}

{# A text as words: lower case, whatever is no letter or digit of a Latin script becomes two blanks,
   one for the word before and one for the word behind. #}
{% macro latin_words(text) -%}
    (
        '  ' || {{ regexp_replace_all('lower(' ~ text ~ ')', '[^a-z0-9ß-öø-ÿ]+', '  ') }} || '  '
    )
{%- endmacro %}

{# How often a part occurs in a text, without overlaps. #}
{% macro count_occurrences(text, part) -%}
    {{ whole_division(
        '(length(' ~ text ~ ') - length(replace(' ~ text ~ ', ' ~ part ~ ", '')))",
        'length(' ~ part ~ ')'
    ) }}
{%- endmacro %}

{# Rank of a decision level; NULL where the level is not known. #}
{% macro decision_rank(level) -%}
    case {{ level }}
        when 'practitioner' then 1
        when 'manager' then 2
        when 'director' then 3
        when 'executive' then 4
    end
{%- endmacro %}
