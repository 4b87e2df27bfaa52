"""Rule tables of the relationship graph: each fault is named with its place and a remedy."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from dagster_project.mapping.rows import RuleProblems
from dagster_project.rule_tables.checks import NEEDED_THRESHOLDS, check_unique
from dagster_project.rule_tables.graph import MOST_STEPS, check_graph
from dagster_project.rule_tables.graph import NEEDED_THRESHOLDS as GRAPH_THRESHOLDS
from dagster_project.settings import REPO_ROOT

PATHS = REPO_ROOT / "dbt" / "models" / "intermediate" / "graph" / "int_graph__paths.sql"
EDGE, STEPS = "graph_edge_rule", "graph_propagation"

# Table, row, what is changed → what the message says.
FAULTS: dict[str, tuple[str, str, dict[str, str], str]] = {
    "unknown kind": (EDGE, "referral", {"edge_type": "referal"}, "edge_type:"),
    "no acts": (EDGE, "share", {"min_events": "0"}, "min_events: 0 is below 1"),
    "no strength": (EDGE, "share", {"strength_ratio": "0"}, "strength_ratio: 0 is not above 0"),
    "too strong": (EDGE, "share", {"strength_ratio": "1.5"}, "strength_ratio: 1.5 is not above"),
    "acts of nobody": (EDGE, "supplier", {"counted_per": "person"}, "names no person who acted"),
    "events without a limit": (
        EDGE,
        "co_attendance",
        {"max_group_size": ""},
        "max_group_size: co_attendance needs it",
    ),
    "limit of another kind": (
        EDGE,
        "referral",
        {"max_group_size": "9"},
        "max_group_size: referral does not look at it",
    ),
    "one-sided meeting": (EDGE, "co_attendance", {"is_mutual": "false"}, "who meets is met"),
    "claimed meeting": (EDGE, "co_attendance", {"is_claim": "true"}, "in one room claims nothing"),
    "name in one language": (EDGE, "share", {"name_zh": ""}, "name_zh:"),
    "too many steps": (STEPS, "1", {"max_steps": str(MOST_STEPS + 1)}, "max_steps: 4 is not 1"),
    "undamped": (STEPS, "1", {"damping_ratio": "1"}, "damping_ratio: 1 is not between 0 and 1"),
    "no floor": (STEPS, "1", {"floor_ratio": "0"}, "floor_ratio: 0 is not between 0 and 1"),
    "nobody passes on": (STEPS, "1", {"max_pass_on_accounts": "0"}, "max_pass_on_accounts: below"),
    "no saturation": (STEPS, "1", {"saturation_accounts": "0"}, "saturation_accounts: write how"),
}


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    for table in (EDGE, STEPS):
        shutil.copy(REPO_ROOT / "seeds" / f"{table}.csv", tmp_path)
    return tmp_path


def rows_of(seeds: Path, table: str) -> list[dict[str, str]]:
    with (seeds / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(seeds: Path, table: str, rows: list[dict[str, str]]) -> None:
    with (seeds / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def problems(seeds: Path) -> list[str]:
    found = RuleProblems()
    check_graph(seeds, check_unique, found)
    return found.messages


def test_the_projects_own_rows_are_in_order(seeds: Path) -> None:
    assert problems(seeds) == []
    assert set(GRAPH_THRESHOLDS) <= set(NEEDED_THRESHOLDS)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named_with_place_and_remedy(seeds: Path, fault: str) -> None:
    table, value, changes, expected = FAULTS[fault]
    rows = rows_of(seeds, table)
    (found,) = [row for row in rows if row.get("edge_type", row["version"]) == value]
    line = rows.index(found) + 2
    found.update(changes)
    write(seeds, table, rows)
    told = problems(seeds)
    assert [text for text in told if f"{table}.csv:{line} " in text and expected in text], told


def test_every_kind_of_edge_has_a_row(seeds: Path) -> None:
    write(seeds, EDGE, [row for row in rows_of(seeds, EDGE) if row["edge_type"] != "supplier"])
    assert [text for text in problems(seeds) if "no row for supplier" in text]


def test_more_acts_may_be_worth_more_but_never_less(seeds: Path) -> None:
    rows = rows_of(seeds, EDGE)
    share = next(row for row in rows if row["edge_type"] == "share")
    write(seeds, EDGE, [*rows, {**share, "min_events": "10", "strength_ratio": "0.7"}])
    assert problems(seeds) == []
    write(seeds, EDGE, [*rows, {**share, "min_events": "10", "strength_ratio": "0.4"}])
    assert any("10 acts are worth less than 3" in text for text in problems(seeds))
    write(seeds, EDGE, [*rows, {**share, "min_events": "10", "counted_per": "edge"}])
    assert any("counted_per: differs from line" in text for text in problems(seeds))


@pytest.mark.parametrize("table", [EDGE, STEPS])
def test_a_version_may_not_begin_before_the_one_it_follows(seeds: Path, table: str) -> None:
    rows = rows_of(seeds, table)
    write(seeds, table, [*rows, {**rows[0], "version": "2", "valid_from": "2009-12-31"}])
    assert any("begins before version 1" in text for text in problems(seeds))
    write(seeds, table, [*rows, {**rows[0], "version": "2", "valid_from": "2026-01-01"}])
    assert problems(seeds) == []


def test_the_model_walks_as_many_steps_as_rows_may_ask_for() -> None:
    sql = PATHS.read_text(encoding="utf-8")
    assert f"for step in {list(range(2, MOST_STEPS + 1))}" in sql
