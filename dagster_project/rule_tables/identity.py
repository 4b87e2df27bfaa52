"""Rule tables of the identity of customers and persons: rules, weights, words, decisions."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from dagster_project.identity.comparisons import FREQUENCY_COLUMN, SIMILARITIES
from dagster_project.mapping.rows import Model, RuleProblems, RuleRow, read_rule_rows
from dagster_project.rule_tables.tables import CanonicalCodeRow, Name, OptionalName, Text
from dagster_project.rule_tables.visitor_links import CANONICAL_ID

Subject = Literal["account", "contact"]
# The macros of dbt/macros/customer.sql know the same columns.
KEY_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "account": (
        "tax_id",
        "web_domain",
        "phone",
        "plain_name",
        "name_core",
        "name_start",
        "place",
        "country",
    ),
    "contact": ("email", "phone", "chat_id", "plain_name", "family_key", "customer_id"),
}
CONTRADICTIONS: Mapping[str, tuple[str, ...]] = {
    "account": ("tax_id",),
    "contact": ("family_key", "email"),
}
NEEDED_THRESHOLDS = (
    ("identity_link_probability", "ratio"),
    ("identity_review_probability", "ratio"),
    ("identity_rival_weight", "bits"),
    ("identity_max_records", "rows"),
    ("identity_firm_strength", "ratio"),
)
MIN_WORD = 2
"""A firm's name is looked at by the first and last two characters of a word."""


def _empty_is_none(value: Any) -> Any:
    return None if value == "" else value


def _canonical_id(value: Any) -> Any:
    if isinstance(value, str) and not CANONICAL_ID.fullmatch(value):
        raise ValueError("write system:id, such as crm:1001")
    return value


Share = Annotated[float | None, BeforeValidator(_empty_is_none)]
CanonicalId = Annotated[str, BeforeValidator(_canonical_id)]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class IdentityRuleRow(_Row):
    """One row of seeds/identity_rule.csv."""

    rule_id: Name
    subject: Subject
    kind: Literal["exact", "block"]
    key_columns: Text
    confidence: Share
    max_records: int
    contradicted_by: OptionalName
    min_name_similarity: Share
    valid_from: date
    name_en: Text
    name_zh: Text
    reason: Text


class IdentitySourceRow(_Row):
    """One row of seeds/identity_source.csv."""

    subject: Subject
    source_system: Name
    source_rank: int
    valid_from: date
    reason: Text


class IdentityOverrideRow(_Row):
    """One row of seeds/identity_override.csv."""

    override_id: Text
    subject: Subject
    action: Literal["merge", "split", "undo"]
    left_id: CanonicalId
    right_id: CanonicalId
    decided_by: Text
    decided_at: datetime
    reason: Text


class IdentityNameWordRow(_Row):
    """One row of seeds/identity_name_word.csv."""

    kind: Literal["place", "legal_form", "honorific"]
    word: Text
    word_class: Name
    reason: Text


class IdentityMatchWeightRow(_Row):
    """One row of seeds/identity_match_weight.csv."""

    subject: Subject
    comparison: Name
    level: Name
    similarity_min: Share
    m_probability: Share
    u_probability: Share
    match_weight: float
    is_frequency_adjusted: bool
    valid_from: date
    name_en: Text
    name_zh: Text
    reason: Text


class CustomerSegmentRow(_Row):
    """One row of seeds/customer_segment.csv."""

    segment: Name
    industry: OptionalName
    tier: OptionalName
    valid_from: date
    name_en: Text
    name_zh: Text
    reason: Text


CheckUnique = Callable[
    [Iterable[RuleRow[Model]], Callable[[Model], Hashable], str, RuleProblems], None
]


def check_identity(
    seeds: Path,
    codes: list[RuleRow[CanonicalCodeRow]],
    check_unique: CheckUnique[Any],
    problems: RuleProblems,
) -> None:
    """Check the six tables; ``check_unique`` notes rows with the same key."""
    rules = read_rule_rows(seeds / "identity_rule.csv", IdentityRuleRow, problems)
    sources = read_rule_rows(seeds / "identity_source.csv", IdentitySourceRow, problems)
    overrides = read_rule_rows(seeds / "identity_override.csv", IdentityOverrideRow, problems)
    words = read_rule_rows(seeds / "identity_name_word.csv", IdentityNameWordRow, problems)
    weights = read_rule_rows(seeds / "identity_match_weight.csv", IdentityMatchWeightRow, problems)
    segments = read_rule_rows(seeds / "customer_segment.csv", CustomerSegmentRow, problems)

    check_unique(rules, lambda row: (row.rule_id, row.valid_from), "rule_id", problems)
    check_unique(
        sources,
        lambda row: (row.subject, row.source_system, row.valid_from),
        "source_system",
        problems,
    )
    check_unique(overrides, lambda row: row.override_id, "override_id", problems)
    check_unique(words, lambda row: (row.kind, row.word), "word", problems)
    check_unique(
        weights,
        lambda row: (row.subject, row.comparison, row.level, row.valid_from),
        "level",
        problems,
    )
    check_unique(
        segments, lambda row: (row.industry, row.tier, row.valid_from), "segment", problems
    )

    for rule in rules:
        _check_rule(rule, problems)
    for override in overrides:
        if override.value.left_id == override.value.right_id:
            problems.add(override, "right_id", "both ids are the same row. Name two rows")
    for word in words:
        _check_word(word, problems)
    _check_weights(weights, problems)
    _check_segments(segments, codes, problems)


