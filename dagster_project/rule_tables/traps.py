"""Rule tables of the traps, of currencies and of business events."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from dagster_project.mapping.rows import Model, RuleProblems, RuleRow, read_rule_rows
from dagster_project.rule_tables.tables import Name, OptionalName, OptionalNumber, Text

# Trap → rules that its detector looks up; without one of them it would silently find nothing.
EVERY_TRAP = ("tolerated_ratio", "window_days", "recent_days")
TRAPS: Mapping[str, tuple[str, ...]] = {
    "contradicted_portrait": EVERY_TRAP,
    "relationship_inflation": EVERY_TRAP,
    "hasty_veto": (*EVERY_TRAP, "max_formation_hours"),
    "label_gaming": (
        *EVERY_TRAP,
        "watched_rule_table",
        "min_amount_cny",
        "min_leads",
        "min_low_ratio",
        "max_other_low_ratio",
        "min_rise_ratio",
    ),
    "copied_practice": (*EVERY_TRAP, "min_similarity_ratio", "min_words", "min_run_words"),
    "island": EVERY_TRAP,
    "low_usage": (*EVERY_TRAP, "min_usage_ratio", "grace_days"),
}
TEXT_RULES = ("watched_rule_table",)
NEEDED_THRESHOLDS = (
    ("high_value_customer_amount", "CNY"),
    ("renewal_window_days", "days"),
    ("customer_value_days", "days"),
    ("knowledge_maturity_days", "days"),
    ("intent_recognition_days", "days"),
    ("usage_window_days", "days"),
)
PLACES = re.compile(r"\{[^}]*\}")

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
OptionalText = Annotated[str, BeforeValidator(lambda value: value or "")]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrapRow(_Row):
    """One row of seeds/trap.csv."""

    trap_id: Name
    display_order: int
    objects: Text
    name_en: Text
    name_zh: Text
    question_en: Text
    question_zh: Text
    evidence_en: Text
    evidence_zh: Text
    remedy_en: Text
    remedy_zh: Text


class TrapRuleRow(_Row):
    """One row of seeds/trap_rule.csv."""

    trap_id: Name
    rule: Name
    value: OptionalNumber
    text_value: OptionalText
    unit: Text
    valid_from: date
    reason: Text


class CurrencyRateRow(_Row):
    """One row of seeds/currency_rate.csv."""

    currency: Currency
    cny_per: float
    valid_from: date
    reason: Text


class BusinessEventRow(_Row):
    """One row of seeds/business_event_definition.csv."""

    event_name: Name
    raised_in: OptionalName
    name_en: Text
    name_zh: Text


CheckUnique = Callable[
    [Iterable[RuleRow[Model]], Callable[[Model], Hashable], str, RuleProblems], None
]


def check_traps(
    seeds: Path, objects: set[str], check_unique: CheckUnique[Any], problems: RuleProblems
) -> None:
    """Check the four tables; ``objects`` are the canonical ones (empty: not known)."""
    traps = read_rule_rows(seeds / "trap.csv", TrapRow, problems)
    rules = read_rule_rows(seeds / "trap_rule.csv", TrapRuleRow, problems)
    rates = read_rule_rows(seeds / "currency_rate.csv", CurrencyRateRow, problems)
    events = read_rule_rows(seeds / "business_event_definition.csv", BusinessEventRow, problems)

    check_unique(traps, lambda row: row.trap_id, "trap_id", problems)
    check_unique(traps, lambda row: row.display_order, "display_order", problems)
    check_unique(
        rules,
        lambda row: (row.trap_id, row.rule, row.text_value, row.valid_from),
        "rule",
        problems,
    )
    check_unique(rates, lambda row: (row.currency, row.valid_from), "currency", problems)
    check_unique(events, lambda row: row.event_name, "event_name", problems)

    for trap in traps:
        _check_trap(trap, objects, problems)
    missing = set(TRAPS) - {row.value.trap_id for row in traps}
    if traps and missing:
        problems.messages.append(
            f"{traps[0].file}: no row for {', '.join(sorted(missing))}. Add one."
        )
    for rule in rules:
        _check_rule(rule, problems)
    for trap_id, needed in TRAPS.items():
        absent = set(needed) - {row.value.rule for row in rules if row.value.trap_id == trap_id}
        if rules and absent:
            problems.messages.append(
                f"{rules[0].file}: {trap_id} needs {', '.join(sorted(absent))}. Add a row."
            )
    for rate in rates:
        if rate.value.cny_per <= 0:
            problems.add(rate, "cny_per", f"{rate.value.cny_per:g} is not above 0. Write the rate")
        if rate.value.currency == "CNY" and rate.value.cny_per != 1:
            problems.add(rate, "cny_per", "one CNY is one CNY. Write 1")
    if rates and not any(row.value.currency == "CNY" for row in rates):
        problems.messages.append(f"{rates[0].file}: no row for 'CNY'. Add one with 1.")


def _check_trap(row: RuleRow[TrapRow], objects: set[str], problems: RuleProblems) -> None:
    trap = row.value
    if trap.trap_id not in TRAPS:
        problems.add(
            row, "trap_id", f"nothing detects {trap.trap_id!r}; name one of", trap.trap_id, TRAPS
        )
    for name in trap.objects.split("|"):
        if objects and name not in objects:
            problems.add(row, "objects", f"unknown object {name!r}", name, objects)
    for column in ("evidence_en", "evidence_zh"):
        for place in PLACES.findall(getattr(trap, column)):
            if place not in ("{1}", "{2}", "{3}"):
                problems.add(row, column, f"{place} is no place of a value. Write {{1}} to {{3}}")


def _check_rule(row: RuleRow[TrapRuleRow], problems: RuleProblems) -> None:
    rule = row.value
    known = TRAPS.get(rule.trap_id)
    if known is None:
        problems.add(row, "trap_id", f"there is no trap {rule.trap_id!r}", rule.trap_id, TRAPS)
    elif rule.rule not in known:
        problems.add(
            row, "rule", f"{rule.trap_id} looks at no rule {rule.rule!r}", rule.rule, known
        )
    wants_text = rule.rule in TEXT_RULES
    if wants_text != bool(rule.text_value):
        problems.add(
            row,
            "text_value",
            "a rule that names something, and only that, has a text. "
            + ("Write the name" if wants_text else "Empty it"),
        )
    if wants_text == (rule.value is not None):
        problems.add(
            row,
            "value",
            "a rule has a number unless it names something. "
            + ("Empty it" if wants_text else "Write the number"),
        )
    if rule.value is not None and rule.value < 0:
        problems.add(row, "value", f"{rule.value:g} is below 0. Write 0 or more")
    if rule.value is not None and rule.unit == "ratio" and rule.value > 1:
        problems.add(row, "value", f"{rule.value:g} is above 1. Write a share of 1, such as 0.2")
