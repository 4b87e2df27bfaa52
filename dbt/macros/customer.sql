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
{% macro components_of(relation, group_column='group_id', node_column='node_id', rounds=5) -%}
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
        'account': [
            'tax_id', 'web_domain', 'phone', 'plain_name', 'name_core', 'name_start', 'place',
            'country',
        ],
        'contact': ['email', 'phone', 'chat_id', 'plain_name', 'family_key', 'customer_id'],
    }[subject]) -}}
{%- endmacro %}

{# Columns that can contradict a rule: records that differ in it are not linked by it. #}
{% macro identity_contradictions(subject) -%}
    {{- return({'account': ['tax_id'], 'contact': ['family_key', 'email']}[subject]) -}}
{%- endmacro %}

{# ---- names of firms ---- #}

{# Takes the longest word of a kind from one end of `rest`; at least two characters stay. Rows of
   `relation`: plain_name, rest, legal_form, place, of which one row per name. #}
{% macro name_step(relation, words, kind, side) -%}
    {%- set end = "substr(names.rest, length(names.rest) - length(words.affix) + 1)" -%}
    {%- set start = "substr(names.rest, 1, length(words.affix))" -%}
    {%- set hash_end = "substr(names.rest, length(names.rest) - 1) = words.last_two" -%}
    {%- set hash_start = "substr(names.rest, 1, 2) = words.first_two" -%}
    select
        names.plain_name,
        case
            when found.affix is null then names.rest
            {%- if side == 'suffix' %}
                else trim(substr(names.rest, 1, length(names.rest) - length(found.affix)))
            {%- else %}
                else trim(substr(names.rest, length(found.affix) + 1))
            {%- endif %}
        end as rest,
        {%- if kind == 'legal_form' %}
            coalesce(names.legal_form, found.word_class) as legal_form,
            names.place
        {%- else %}
            names.legal_form,
            coalesce(names.place, found.word) as place
        {%- endif %}
    from {{ relation }} as names
    -- Found first, by an inner join: an outer one with more than equalities compares every name
    -- with every word.
    left join (
        select
            names.plain_name,
            words.affix,
            words.word,
            words.word_class,
            row_number() over (
                partition by names.plain_name
                order by length(words.affix) desc nulls last, words.affix asc nulls last
            ) as affix_rank
        from {{ relation }} as names
        inner join {{ words }} as words
            on
                words.kind = '{{ kind }}'
                and {{ hash_end if side == 'suffix' else hash_start }}
                and {{ end if side == 'suffix' else start }} = words.affix
                and length(names.rest) >= length(words.affix) + 2
    ) as found
        on names.plain_name = found.plain_name and found.affix_rank = 1
{%- endmacro %}

{# ---- similarity ---- #}

{# Dice coefficient of the sets of neighbouring characters, 0 to 1 (Dice, 1945): 1 for equal texts,
   and, unlike edit distances of engines, reckoned in characters and not in bytes, so Chinese and
   Latin text are alike. NULL where a text is NULL. #}
{% macro text_similarity(one, other) -%}
    {{- return(adapter.dispatch('text_similarity', 'sales_migration_health')(one, other)) -}}
{%- endmacro %}

{% macro character_pairs(text) -%}
    {{- return(adapter.dispatch('character_pairs', 'sales_migration_health')(text)) -}}
{%- endmacro %}

{% macro default__character_pairs(text) -%}
    list_distinct(list_transform(
        range(1, greatest(length({{ text }}), 2)), lambda i: substr({{ text }}, i, 2)
    ))
{%- endmacro %}

{% macro spark__character_pairs(text) -%}
    array_distinct(transform(
        sequence(1, greatest(length({{ text }}) - 1, 1)), i -> substr({{ text }}, i, 2)
    ))
{%- endmacro %}

{% macro default__text_similarity(one, other) -%}
    case
        when {{ one }} is not null and {{ other }} is not null
            then
                2.0e0 * len(list_intersect({{ character_pairs(one) }}, {{ character_pairs(other) }}))
                / (len({{ character_pairs(one) }}) + len({{ character_pairs(other) }}))
    end
{%- endmacro %}

{% macro spark__text_similarity(one, other) -%}
    case
        when {{ one }} is not null and {{ other }} is not null
            then
                2.0e0 * size(array_intersect({{ character_pairs(one) }}, {{ character_pairs(other) }}))
                / (size({{ character_pairs(one) }}) + size({{ character_pairs(other) }}))
    end
{%- endmacro %}

{# 1 where both are known and equal, 0 where both are known and differ, else NULL. #}
{% macro equality(column) -%}
    case
        when l.{{ column }} = r.{{ column }} then 1.0e0
        when l.{{ column }} <> r.{{ column }} then 0.0e0
    end
{%- endmacro %}

{# Comparison → similarity of records l and r, 0 to 1, NULL where it cannot be compared. The rows of
   identity_match_weight say which similarity is worth what. dagster_project/identity/comparisons.py
   says the same to Splink; a test compares both. #}
{% macro identity_similarities(subject) -%}
    {#- Rows of one system seldom are one customer: somebody would have seen it. -#}
    {%- set system -%}
        case when l.source_system <> r.source_system then 1.0e0 else 0.0e0 end
    {%- endset -%}
    {%- if subject == 'account' -%}
        {%- set name -%}
            case
                when l.name_core = r.name_core then 1.0e0
                else least({{ text_similarity('l.name_core', 'r.name_core') }}, 0.99e0)
            end
        {%- endset -%}
        {%- set number -%}
            case
                when l.name_number <> r.name_number then 0.0e0
                when l.name_number <> '' and l.name_number = r.name_number then 1.0e0
            end
        {%- endset -%}
        {%- set place -%}
            case
                when l.place = r.place then 1.0e0
                when instr(r.address, l.place) > 0 or instr(l.address, r.place) > 0 then 1.0e0
                when
                    coalesce(l.place, l.address) is not null
                    and coalesce(r.place, r.address) is not null
                    then 0.0e0
            end
        {%- endset -%}
        {{- return({
            'system': system,
            'name': name,
            'name_number': number,
            'legal_form': equality('legal_form'),
            'place': place,
            'address': text_similarity('l.address', 'r.address'),
            'phone': equality('phone'),
            'web_domain': equality('web_domain'),
            'tax_id': equality('tax_id'),
        }) -}}
    {%- endif -%}
    {%- set name -%}
        case
            when l.plain_name = r.plain_name then 1.0e0
            when l.family_key = r.family_key and (l.is_nickname or r.is_nickname) then 0.5e0
            when {{ is_chinese('l.plain_name') }} or {{ is_chinese('r.plain_name') }}
                then case when l.plain_name is not null and r.plain_name is not null then 0.0e0 end
            else least({{ text_similarity('l.plain_name', 'r.plain_name') }}, 0.99e0)
        end
    {%- endset -%}
    {%- set firm -%}
        case
            when l.count_firms = 0 or r.count_firms = 0 then cast(null as double)
            when shared.basis_rank <= 2 then 1.0e0
            when shared.basis_rank = 3 then 0.5e0
            else 0.0e0
        end
    {%- endset -%}
    {%- set email -%}
        case
            when l.email = r.email then 1.0e0
            when {{ before_first('l.email', '@') }} = {{ before_first('r.email', '@') }} then 0.5e0
            when l.email <> r.email then 0.0e0
        end
    {%- endset -%}
    {{- return({
        'system': system,
        'name': name,
        'firm': firm,
        'email': email,
        'phone': equality('phone'),
        'chat_id': equality('chat_id'),
    }) -}}
{%- endmacro %}

{# ---- keys, pairs, links ---- #}

{# The name of a model that only one subject has is put together too: SQLMesh takes every model that
   a macro spells out for one that all its callers read, and finds accounts in a circle. #}

{# Records that share a key: one row per group (rule and key) and record, with what came of the
   group: `linked`, `too_many` records, or `contradicted`. #}
{% macro identity_key_groups(subject) -%}
    with

    records as (

        {%- if subject == 'contact' %}
            select
                contacts.*,
                firms.customer_id
            from {{ ref('int_customer__' ~ subject ~ '_records') }} as contacts
            left join {{ ref('int_customer__' ~ subject ~ '_firms') }} as firms
                on contacts.record_id = firms.contact_id
        {%- else %}
            select * from {{ ref('int_customer__' ~ subject ~ '_records') }}
        {%- endif %}

    ),

    rules as (

        select * from {{ ref('int_customer__identity_rules') }}
        where subject = '{{ subject }}'

    ),

    keys as (

        select distinct
            records.record_id,
            rules.rule_id,
            rules.kind,
            rules.confidence,
            rules.max_records,
            rules.min_name_similarity,
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
            kind,
            confidence,
            max_records,
            min_name_similarity,
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
        kind,
        key_value,
        confidence,
        min_name_similarity,
        count_records,
        case
            when count_records > max_records then 'too_many'
            when first_contradiction <> last_contradiction then 'contradicted'
            else 'linked'
        end as outcome
    from counted
    where count_records > 1
{%- endmacro %}

{# The pairs of an earlier build, or none where they have other columns. #}
{% macro earlier_pairs(columns) -%}
    {%- set relation = earlier_table(this.identifier) if not flags.FULL_REFRESH else none -%}
    {%- if relation is not none -%}
        {%- if columns_of(relation) == columns -%}
            {{ return(relation) }}
        {%- endif -%}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{# One row per pair of records that share a key, with the similarities of the pair, and one per
   record alone (left = right) with the state in which it was compared. A record whose own values or
   keys did not change since the last build keeps its pairs with others of that kind; only what is
   new or changed is compared, with what its keys reach. #}
{% macro identity_pairs(subject) -%}
    {%- set similarities = identity_similarities(subject) -%}
    {%- set columns = ['left_id', 'right_id', 'left_state', 'right_state'] -%}
    {%- for comparison in similarities %}
        {%- do columns.append(comparison ~ '_similarity') -%}
    {%- endfor %}
    {%- set earlier = earlier_pairs(columns) -%}
    {%- set version = similarities.values() | join(' ') | replace("'", '') -%}
    with

    groups as (

        select * from {{ ref('int_customer__' ~ subject ~ '_groups') }}
        where outcome <> 'too_many'

    ),

    keys as (

        select
            record_id,
            {{ string_list('group_id') }} as group_ids
        from groups
        group by record_id

    ),

    records as (

        select
            records.*,
            md5('{{ version }}' || records.values_text || coalesce(keys.group_ids, ''))
                as record_state
        from {{ ref('int_customer__' ~ subject ~ '_records') }} as records
        left join keys on records.record_id = keys.record_id

    ),

    {%- if earlier is not none %}

    compared as (

        select
            left_id as record_id,
            left_state as record_state
        from {{ earlier }}
        where left_id = right_id

    ),

    changed as (

        select records.record_id
        from records
        left join compared
            on
                records.record_id = compared.record_id
                and records.record_state = compared.record_state
        where compared.record_id is null

    ),

    kept as (

        select earlier.*
        from {{ earlier }} as earlier
        inner join records as l
            on earlier.left_id = l.record_id and earlier.left_state = l.record_state
        inner join records as r
            on earlier.right_id = r.record_id and earlier.right_state = r.record_state
        where earlier.left_id <> earlier.right_id

    ),
    {%- else %}

    changed as (

        select record_id from records

    ),
    {%- endif %}

    candidates as (

        select distinct
            least(one.record_id, other.record_id) as left_id,
            greatest(one.record_id, other.record_id) as right_id
        from changed
        inner join groups as one on changed.record_id = one.record_id
        inner join groups as other
            on one.group_id = other.group_id and one.record_id <> other.record_id

    ),

    {%- if subject == 'contact' %}

    shared_firms as (

        select
            candidates.left_id,
            candidates.right_id,
            min(greatest(l.basis_rank, r.basis_rank)) as basis_rank
        from candidates
        inner join {{ ref('int_customer__' ~ subject ~ '_firms') }} as l
            on candidates.left_id = l.contact_id
        inner join {{ ref('int_customer__' ~ subject ~ '_firms') }} as r
            on candidates.right_id = r.contact_id and l.customer_id = r.customer_id
        group by candidates.left_id, candidates.right_id

    ),
    {%- endif %}

    compared_now as (

        select
            l.record_id as left_id,
            r.record_id as right_id,
            l.record_state as left_state,
            r.record_state as right_state,
            {%- for comparison, similarity in similarities.items() %}
                {{ similarity }} as {{ comparison }}_similarity{{ ',' if not loop.last }}
            {%- endfor %}
        from candidates
        inner join records as l on candidates.left_id = l.record_id
        inner join records as r on candidates.right_id = r.record_id
        {%- if subject == 'contact' %}
            left join shared_firms as shared
                on
                    candidates.left_id = shared.left_id
                    and candidates.right_id = shared.right_id
        {%- endif %}

    )

    select {{ columns | join(', ') }} from compared_now
    {%- if earlier is not none %}
    union all
    select {{ columns | join(', ') }} from kept
    {%- endif %}
    union all
    select
        record_id as left_id,
        record_id as right_id,
        record_state as left_state,
        record_state as right_state,
        {%- for comparison in similarities %}
            cast(null as double) as {{ comparison }}_similarity{{ ',' if not loop.last }}
        {%- endfor %}
    from records
{%- endmacro %}

{# The last decision of people about each pair: `merge` or `split`; a pair that was undone has none. #}
{% macro identity_decisions(subject) -%}
    select
        left_id,
        right_id,
        action,
        decided_by,
        reason
    from (
        select
            least(left_id, right_id) as left_id,
            greatest(left_id, right_id) as right_id,
            action,
            decided_by,
            reason,
            row_number() over (
                partition by least(left_id, right_id), greatest(left_id, right_id)
                order by decided_at desc nulls last, override_id desc nulls last
            ) as age_rank
        from {{ ref('identity_override') }}
        where subject = '{{ subject }}' and left_id <> right_id
    ) as stated
    where age_rank = 1 and action <> 'undo'
{%- endmacro %}

{# Match weight (Fellegi & Sunter, 1969) of each pair, in bits: log2 of the odds that two random
   records are one, plus log2(m / u) of the level of each comparison, plus, where names are equal,
   log2(u / share of the name): a rare name says more. Comparisons without a value say nothing. #}
{% macro identity_scores(subject) -%}
    {%- set name = {'account': 'name_core', 'contact': 'plain_name'}[subject] -%}
    with

    weights as (

        select
            comparison,
            similarity_min,
            lead(similarity_min) over (
                partition by comparison order by similarity_min asc nulls last
            ) as similarity_below,
            u_probability,
            match_weight,
            is_frequency_adjusted,
            name_en,
            name_zh
        from (
            select
                *,
                row_number() over (
                    partition by comparison, level order by valid_from desc nulls last
                ) as age_rank
            from {{ ref('identity_match_weight') }}
            where subject = '{{ subject }}' and valid_from <= {{ as_of_date() }}
        ) as stated
        where age_rank = 1

    ),

    comparisons as (

        select distinct comparison from weights
        where comparison <> 'prior'

    ),

    compared as (

        select
            pairs.left_id,
            pairs.right_id,
            comparisons.comparison,
            case comparisons.comparison
                {%- for comparison in identity_similarities(subject) %}
                    when '{{ comparison }}' then pairs.{{ comparison }}_similarity
                {%- endfor %}
            end as similarity
        from {{ ref('int_customer__' ~ subject ~ '_pairs') }} as pairs
        cross join comparisons
        where pairs.left_id <> pairs.right_id

    ),

    frequencies as (

        select
            record_id,
            cast(count(*) over (partition by {{ name }}) as double)
            / count(*) over () as name_share
        from {{ ref('int_customer__' ~ subject ~ '_records') }}
        where {{ name }} is not null

    ),

    weighed as (

        select
            compared.left_id,
            compared.right_id,
            weights.name_en,
            weights.name_zh,
            weights.match_weight
            + case
                when weights.is_frequency_adjusted
                    then coalesce(log2(weights.u_probability / frequencies.name_share), 0.0e0)
                else 0.0e0
            end as match_weight
        from compared
        inner join weights
            on
                compared.comparison = weights.comparison
                and compared.similarity >= weights.similarity_min
                and (
                    weights.similarity_below is null
                    or compared.similarity < weights.similarity_below
                )
        left join frequencies on compared.left_id = frequencies.record_id

    ),

    texts as (

        select
            left_id,
            right_id,
            match_weight,
            name_en || ' (' || {{ signed_text('match_weight') }} || ')' as text_en,
            name_zh || '(' || {{ signed_text('match_weight') }} || ')' as text_zh
        from weighed

    ),

    priors as (

        select max(match_weight) as prior_weight from weights
        where comparison = 'prior'

    )

    select
        texts.left_id,
        texts.right_id,
        -- The order in which an engine adds must not show in the last digits.
        round(max(priors.prior_weight) + sum(texts.match_weight), 6) as match_weight,
        {{ string_list('texts.text_en', '; ') }} as evidence_en,
        {{ string_list('texts.text_zh', '；') }} as evidence_zh
    from texts
    cross join priors
    group by texts.left_id, texts.right_id
{%- endmacro %}

{# A number with one decimal and its sign. #}
{% macro signed_text(number) -%}
    case when {{ number }} >= 0 then '+' else '' end
    || cast(cast({{ number }} as decimal(9, 1)) as string)
{%- endmacro %}

{# Links of records: one row per pair that something speaks for, with what came of it: `linked`,
   `review` or `rejected`.

   An exact key goes before a match weight, a decision of people before both. A match weight links a
   record to its best candidate of another system only, only where the candidate has none better
   itself, and not where a second one is nearly as good. #}
{% macro identity_links(subject) -%}
    with

    limits as (

        select
            max(case when threshold_id = 'identity_link_probability' then threshold_value end)
                as link_probability,
            max(case when threshold_id = 'identity_review_probability' then threshold_value end)
                as review_probability,
            max(case when threshold_id = 'identity_rival_weight' then threshold_value end)
                as rival_weight
        from {{ ref('int_rules__thresholds') }}

    ),

    rules as (

        select * from {{ ref('int_customer__identity_rules') }}

    ),

    records as (

        select
            record_id,
            source_system
        from {{ ref('int_customer__' ~ subject ~ '_records') }}

    ),

    decisions as (

        {{ identity_decisions(subject) }}

    ),

    scores as (

        {{ identity_scores(subject) }}

    ),

    pairs as (

        select
            pairs.left_id,
            pairs.right_id,
            pairs.name_similarity,
            scores.match_weight,
            1.0e0 / (1.0e0 + power(2.0e0, -scores.match_weight)) as match_probability,
            scores.evidence_en,
            scores.evidence_zh
        from {{ ref('int_customer__' ~ subject ~ '_pairs') }} as pairs
        left join scores on pairs.left_id = scores.left_id and pairs.right_id = scores.right_id
        where pairs.left_id <> pairs.right_id

    ),

    keys as (

        select * from {{ ref('int_customer__' ~ subject ~ '_groups') }}
        where kind = 'exact' and outcome <> 'too_many'

    ),

    keyed as (

        select
            l.record_id as left_id,
            r.record_id as right_id,
            l.rule_id,
            rules.name_en,
            rules.name_zh,
            {{ before_first('l.key_value', '|') }} as key_value,
            l.confidence,
            l.outcome = 'linked'
            and coalesce(pairs.name_similarity, 1) >= coalesce(l.min_name_similarity, 0) as is_valid
        from keys as l
        inner join keys as r on l.group_id = r.group_id and l.record_id < r.record_id
        inner join rules on l.rule_id = rules.rule_id
        inner join pairs on l.record_id = pairs.left_id and r.record_id = pairs.right_id

    ),

    best_keys as (

        select
            *,
            row_number() over (
                partition by left_id, right_id
                order by
                    case when is_valid then 0 else 1 end asc nulls last,
                    confidence desc nulls last,
                    rule_id asc nulls last,
                    key_value asc nulls last
            ) as key_rank
        from keyed

    ),

    judged as (

        select
            pairs.*,
            best_keys.rule_id,
            best_keys.name_en as key_name_en,
            best_keys.name_zh as key_name_zh,
            best_keys.key_value,
            best_keys.confidence,
            coalesce(best_keys.is_valid, false) as is_exact
        from pairs
        left join best_keys
            on
                pairs.left_id = best_keys.left_id
                and pairs.right_id = best_keys.right_id
                and best_keys.key_rank = 1

    ),

    exact_ends as (

        select
            left_id || '|' || right_id as group_id,
            left_id as record_id
        from judged
        where is_exact
        union all
        select
            left_id || '|' || right_id as group_id,
            right_id as record_id
        from judged
        where is_exact

    ),

    exact_components as (

        {{ components_of('exact_ends', node_column='record_id') }}

    ),

    sides as (

        select
            judged.left_id as record_id,
            judged.right_id as other_id,
            judged.is_exact,
            judged.match_weight
        from judged
        cross join limits
        where judged.is_exact or judged.match_probability >= limits.review_probability
        union all
        select
            judged.right_id as record_id,
            judged.left_id as other_id,
            judged.is_exact,
            judged.match_weight
        from judged
        cross join limits
        where judged.is_exact or judged.match_probability >= limits.review_probability

    ),

    known_sides as (

        select
            sides.record_id,
            sides.other_id,
            records.source_system as other_system,
            sides.is_exact,
            sides.match_weight,
            coalesce(exact_components.component_id, sides.other_id) as other_component
        from sides
        inner join records on sides.other_id = records.record_id
        left join exact_components on sides.other_id = exact_components.record_id

    ),

    best_sides as (

        select
            *,
            first_value(other_component) over (
                partition by record_id, other_system
                order by
                    case when is_exact then 0 else 1 end asc nulls last,
                    match_weight desc nulls last,
                    other_id asc nulls last
            ) as best_component,
            max(match_weight) over (partition by record_id, other_system) as best_weight,
            max(case when is_exact then 1 else 0 end) over (
                partition by record_id, other_system
            ) as exact_mark
        from known_sides

    ),

    open_sides as (

        select
            best_sides.record_id,
            best_sides.other_id,
            best_sides.other_component = best_sides.best_component as is_best,
            best_sides.exact_mark = 0
            and max(
                case
                    when
                        best_sides.other_component <> best_sides.best_component
                        and best_sides.match_weight
                        > best_sides.best_weight - limits.rival_weight
                        then 1
                    else 0
                end
            ) over (partition by best_sides.record_id, best_sides.other_system) = 1 as has_rival
        from best_sides
        cross join limits

    ),

    decided as (

        select
            judged.left_id,
            judged.right_id,
            judged.rule_id,
            judged.key_name_en,
            judged.key_name_zh,
            judged.key_value,
            judged.confidence,
            judged.is_exact,
            judged.match_weight,
            judged.match_probability,
            judged.evidence_en,
            judged.evidence_zh,
            decisions.action,
            decisions.decided_by,
            decisions.reason,
            case
                when decisions.action = 'merge' then 'linked'
                when decisions.action = 'split' then 'rejected'
                when judged.is_exact then 'linked'
                when
                    judged.match_probability >= limits.link_probability
                    and l.is_best
                    and r.is_best
                    and not l.has_rival
                    and not r.has_rival
                    then 'linked'
                when
                    judged.match_probability >= limits.review_probability
                    and l.is_best
                    and r.is_best
                    then 'review'
                when
                    judged.match_probability >= limits.review_probability
                    and (l.has_rival or r.has_rival)
                    then 'review'
                when judged.rule_id is not null then 'rejected'
            end as status
        from judged
        cross join limits
        left join decisions
            on judged.left_id = decisions.left_id and judged.right_id = decisions.right_id
        left join open_sides as l
            on judged.left_id = l.record_id and judged.right_id = l.other_id
        left join open_sides as r
            on judged.right_id = r.record_id and judged.left_id = r.other_id
        union all
        -- What people decided about records that no key brings together.
        select
            decisions.left_id,
            decisions.right_id,
            cast(null as string) as rule_id,
            cast(null as string) as key_name_en,
            cast(null as string) as key_name_zh,
            cast(null as string) as key_value,
            cast(null as double) as confidence,
            false as is_exact,
            cast(null as double) as match_weight,
            cast(null as double) as match_probability,
            cast(null as string) as evidence_en,
            cast(null as string) as evidence_zh,
            decisions.action,
            decisions.decided_by,
            decisions.reason,
            case when decisions.action = 'merge' then 'linked' else 'rejected' end as status
        from decisions
        inner join records as l on decisions.left_id = l.record_id
        inner join records as r on decisions.right_id = r.record_id
        left join pairs
            on decisions.left_id = pairs.left_id and decisions.right_id = pairs.right_id
        where pairs.left_id is null

    )

    select
        left_id,
        right_id,
        case
            when action is not null then 'manual'
            when rule_id is not null then 'exact'
            else 'match_weight'
        end as method,
        case when action is not null then 'manual_' || action else rule_id end as rule_id,
        match_weight,
        match_probability,
        status,
        -- How firmly a link holds when a cluster must be cut: decisions, then keys, then weights.
        case
            when action = 'merge' then 2.0e0
            when is_exact then confidence
            else 0.9e0 * match_probability
        end as strength,
        case
            when action is not null
                then
                    case action when 'merge' then 'Merged' else 'Kept apart' end
                    || coalesce(' by ' || decided_by, '')
                    || coalesce(': ' || reason, '')
            when rule_id is not null
                then key_name_en || ' ' || key_value || coalesce('; ' || evidence_en, '')
            else evidence_en
        end as evidence_en,
        case
            when action is not null
                then
                    case action when 'merge' then '人工合并' else '人工分开' end
                    || coalesce('，' || decided_by, '')
                    || coalesce('：' || reason, '')
            when rule_id is not null
                then key_name_zh || ' ' || key_value || coalesce('；' || evidence_zh, '')
            else evidence_zh
        end as evidence_zh
    from decided
    where status is not null
{%- endmacro %}

{# ---- clusters ---- #}

{# Gives each record of `relation` the anchor that it hangs on most firmly: by the path whose weakest
   link is strongest, then by the shortest, then by the lowest id. Rows: group_id, record_id,
   strength of the group's link, anchor_id of records that are anchors. #}
{% macro nearest_anchor_of(relation, rounds=4) -%}
    {%- set best -%}
        order by width desc nulls last, hops asc nulls last, anchor_id asc nulls last
    {%- endset -%}
    with

    anchored_0 as (

        select
            group_id,
            record_id,
            strength,
            anchor_id is not null as is_anchor,
            anchor_id,
            case when anchor_id is not null then 9.0e0 end as width,
            case when anchor_id is not null then 0 end as hops
        from {{ relation }}

    ),
    {%- for number in range(1, rounds + 1) %}

    offered_{{ number }} as (

        select
            group_id,
            record_id,
            strength,
            is_anchor,
            anchor_id,
            width,
            hops,
            first_value(anchor_id) over (partition by group_id {{ best }}) as group_anchor_id,
            first_value(width) over (partition by group_id {{ best }}) as group_width,
            first_value(hops) over (partition by group_id {{ best }}) as group_hops
        from anchored_{{ number - 1 }}

    ),

    taken_{{ number }} as (

        select
            group_id,
            record_id,
            strength,
            is_anchor,
            case when is_anchor or width >= least(group_width, strength) then anchor_id
                else group_anchor_id end as anchor_id,
            case when is_anchor or width >= least(group_width, strength) then width
                else least(group_width, strength) end as width,
            case when is_anchor or width >= least(group_width, strength) then hops
                else group_hops + 1 end as hops
        from offered_{{ number }}

    ),

    anchored_{{ number }} as (

        select
            group_id,
            record_id,
            strength,
            is_anchor,
            first_value(anchor_id) over (partition by record_id {{ best }}) as anchor_id,
            first_value(width) over (partition by record_id {{ best }}) as width,
            first_value(hops) over (partition by record_id {{ best }}) as hops
        from taken_{{ number }}

    ){{ ',' if not loop.last }}
    {%- endfor %}

    select
        record_id,
        max(anchor_id) as anchor_id
    from anchored_{{ rounds }}
    group by record_id
{%- endmacro %}

{# Both ends of links, one row each. #}
{% macro link_ends(links, condition='true') -%}
    select
        link_id as group_id,
        left_id as record_id,
        strength
    from {{ links }}
    where {{ condition }}
    union all
    select
        link_id as group_id,
        right_id as record_id,
        strength
    from {{ links }}
    where {{ condition }}
{%- endmacro %}

{# Components with more records than may be one, or whose chains are longer than the rounds. #}
{% macro oversized(ends, components) -%}
    select
        component_id,
        max(case when count_records > limits.max_records then 1 else 0 end) as size_mark
    from (
        select
            component_id,
            count(*) as count_records
        from {{ components }}
        group by component_id
    ) as sizes
    cross join limits
    where count_records > limits.max_records
    group by component_id
    union
    select
        split_groups.component_id,
        1 as size_mark
    from (
        select
            components.component_id,
            min(components.component_id) over (partition by ends.group_id) as first_component,
            max(components.component_id) over (partition by ends.group_id) as last_component
        from {{ ends }} as ends
        inner join {{ components }} as components on ends.record_id = components.record_id
    ) as split_groups
    where
        split_groups.first_component <> split_groups.last_component
        and split_groups.component_id
        in (split_groups.first_component, split_groups.last_component)
{%- endmacro %}

{# Clusters are the connected components of the links, with two cuts. A component that is too large
   keeps its firmest links only, and where that is not enough its records stand alone. Records that
   people split, or whose identifying keys differ, are never in one cluster, by whatever chain of
   links: the others of their component go with the one that they hang on most firmly.

   Each step is a table of its own: the next ones use it several times, and Spark would work it out
   anew each time. #}
{% macro identifying_key(subject) -%}
    {{ return({'account': 'tax_id'}.get(subject)) }}
{%- endmacro %}

{# Links that hold, with a name for each. #}
{% macro held_links(subject) -%}
    select
        left_id || '|' || right_id as link_id,
        left_id,
        right_id,
        method,
        rule_id,
        match_weight,
        strength
    from {{ ref('int_customer__' ~ subject ~ '_links') }}
    where status = 'linked'
{%- endmacro %}

{# One row per record that is linked to another, with the component of links it is in. #}
{% macro identity_components(subject) -%}
    with

    links as (

        {{ held_links(subject) }}

    ),

    ends as (

        {{ link_ends('links') }}

    )

    select
        record_id,
        component_id
    from (
        {{ components_of('ends', node_column='record_id') }}
    ) as components
{%- endmacro %}

{# The same, where components that are too large have been cut. #}
{% macro identity_sized_components(subject) -%}
    with

    limits as (

        select
            max(case when threshold_id = 'identity_max_records' then threshold_value end)
                as max_records,
            max(case when threshold_id = 'identity_firm_strength' then threshold_value end)
                as firm_strength
        from {{ ref('int_rules__thresholds') }}

    ),

    links as (

        {{ held_links(subject) }}

    ),

    ends as (

        {{ link_ends('links') }}

    ),

    components as (

        select * from {{ ref('int_customer__' ~ subject ~ '_components') }}

    ),

    oversized as (

        {{ oversized('ends', 'components') }}

    ),

    firm_links as (

        select links.*
        from links
        inner join components on links.left_id = components.record_id
        inner join oversized on components.component_id = oversized.component_id
        cross join limits
        where links.strength >= limits.firm_strength

    ),

    firm_ends as (

        {{ link_ends('firm_links') }}

    ),

    firm_components as (

        {{ components_of('firm_ends', node_column='record_id') }}

    ),

    still_oversized as (

        {{ oversized('firm_ends', 'firm_components') }}

    )

    select
        components.record_id,
        case
            when oversized.component_id is null then components.component_id
            when firm_components.component_id is null then components.record_id
            when still_oversized.component_id is not null then components.record_id
            else firm_components.component_id
        end as component_id
    from components
    left join (select distinct component_id from oversized) as oversized
        on components.component_id = oversized.component_id
    left join firm_components on components.record_id = firm_components.record_id
    left join (select distinct component_id from still_oversized) as still_oversized
        on firm_components.component_id = still_oversized.component_id
{%- endmacro %}

{# Pairs of one component that must not be in one cluster, and whether people decided that. #}
{% macro identity_conflicts(subject) -%}
    {%- set identifying = identifying_key(subject) -%}
    with

    sized as (

        select * from {{ ref('int_customer__' ~ subject ~ '_sized_components') }}

    )

    select
        stated.left_id,
        stated.right_id,
        l.component_id,
        true as is_decided
    from {{ ref('int_customer__' ~ subject ~ '_links') }} as stated
    inner join sized as l on stated.left_id = l.record_id
    inner join sized as r
        on stated.right_id = r.record_id and l.component_id = r.component_id
    where stated.rule_id = 'manual_split'
    {%- if identifying %}
    union
    select
        l.record_id as left_id,
        r.record_id as right_id,
        sized.component_id,
        false as is_decided
    from sized
    inner join {{ ref('int_customer__' ~ subject ~ '_records') }} as l
        on sized.record_id = l.record_id
    inner join sized as other_sized on sized.component_id = other_sized.component_id
    inner join {{ ref('int_customer__' ~ subject ~ '_records') }} as r
        on other_sized.record_id = r.record_id
    where l.{{ identifying }} < r.{{ identifying }}
    {%- endif %}
{%- endmacro %}

{# Links of components with such pairs, without those between the two of a pair. #}
{% macro identity_undisputed_links(subject) -%}
    with

    links as (

        {{ held_links(subject) }}

    ),

    sized as (

        select * from {{ ref('int_customer__' ~ subject ~ '_sized_components') }}

    ),

    apart as (

        select * from {{ ref('int_customer__' ~ subject ~ '_conflicts') }}

    ),

    contested as (

        select distinct component_id from apart

    ),

    apart_both_ways as (

        select
            left_id,
            right_id
        from apart
        union
        select
            right_id as left_id,
            left_id as right_id
        from apart

    )

    select links.*
    from links
    inner join sized as l on links.left_id = l.record_id
    inner join sized as r
        on links.right_id = r.record_id and l.component_id = r.component_id
    inner join contested on l.component_id = contested.component_id
    left join apart_both_ways as apart
        on links.left_id = apart.left_id and links.right_id = apart.right_id
    where apart.left_id is null
{%- endmacro %}

{# Components of those links. #}
{% macro identity_undisputed_components(subject) -%}
    with

    links as (

        select * from {{ ref('int_customer__' ~ subject ~ '_undisputed_links') }}

    ),

    ends as (

        {{ link_ends('links') }}

    )

    select
        record_id,
        component_id
    from (
        {{ components_of('ends', node_column='record_id') }}
    ) as components
{%- endmacro %}

{# One row per record that is linked to another, with its cluster and its surest link in it. #}
{% macro identity_clusters(subject) -%}
    {%- set identifying = identifying_key(subject) -%}
    with

    links as (

        {{ held_links(subject) }}

    ),

    ends as (

        {{ link_ends('links') }}

    ),

    sized as (

        select * from {{ ref('int_customer__' ~ subject ~ '_sized_components') }}

    ),

    apart as (

        select * from {{ ref('int_customer__' ~ subject ~ '_conflicts') }}

    ),

    contested as (

        select distinct component_id from apart

    ),

    clean_links as (

        select * from {{ ref('int_customer__' ~ subject ~ '_undisputed_links') }}

    ),

    clean_ends as (

        {{ link_ends('clean_links') }}

    ),

    clean_components as (

        select * from {{ ref('int_customer__' ~ subject ~ '_undisputed_components') }}

    ),

    -- Still in one component by way of others.
    tied as (

        select
            apart.left_id,
            apart.right_id,
            apart.is_decided,
            l.component_id
        from apart
        inner join clean_components as l on apart.left_id = l.record_id
        inner join clean_components as r
            on apart.right_id = r.record_id and l.component_id = r.component_id

    ),

    tied_records as (

        select
            record_id,
            component_id,
            max(decided_mark) as decided_mark
        from (
            select
                left_id as record_id,
                component_id,
                case when is_decided then 1 else 0 end as decided_mark
            from tied
            union all
            select
                right_id as record_id,
                component_id,
                case when is_decided then 1 else 0 end as decided_mark
            from tied
        ) as named
        group by record_id, component_id

    ),

    anchors as (

        select
            tied_records.record_id,
            {%- if identifying %}
                case
                    when tied_records.decided_mark = 1 then tied_records.record_id
                    else min(
                        case when tied_records.decided_mark = 0 then tied_records.record_id end
                    ) over (partition by tied_records.component_id, records.{{ identifying }})
                end as anchor_id
            {%- else %}
                tied_records.record_id as anchor_id
            {%- endif %}
        from tied_records
        {%- if identifying %}
            inner join {{ ref('int_customer__' ~ subject ~ '_records') }} as records
                on tied_records.record_id = records.record_id
        {%- endif %}

    ),

    anchored_ends as (

        select
            clean_ends.group_id,
            clean_ends.record_id,
            clean_ends.strength,
            anchors.anchor_id
        from clean_ends
        inner join clean_components on clean_ends.record_id = clean_components.record_id
        inner join (select distinct component_id from tied_records) as tied_components
            on clean_components.component_id = tied_components.component_id
        left join anchors on clean_ends.record_id = anchors.record_id

    ),

    nearest as (

        {{ nearest_anchor_of('anchored_ends') }}

    ),

    placed as (

        select
            sized.record_id,
            case
                when contested.component_id is null then sized.component_id
                when nearest.record_id is not null
                    then coalesce(nearest.anchor_id, sized.record_id)
                else coalesce(clean_components.component_id, sized.record_id)
            end as component_id
        from sized
        left join contested on sized.component_id = contested.component_id
        left join clean_components on sized.record_id = clean_components.record_id
        left join nearest on sized.record_id = nearest.record_id

    ),

    own_links as (

        select
            ends.record_id,
            links.rule_id,
            links.method,
            links.match_weight,
            links.strength,
            row_number() over (
                partition by ends.record_id
                order by links.strength desc nulls last, links.link_id asc nulls last
            ) as link_rank
        from links
        inner join placed as l on links.left_id = l.record_id
        inner join placed as r
            on links.right_id = r.record_id and l.component_id = r.component_id
        inner join ends on links.link_id = ends.group_id

    )

    select
        placed.record_id,
        placed.component_id,
        coalesce(own_links.rule_id, own_links.method) as link_rule,
        own_links.match_weight,
        least(own_links.strength, 1.0e0) as confidence
    from placed
    left join own_links on placed.record_id = own_links.record_id and own_links.link_rank = 1
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

    ),

    ranked as (

        select
            record_id,
            source_system,
            first_value(record_id) over (
                partition by component_id order by record_rank asc nulls last
            ) as representative_id,
            link_rule,
            match_weight,
            confidence
        from placed

    )

    -- The record that gives the cluster its name needs no link.
    select
        record_id as {{ subject }}_id,
        representative_id as {{ {'account': 'customer_id', 'contact': 'person_id'}[subject] }},
        source_system,
        record_id = representative_id as is_representative,
        case when record_id <> representative_id then link_rule end as link_rule,
        case when record_id <> representative_id then match_weight end as match_weight,
        case when record_id <> representative_id then confidence else 1.0e0 end
            as confidence_ratio
    from ranked
{%- endmacro %}

{# The value of the first row of a group that knows one, as an aggregate. #}
{% macro first_known(value, rank) -%}
    min_by({{ value }}, {{ rank }}) filter (where {{ value }} is not null)
{%- endmacro %}
