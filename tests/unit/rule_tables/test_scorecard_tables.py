"""Rule tables of scorecard, roadmap and backtest: each fault is named with place and remedy."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from dagster_project.mapping.rows import RuleProblems, read_rule_rows
from dagster_project.rule_tables.checks import NEEDED_THRESHOLDS, check_unique
from dagster_project.rule_tables.scorecard import NEEDED_THRESHOLDS as OWN_THRESHOLDS
from dagster_project.rule_tables.scorecard import check_scorecard
from dagster_project.rule_tables.tables import MetricRow
from dagster_project.settings import REPO_ROOT

CAPTURE = ("scorecard_metric", "metric_id", "automatic_capture_ratio")
TEAMS = ("scorecard_metric", "metric_id", "team_formation_hours_median")
VALUE = ("scorecard_metric", "metric_id", "customer_lifetime_value_mean")
EXIT = ("roadmap_criterion", "criterion_id", "weave_systems_exit_capture")
FAMILY = ("roadmap_criterion", "criterion_id", "self_rule_exit_family")
INTENT = ("score_backtest", "score_id", "intent")

# What is changed → what the message says.
FAULTS: dict[str, tuple[tuple[str, str, str], dict[str, str], tuple[str, ...]]] = {
    "metric of no catalogue": (
        CAPTURE,
        {"metric_id": "automatic_capture"},
        ("scorecard_metric.csv:4 metric_id:", "Did you mean 'automatic_capture_ratio'"),
    ),
    "no weight": (CAPTURE, {"weight": "0"}, ("weight: a weight is above 0",)),
    "unknown family": (CAPTURE, {"family": "technic"}, ("family:", "'technical'")),
    "no base": (CAPTURE, {"base": ""}, ("base: base_to_target needs the value",)),
    "no way to the target": (CAPTURE, {"base": "0.962"}, ("no way from 0.962 to itself",)),
    "share of a target of zero": (
        CAPTURE,
        {"scale": "share_of_target", "base": "", "target": "0"},
        ("target: a value has no share of 0", "base_to_target"),
    ),
    "base of a share": (CAPTURE, {"scale": "share_of_target"}, ("base: share_of_target has no",)),
    "logarithm of zero": (TEAMS, {"target": "0"}, ("scale: logarithmic needs base and target",)),
    "no week looked back on": (CAPTURE, {"smoothing_weeks": "0"}, ("smoothing_weeks:", "1 week")),
    "silence of no week": (CAPTURE, {"silent_weeks": "0"}, ("silent_weeks:", "nothing for never")),
    "amount without currency": (VALUE, {"currency": ""}, ("currency: an amount needs",)),
    "currency of no amount": (CAPTURE, {"currency": "CNY"}, ("currency:", "is no amount")),
    "criterion of no step": (EXIT, {"step_id": "weave"}, ("step_id: no step 'weave'",)),
    "criterion of no metric": (
        EXIT,
        {"metric_id": "automatic_captures"},
        ("neither a metric of the scorecard nor a family", "'automatic_capture_ratio'"),
    ),
    "value of a family": (FAMILY, {"measure": "value"}, ("attainment_points only",)),
    "points above a hundred": (FAMILY, {"limit_value": "120"}, ("0 to 100 points",)),
    "no duration": (EXIT, {"duration_weeks": "0"}, ("duration_weeks:", "1 week at least")),
    "step without exit": (
        ("roadmap_criterion", "criterion_id", "painful_scene_exit_response"),
        {"criterion_kind": "entry"},
        ("roadmap_step.csv:2 step_id: no exit criterion",),
    ),
    "horizon of no day": (INTENT, {"horizon_days": "0"}, ("horizon_days: 0 is below 1",)),
    "outcome of another score": (
        INTENT,
        {"outcome": "commercial_gain"},
        ("commercial_gain is the outcome of health",),
    ),
}


def problems_of(seeds: Path) -> list[str]:
    problems = RuleProblems()
    metrics = read_rule_rows(seeds / "metric_catalogue.csv", MetricRow, problems)
    check_scorecard(seeds, metrics, check_unique, problems)
    return problems.messages


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return Path(shutil.copytree(REPO_ROOT / "seeds", tmp_path / "seeds"))


def edit(seeds: Path, place: tuple[str, str, str], changes: dict[str, str]) -> None:
    table, key, value = place
    path = seeds / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        columns = list(reader.fieldnames or [])
        rows = list(reader)
    (row,) = (row for row in rows if row[key] == value)
    assert row != {**row, **changes}, "the fault changes nothing"
    row.update(changes)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def test_the_projects_own_tables_pass() -> None:
    assert problems_of(REPO_ROOT / "seeds") == []


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named(seeds: Path, fault: str) -> None:
    place, changes, expected = FAULTS[fault]
    edit(seeds, place, changes)
    messages = "\n".join(problems_of(seeds))
    assert all(part in messages for part in expected), messages


def test_a_later_version_begins_later(seeds: Path) -> None:
    with (seeds / "scorecard_metric.csv").open("a", encoding="utf-8") as file:
        file.write("automatic_capture_ratio,2,technical,1,base_to_target,0,1,,,4,3,,2019-01-01,r\n")
    (message,) = problems_of(seeds)
    assert "version 2 begins before version 1 in line 4" in message


def test_thresholds_of_the_models_are_asked_for() -> None:
    assert set(OWN_THRESHOLDS) <= set(NEEDED_THRESHOLDS)
