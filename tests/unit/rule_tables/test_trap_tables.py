"""Each kind of fault in the tables of traps, rates and events is named with place and remedy."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dagster_project.mapping.registry import load_registry
from dagster_project.mapping.rows import RuleProblems
from dagster_project.rule_tables.checks import NEEDED_THRESHOLDS, check_unique
from dagster_project.rule_tables.traps import NEEDED_THRESHOLDS as TRAP_THRESHOLDS
from dagster_project.rule_tables.traps import TRAPS, check_traps
from dagster_project.settings import REPO_ROOT

Rows = list[dict[str, str]]
TABLES = ("trap", "trap_rule", "currency_rate", "business_event_definition")
OBJECTS = set(load_registry(REPO_ROOT / "seeds").objects)


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    for table in TABLES:
        shutil.copy(REPO_ROOT / "seeds" / f"{table}.csv", tmp_path)
    return tmp_path


def problems_of(seeds: Path) -> list[str]:
    problems = RuleProblems()
    check_traps(seeds, OBJECTS, check_unique, problems)
    return problems.messages


def change(seeds: Path, table: str, edit: Callable[[Rows], None]) -> None:
    path = seeds / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        columns = list(reader.fieldnames or [])
        rows = list(reader)
    edit(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def put(number: int, **cells: str) -> Callable[[Rows], None]:
    def edit(rows: Rows) -> None:
        rows[number].update(cells)

    return edit


def rule(trap_id: str, name: str, **cells: str) -> Callable[[Rows], None]:
    def edit(rows: Rows) -> None:
        (row,) = [row for row in rows if (row["trap_id"], row["rule"]) == (trap_id, name)]
        row.update(cells)

    return edit


def drop(key: str, value: str) -> Callable[[Rows], None]:
    def edit(rows: Rows) -> None:
        rows[:] = [row for row in rows if row[key] != value]

    return edit


def repeat(rows: Rows) -> None:
    rows.append(dict(rows[0]))


FAULTS: tuple[tuple[str, Callable[[Rows], None], tuple[str, ...]], ...] = (
    ("trap", put(0, trap_id="laziness"), ("trap.csv:2 trap_id: nothing detects 'laziness'",)),
    ("trap", drop("trap_id", "island"), ("trap.csv: no row for island. Add one",)),
    ("trap", put(0, objects="field_note"), ("objects: unknown object 'field_note'",)),
    ("trap", put(0, evidence_zh="{4}"), ("evidence_zh: {4} is no place", "Write {1} to {3}")),
    ("trap", put(0, question_zh=""), ("trap.csv:2 question_zh:",)),
    ("trap", put(1, display_order="10"), ("display_order: 10 already stands in line 2",)),
    ("trap", repeat, ("trap_id: 'contradicted_portrait' already stands in line 2",)),
    ("trap_rule", put(0, trap_id="lazy"), ("trap_rule.csv:2 trap_id: there is no trap 'lazy'",)),
    ("trap_rule", put(0, rule="max_words"), ("rule: contradicted_portrait looks at no rule",)),
    (
        "trap_rule",
        drop("rule", "min_similarity_ratio"),
        ("trap_rule.csv: copied_practice needs min_similarity_ratio. Add a row",),
    ),
    ("trap_rule", put(0, value=""), ("value: a rule has a number", "Write the number")),
    ("trap_rule", put(0, value="-0.1"), ("value: -0.1 is below 0",)),
    ("trap_rule", put(0, value="92"), ("value: 92 is above 1. Write a share of 1",)),
    ("trap_rule", put(0, text_value="labels"), ("text_value: a rule that names", "Empty it")),
    (
        "trap_rule",
        rule("label_gaming", "watched_rule_table", text_value=""),
        ("text_value:", "Write the name"),
    ),
    ("trap_rule", put(0, valid_from="soon"), ("trap_rule.csv:2 valid_from:",)),
    ("trap_rule", put(0, reason=""), ("trap_rule.csv:2 reason:",)),
    ("trap_rule", repeat, ("rule:", "already stands in line 2")),
    ("currency_rate", put(1, currency="usd"), ("currency_rate.csv:3 currency:",)),
    ("currency_rate", put(1, cny_per="0"), ("cny_per: 0 is not above 0",)),
    ("currency_rate", put(0, cny_per="7.1"), ("cny_per: one CNY is one CNY. Write 1",)),
    ("currency_rate", drop("currency", "CNY"), ("currency_rate.csv: no row for 'CNY'",)),
    ("currency_rate", repeat, ("currency: ('CNY', datetime.date(2010, 1, 1)) already stands",)),
    ("business_event_definition", put(0, raised_in="The CRM"), ("raised_in:", "lowercase")),
    ("business_event_definition", put(0, name_zh=""), (":2 name_zh:",)),
    ("business_event_definition", repeat, ("event_name: 'intent_raised' already stands",)),
)


def test_the_projects_own_tables_are_in_order(seeds: Path) -> None:
    assert problems_of(seeds) == []


@pytest.mark.parametrize(
    ("table", "edit", "parts"), FAULTS, ids=[f"{table}-{i}" for i, (table, *_) in enumerate(FAULTS)]
)
def test_fault_is_named(
    seeds: Path, table: str, edit: Callable[[Rows], None], parts: tuple[str, ...]
) -> None:
    change(seeds, table, edit)
    messages = problems_of(seeds)
    assert any(all(part in message for part in parts) for message in messages), messages


def test_a_rate_may_change_and_a_rule_watch_two_tables(seeds: Path) -> None:
    def newer(rows: Rows) -> None:
        rows.append({**rows[1], "cny_per": "6.9", "valid_from": "2026-01-01"})

    def also(rows: Rows) -> None:
        (row,) = [row for row in rows if row["rule"] == "watched_rule_table"]
        rows.append({**row, "text_value": "lead_scores"})

    change(seeds, "currency_rate", newer)
    change(seeds, "trap_rule", also)
    assert problems_of(seeds) == []


def test_every_trap_can_be_judged() -> None:
    assert all({"tolerated_ratio", "window_days", "recent_days"} <= set(r) for r in TRAPS.values())
    assert set(TRAP_THRESHOLDS) <= set(NEEDED_THRESHOLDS)
