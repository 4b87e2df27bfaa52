"""What is compared, told to Splink: the same as ``identity_similarities`` in dbt, in DuckDB's SQL.

A test compares the match weights of both on the same records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

SUBJECTS = ("account", "contact")
FREQUENCY_COLUMN: Mapping[str, str] = {"account": "name_core", "contact": "plain_name"}
"""Column whose share of the records replaces u where a level is frequency-adjusted."""

_PAIRS = (
    "list_distinct(list_transform(range(1, greatest(length({0}), 2)), lambda i: substr({0}, i, 2)))"
)


def _dice(column: str) -> str:
    one, other = _PAIRS.format(f"{column}_l"), _PAIRS.format(f"{column}_r")
    return (
        f"case when {column}_l is not null and {column}_r is not null then "
        f"2.0e0 * len(list_intersect({one}, {other})) / (len({one}) + len({other})) end"
    )


def _equal(column: str) -> str:
    return (
        f"case when {column}_l = {column}_r then 1.0e0 when {column}_l <> {column}_r then 0.0e0 end"
    )


_SYSTEM = "case when source_system_l <> source_system_r then 1.0e0 else 0.0e0 end"

SIMILARITIES: Mapping[str, Mapping[str, str]] = {
    "account": {
        "system": _SYSTEM,
        "name": (
            "case when name_core_l = name_core_r then 1.0e0 "
            f"else least({_dice('name_core')}, 0.99e0) end"
        ),
        "name_number": (
            "case when name_number_l <> name_number_r then 0.0e0 "
            "when name_number_l <> '' and name_number_l = name_number_r then 1.0e0 end"
        ),
        "legal_form": _equal("legal_form"),
        "place": (
            "case when place_l = place_r then 1.0e0 "
            "when instr(address_r, place_l) > 0 or instr(address_l, place_r) > 0 then 1.0e0 "
            "when coalesce(place_l, address_l) is not null "
            "and coalesce(place_r, address_r) is not null then 0.0e0 end"
        ),
        "address": _dice("address"),
        "phone": _equal("phone"),
        "web_domain": _equal("web_domain"),
        "tax_id": _equal("tax_id"),
    },
    "contact": {
        "system": _SYSTEM,
        "name": (
            "case when plain_name_l = plain_name_r then 1.0e0 "
            "when family_key_l = family_key_r and (is_nickname_l or is_nickname_r) then 0.5e0 "
            "when regexp_matches(plain_name_l, '[一-龥]') "
            "or regexp_matches(plain_name_r, '[一-龥]') "
            "then case when plain_name_l is not null and plain_name_r is not null "
            "then 0.0e0 end "
            f"else least({_dice('plain_name')}, 0.99e0) end"
        ),
        "firm": (
            "case when len(firms_l) = 0 or len(firms_r) = 0 then null "
            "when list_has_any(present_firms_l, present_firms_r) then 1.0e0 "
            "when list_has_any(firms_l, firms_r) then 0.5e0 else 0.0e0 end"
        ),
        "email": (
            "case when email_l = email_r then 1.0e0 "
            "when split_part(email_l, '@', 1) = split_part(email_r, '@', 1) then 0.5e0 "
            "when email_l <> email_r then 0.0e0 end"
        ),
        "phone": _equal("phone"),
        "chat_id": _equal("chat_id"),
    },
}
"""Comparison → similarity of the records ``_l`` and ``_r``, 0 to 1; NULL: nothing to compare."""

BLOCKING: Mapping[str, Sequence[str]] = {
    "account": ("tax_id", "web_domain", "phone"),
    "contact": ("chat_id", "email", "phone"),
}
"""Keys whose bearers are one customer or person but for errors: among them m is learned."""


@dataclass(frozen=True)
class Level:
    """A level of a comparison, as a row of ``identity_match_weight.csv`` states it."""

    comparison: str
    level: str
    similarity_min: float
    m_probability: float | None
    u_probability: float | None
    is_frequency_adjusted: bool


def splink_settings(
    subject: str, levels: Sequence[Level], probability_two_random_records_match: float
) -> dict[str, Any]:
    """Settings of a Splink model with the levels given, highest similarity first.

    Args:
        subject: ``account`` or ``contact``.
        levels: levels of all comparisons; one without m and u is estimated from Splink's defaults.
        probability_two_random_records_match: of two random rows, the share that are one.
    """
    comparisons = []
    for name, similarity in SIMILARITIES[subject].items():
        own = sorted(
            (level for level in levels if level.comparison == name),
            key=lambda level: -level.similarity_min,
        )
        if own:
            comparisons.append(_comparison(subject, name, similarity, own))
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "record_id",
        "comparisons": comparisons,
        "blocking_rules_to_generate_predictions": [
            f"l.{column} = r.{column}" for column in BLOCKING[subject]
        ],
        "probability_two_random_records_match": probability_two_random_records_match,
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": True,
    }


def _comparison(
    subject: str, name: str, similarity: str, levels: Sequence[Level]
) -> dict[str, Any]:
    stated: list[dict[str, Any]] = [
        {
            "sql_condition": f"({similarity}) is null",
            "label_for_charts": "unknown",
            "is_null_level": True,
        }
    ]
    for position, level in enumerate(levels):
        column = FREQUENCY_COLUMN[subject]
        condition = f"({similarity}) >= {level.similarity_min}"
        if level.is_frequency_adjusted:
            # The only form in which Splink knows a level of equal values.
            condition = f"{column}_l = {column}_r"
        elif position == len(levels) - 1:
            condition = "else"
        row: dict[str, Any] = {"sql_condition": condition, "label_for_charts": level.level}
        if level.is_frequency_adjusted:
            row |= {"tf_adjustment_column": column, "tf_adjustment_weight": 1.0}
        if level.m_probability is not None:
            row["m_probability"] = level.m_probability
        if level.u_probability is not None:
            row["u_probability"] = level.u_probability
        stated.append(row)
    return {"output_column_name": name, "comparison_levels": stated}


def records_query(subject: str, schema: str) -> str:
    """The records to compare, with the columns that ``SIMILARITIES`` names."""
    if subject == "account":
        return f"select * exclude (values_text) from {schema}.int_customer__account_records"
    return f"""
        select contacts.* exclude (values_text, firms_text, count_firms),
            coalesce(list(firms.customer_id) filter (where firms.customer_id is not null), [])
                as firms,
            coalesce(list(firms.customer_id) filter (where firms.basis_rank <= 2), [])
                as present_firms
        from {schema}.int_customer__contact_records as contacts
        left join {schema}.int_customer__contact_firms as firms
            on contacts.record_id = firms.contact_id
        group by all
    """


def load_records(connection: duckdb.DuckDBPyConnection, subject: str, schema: str) -> int:
    """Make table ``records`` of a subject; returns how many there are."""
    connection.execute(
        f"create or replace table records as {records_query(subject, schema)} order by record_id"
    )
    row = connection.execute("select count(*) from records").fetchone()
    return int(row[0]) if row else 0
