{# Confidence of several pieces of evidence together: 1 - (1 - a)(1 - b)…, as an aggregate. Each is
   below 1; rounded, because engines differ in the last digits. #}
{% macro combined_confidence(confidence) -%}
    round(1 - exp(sum(ln(1 - least(cast({{ confidence }} as double), 0.999999)))), 6)
{%- endmacro %}

{# The candidates of each visitor, best first. `relation` has one row per piece of evidence and
   candidate: visitor_id, candidate_id, field, link_rule_id, evidence_value, confidence, and
   choice_rank / forced_rank (1 where a person decided for the candidate, or where it goes before
   the others, else 0).

   What was seen in one field of the log counts once, by its strongest rule; different fields are
   combined. `contradiction` is the confidence of the evidence for a candidate that does not name
   the best one as well: evidence that fits both does not speak against either. #}
{% macro candidates_of(relation) -%}
    with

    fields as (

        select
            visitor_id,
            candidate_id,
            field,
            max(confidence) as confidence,
            max(choice_rank) as choice_rank,
            max(forced_rank) as forced_rank
        from {{ relation }}
        group by visitor_id, candidate_id, field

    ),

    combined as (

        select
            visitor_id,
            candidate_id,
            case
                when max(choice_rank) = 1 then cast(1 as double)
                else {{ combined_confidence('confidence') }}
            end as confidence,
            max(choice_rank) as choice_rank,
            max(forced_rank) as forced_rank
        from fields
        group by visitor_id, candidate_id

    ),

    ranked as (

        select
            visitor_id,
            candidate_id,
            confidence,
            choice_rank,
            forced_rank,
            row_number() over (
                partition by visitor_id
                order by choice_rank desc, forced_rank desc, confidence desc, candidate_id nulls last
            ) as candidate_rank
        from combined

    ),

    pieces as (

        select
            evidence.visitor_id,
            evidence.candidate_id,
            evidence.field,
            evidence.confidence,
            ranked.candidate_rank,
            min(ranked.candidate_rank) over (
                partition by
                    evidence.visitor_id,
                    evidence.field,
                    evidence.link_rule_id,
                    evidence.evidence_value
            ) as best_rank_named
        from {{ relation }} as evidence
        inner join ranked
            on
                evidence.visitor_id = ranked.visitor_id
                and evidence.candidate_id = ranked.candidate_id

    ),

    against as (

        select
            visitor_id,
            candidate_id,
            {{ combined_confidence('confidence') }} as contradiction
        from (
            select
                visitor_id,
                candidate_id,
                field,
                max(confidence) as confidence
            from pieces
            where best_rank_named > 1
            group by visitor_id, candidate_id, field
        ) as fields_against
        group by visitor_id, candidate_id

    )

    select
        ranked.visitor_id,
        ranked.candidate_id,
        ranked.confidence,
        ranked.choice_rank,
        ranked.forced_rank,
        ranked.candidate_rank,
        coalesce(against.contradiction, 0) as contradiction,
        max(
            case when ranked.candidate_rank = 1 then ranked.confidence end
        ) over (partition by ranked.visitor_id) as best_confidence,
        max(ranked.choice_rank) over (partition by ranked.visitor_id) as choice_mark,
        max(ranked.forced_rank) over (partition by ranked.visitor_id) as forced_mark
    from ranked
    left join against
        on
            ranked.visitor_id = against.visitor_id
            and ranked.candidate_id = against.candidate_id
{%- endmacro %}

{# How tables of identities are made again: by visitor, and all of them where what people state, or who
   there is, has changed. int_identity__changed_visitors comes after the models that they follow. #}
{% macro identity_keys() -%}
    {{ return({
        'key': 'visitor_id',
        'changed_keys': 'int_identity__changed_visitors',
        'follows': [
            'dim_contact',
            'dim_account',
            'dim_rep',
            'int_identity__link_rules',
            'int_rules__thresholds',
            'visitor_link_override'
        ]
    }) }}
{%- endmacro %}