def _check_rule(row: RuleRow[IdentityRuleRow], problems: RuleProblems) -> None:
    rule = row.value
    allowed = KEY_COLUMNS[rule.subject]
    for column in rule.key_columns.split("|"):
        if column not in allowed:
            problems.add(
                row, "key_columns", f"no key {column!r} of {rule.subject}s", column, allowed
            )
    if rule.kind == "exact" and (rule.confidence is None or not 0 < rule.confidence < 1):
        problems.add(row, "confidence", "an exact rule needs one above 0 and below 1. Write it")
    if rule.kind == "block" and (rule.confidence is not None or rule.contradicted_by):
        problems.add(
            row, "confidence", "a block only finds pairs to compare. Empty it and contradicted_by"
        )
    if rule.max_records < 2:
        problems.add(row, "max_records", f"{rule.max_records} rows link nobody. Write 2 or more")
    contradictions = CONTRADICTIONS[rule.subject]
    if rule.contradicted_by and rule.contradicted_by not in contradictions:
        name = rule.contradicted_by
        problems.add(row, "contradicted_by", f"{name!r} is not looked at", name, contradictions)
    if rule.min_name_similarity is not None and not 0 <= rule.min_name_similarity <= 1:
        problems.add(row, "min_name_similarity", "a similarity lies between 0 and 1. Correct it")


def _check_word(row: RuleRow[IdentityNameWordRow], problems: RuleProblems) -> None:
    word = row.value
    if word.word != word.word.lower():
        problems.add(row, "word", f"names are compared in lower case. Write {word.word.lower()!r}")
    if word.kind != "honorific" and len(word.word) < MIN_WORD:
        problems.add(
            row, "word", f"{word.word!r} is too short. Write {MIN_WORD} characters or more"
        )


def _check_weights(rows: list[RuleRow[IdentityMatchWeightRow]], problems: RuleProblems) -> None:
    for row in rows:
        weight = row.value
        allowed = {*SIMILARITIES[weight.subject], "prior"}
        if weight.comparison not in allowed:
            name = weight.comparison
            problems.add(row, "comparison", f"{name!r} is not compared", name, allowed)
        for column in ("m_probability", "u_probability"):
            value = getattr(weight, column)
            if value is not None and not 0 < value <= 1:
                problems.add(row, column, f"{value:g} is no probability above 0. Correct it")
                break
        else:
            if weight.m_probability is not None and weight.u_probability is not None:
                follows = math.log2(weight.m_probability / weight.u_probability)
                if abs(follows - weight.match_weight) > 0.001:
                    problems.add(
                        row,
                        "match_weight",
                        f"m and u give {follows:.4f}. Write that, or empty m and u for a weight of "
                        "your own",
                    )
        if weight.comparison == "prior":
            continue
        if weight.similarity_min is None or not 0 <= weight.similarity_min <= 1:
            problems.add(row, "similarity_min", "a level begins between 0 and 1. Write where")
        if weight.is_frequency_adjusted and (
            weight.comparison != "name" or weight.similarity_min != 1
        ):
            problems.add(
                row, "is_frequency_adjusted", "only equal names are weighed by how rare they are"
            )
        if weight.is_frequency_adjusted and weight.u_probability is None:
            column = FREQUENCY_COLUMN[weight.subject]
            problems.add(row, "u_probability", f"the share of a {column} replaces it. Write it")
    for subject, comparisons in SIMILARITIES.items():
        own = [row for row in rows if row.value.subject == subject]
        if not own:
            continue
        if all(row.value.comparison != "prior" for row in own):
            problems.messages.append(f"{own[0].file}: no row prior of {subject}. Add one.")
        for comparison in comparisons:
            levels = [row for row in own if row.value.comparison == comparison]
            if levels and all(row.value.similarity_min != 0 for row in levels):
                problems.add(
                    levels[0], "similarity_min", f"no level of {comparison} begins at 0. Add one"
                )


def _check_segments(
    rows: list[RuleRow[CustomerSegmentRow]],
    codes: list[RuleRow[CanonicalCodeRow]],
    problems: RuleProblems,
) -> None:
    known: dict[str, set[str]] = {}
    for code in codes:
        known.setdefault(code.value.code_list, set()).add(code.value.code)
    for row in rows:
        for column, code_list in (("industry", "industry"), ("tier", "account_tier")):
            name = getattr(row.value, column)
            if name and known and name not in known.get(code_list, set()):
                allowed = known.get(code_list, set())
                problems.add(row, column, f"unknown {column} {name!r}", name, allowed)
    if rows and not any(row.value.industry == row.value.tier == "" for row in rows):
        problems.messages.append(
            f"{rows[0].file}: no row without industry and tier, which all others need. Add one."
        )
