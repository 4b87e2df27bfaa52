"""Rule tables of the relationship indices: each fault is named with place and remedy."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from dagster_project.mapping.rows import RuleProblems, read_rule_rows
from dagster_project.rule_tables.checks import NEEDED_THRESHOLDS, check_unique
from dagster_project.rule_tables.relationship import NEEDED_THRESHOLDS as RELATIONSHIP_THRESHOLDS
from dagster_project.rule_tables.relationship import check_relationship
from dagster_project.rule_tables.tables import CanonicalCodeRow
from dagster_project.settings import REPO_ROOT

# (table, key column, its value, changes, what is told)
FAULTS: dict[str, tuple[str, str, str, dict[str, str], str]] = {
    "nothing halves": ("parameter", "parameter_id", "half_life_days", {"value": "0"}, "above 0"),
    "segment of a limit": (
        "parameter", "parameter_id", "depth_limit_points", {"segment": "saas"}, "Empty the segment",
    ),
    "unknown segment": ("parameter", "segment", "saas", {"segment": "sass"}, "'sass'"),
    "late first day": (
        "parameter", "parameter_id", "half_life_days", {"valid_from": "2026-01-01"},
        "Add a row valid from 2010-01-01",
    ),
    "given up before silent": (
        "parameter", "parameter_id", "source_retired_days", {"value": "14"}, "Write more",
    ),
    "no parameter": (
        "parameter", "parameter_id", "half_life_days", {"parameter_id": "half"}, "half",
    ),
    "negative weight": ("channel", "channel", "call", {"weight": "-1"}, "0 or more"),
    "unknown field": ("channel", "channel", "call", {"needs_field": "fax"}, "needs_field"),
    "no share": ("topic", "topic", "security", {"overlap_ratio": "70"}, "Write 0 to 1"),
    "unknown industry": ("topic", "industry", "saas", {"industry": "sas"}, "'sas'"),
    "no step": ("factor", "factor_id", "coverage", {"step_value": "0"}, "more than 0"),
    "wrong index": ("factor", "factor_id", "levels", {"index_id": "depth"}, "Write breadth"),
    "falling by what": ("priority", "condition_id", "falling", {"limit_value": ""}, "how many"),
    "no weight": ("priority", "condition_id", "wide", {"weight": "0"}, "more than 0"),
}  # fmt: skip


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    folder = tmp_path / "seeds"
    shutil.copytree(REPO_ROOT / "seeds", folder)
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def problems(seeds: Path) -> list[str]:
    found = RuleProblems()
    codes = read_rule_rows(seeds / "canonical_codes.csv", CanonicalCodeRow, found)
    check_relationship(seeds, codes, check_unique, found)
    return found.messages


def test_the_projects_own_rows_are_in_order(seeds: Path) -> None:
    assert problems(seeds) == []
    assert set(RELATIONSHIP_THRESHOLDS) <= set(NEEDED_THRESHOLDS)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named_with_place_and_remedy(seeds: Path, fault: str) -> None:
    table, key, value, changes, expected = FAULTS[fault]
    path = seeds / f"relationship_{table}.csv"
    rows = rows_of(path)
    found = next(row for row in rows if row[key] == value)
    line = rows.index(found) + 2
    found.update(changes)
    write(path, rows)
    told = problems(seeds)
    assert [text for text in told if f"{path.name}:{line} " in text and expected in text], told


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("relationship_parameter", "parameter_id", "coverage_window_days"),
        ("relationship_channel", "channel", "meeting"),
        ("relationship_channel", "channel", "other"),
        ("relationship_factor", "factor_id", "relevance"),
        ("journey_play", "quadrant", "shallow_wide"),
    ],
)
def test_what_the_models_need_has_a_row(seeds: Path, table: str, key: str, value: str) -> None:
    path = seeds / f"{table}.csv"
    write(path, [row for row in rows_of(path) if row[key] != value])
    assert [text for text in problems(seeds) if f"no row for {value}" in text]


def test_two_rows_of_one_day_are_refused(seeds: Path) -> None:
    for path in (*seeds.glob("relationship_*.csv"), seeds / "journey_play.csv"):
        rows = rows_of(path)
        write(path, [*rows, rows[0]])
        assert [text for text in problems(seeds) if f"{path.name}:{len(rows) + 2} " in text], path
        write(path, rows)
