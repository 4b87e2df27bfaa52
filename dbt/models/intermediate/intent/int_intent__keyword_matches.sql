-- One row per text and keyword group of which it holds at least one keyword. Keywords of languages
-- without blanks between words are looked for anywhere; those of other languages as whole words.
-- A keyword inside an exception (a phrase that means something else) does not count.
{{ config(materialized='table') }}
with

keywords as (

    select
        keyword_group,
        industry,
        use,
        language in ('zh', 'ja', 'th') as is_unspaced,
        keyword,
        case
            when language in ('zh', 'ja', 'th') then lower(keyword)
            else ' ' || trim({{ latin_words('keyword') }}) || ' '
        end as needle
    from {{ ref('industry_keyword') }}

),

exceptions as (

    select
        phrases.keyword_group,
        phrases.industry,
        phrases.needle as phrase,
        words.keyword,
        words.needle,
        {{ count_occurrences('phrases.needle', 'words.needle') }} as count_inside
    from keywords as phrases
    inner join keywords as words
        on
            phrases.keyword_group = words.keyword_group
            and phrases.is_unspaced = words.is_unspaced
    where phrases.use = 'except' and words.use = 'match'

),

accounts as (

    select * from {{ ref('dim_account') }}

),

texts as (

    select
        texts.text_object,
        texts.text_id,
        texts.activity_id,
        texts.known_at,
        accounts.industry,
        lower(texts.body) as unspaced_body,
        {{ latin_words('texts.body') }} as spaced_body
    from {{ ref('int_intent__texts') }} as texts
    left join accounts on texts.account_id = accounts.account_id

),

found as (

    select
        texts.text_object,
        texts.text_id,
        texts.activity_id,
        texts.known_at,
        texts.industry,
        keywords.keyword_group,
        keywords.keyword,
        keywords.needle,
        case
            when keywords.is_unspaced then texts.unspaced_body
            else texts.spaced_body
        end as haystack
    from texts
    inner join keywords
        on
            keywords.use = 'match'
            and (keywords.industry is null or texts.industry = keywords.industry)
            and instr(
                case
                    when keywords.is_unspaced then texts.unspaced_body
                    else texts.spaced_body
                end,
                keywords.needle
            ) > 0

),

counted as (

    select
        found.text_object,
        found.text_id,
        found.activity_id,
        found.known_at,
        found.keyword_group,
        found.keyword,
        {{ count_occurrences('found.haystack', 'found.needle') }} as count_found,
        coalesce(
            sum(
                exceptions.count_inside
                * {{ count_occurrences('found.haystack', 'exceptions.phrase') }}
            ) filter (where exceptions.industry is null or exceptions.industry = found.industry),
            0
        ) as count_excepted
    from found
    left join exceptions
        on
            found.keyword_group = exceptions.keyword_group
            and found.keyword = exceptions.keyword
            and found.needle = exceptions.needle
            and exceptions.count_inside > 0
    group by
        found.text_object,
        found.text_id,
        found.activity_id,
        found.known_at,
        found.keyword_group,
        found.keyword,
        found.haystack,
        found.needle

)

select
    text_object,
    text_id,
    activity_id,
    known_at,
    keyword_group,
    {{ string_list('keyword') }} as keywords
from counted
where count_found > count_excepted
group by text_object, text_id, activity_id, known_at, keyword_group
