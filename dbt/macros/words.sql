{# The words of a text, one row each: `id`, word_position (from 1), word. Lower case, without
   punctuation; a sign of a script without blanks (Chinese, Japanese) is a word of its own.
   `relation` holds the columns `id` and `text`. #}
{% macro text_words(relation, id, text) -%}
    {{- return(adapter.dispatch('text_words', 'sales_migration_health')(relation, id, text)) -}}
{%- endmacro %}

{% macro default__text_words(relation, id, text) -%}
    select
        {{ id }},
        cast(generate_subscripts(words, 1) as bigint) as word_position,
        unnest(words) as word
    from (
        select
            {{ id }},
            string_split_regex(trim(regexp_replace(regexp_replace(
                lower({{ text }}), '[\p{P}\p{S}\p{Z}\p{C}]+', ' ', 'g'
            ), '([\p{Han}\p{Hiragana}\p{Katakana}])', ' \1 ', 'g')), ' +') as words
        from {{ relation }}
    ) as split_texts
    where words[1] <> ''
{%- endmacro %}

{% macro spark__text_words(relation, id, text) -%}
    select
        {{ id }},
        cast(word_index + 1 as bigint) as word_position,
        word
    from (
        select
            {{ id }},
            split(trim(regexp_replace(regexp_replace(
                lower({{ text }}), '[\\p{P}\\p{S}\\p{Z}\\p{C}]+', ' '
            ), '([\\p{IsHan}\\p{IsHiragana}\\p{IsKatakana}])', ' $1 ')), ' +') as words
        from {{ relation }}
    ) as split_texts
    lateral view posexplode(words) exploded as word_index, word
    where words[0] <> ''
{%- endmacro %}
