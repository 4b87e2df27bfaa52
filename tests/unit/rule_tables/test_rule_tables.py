"""Every check of the rule tables: the project's own tables pass, each kind of fault is named."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dagster_project.mapping.mart_contracts import mart_columns
from dagster_project.rule_tables import RuleTableError, check_rule_tables
from dagster_project.rule_tables.__main__ import main
from dagster_project.settings import REPO_ROOT

MARTS = REPO_ROOT / "dbt" / "models" / "marts"
Rows = list[dict[str, str]]
Change = Callable[[Rows], None]


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return Path(shutil.copytree(REPO_ROOT / "seeds", tmp_path / "seeds"))


def _change(seeds: Path, table: str, change: Change) -> None:
    path = seeds / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        columns = list(reader.fieldnames or [])
        rows = list(reader)
    change(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _problems(seeds: Path) -> list[str]:
    with pytest.raises(RuleTableError) as error:
        check_rule_tables(seeds, MARTS)
    return str(error.value).splitlines()


def _set(key: str, value: str, /, **changes: str) -> Change:
    """Change cells of the one row whose ``key`` has ``value``."""

    def change(rows: Rows) -> None:
        found = [row for row in rows if row[key] == value]
        assert len(found) == 1
        found[0].update(changes)

    return change


def _repeat(key: str, value: str) -> Change:
    def change(rows: Rows) -> None:
        rows.append(dict(next(row for row in rows if row[key] == value)))

    return change


def _drop(key: str, value: str) -> Change:
    def change(rows: Rows) -> None:
        rows[:] = [row for row in rows if row[key] != value]

    return change


def test_the_projects_own_rule_tables_are_in_order(seeds: Path) -> None:
    check_rule_tables(seeds, MARTS)
    assert main() == 0


def test_marts_state_type_of_every_column() -> None:
    columns = mart_columns(MARTS)
    assert columns["mart_opportunity"]["is_won"] == "boolean"
    assert columns["mart_order_line"]["net_amount"] == "double"
    assert set(columns) == {path.stem for path in MARTS.rglob("mart_*.sql")}


METRIC = "metric_catalogue"
WIN = ("metric_id", "win_rate_of_closed")
WON = ("metric_id", "won_amount")
FAULTS: dict[str, tuple[str, Change, tuple[str, ...]]] = {
    "unknown mart": (
        METRIC,
        _set(*WIN, mart="mart_opportunities"),
        ("metric_catalogue.csv:3 mart:", "Did you mean 'mart_opportunity'"),
    ),
    "unknown column": (
        METRIC,
        _set(*WIN, numerator="is_wonn"),
        (":3 numerator: mart_opportunity has no column 'is_wonn'", "Did you mean 'is_won'"),
    ),
    "unknown filter": (
        METRIC,
        _set(*WON, row_filter="not won"),
        (":2 row_filter: mart_opportunity has no column 'won'",),
    ),
    "filter that is no boolean": (
        METRIC,
        _set(*WON, row_filter="amount"),
        (":2 row_filter: mart_opportunity.amount is double, but boolean is needed",),
    ),
    "filter that is SQL": (
        METRIC,
        _set(*WON, row_filter="amount > 3"),
        (":2 row_filter:", "write the name of a boolean column"),
    ),
    "sum of text": (
        METRIC,
        _set(*WON, numerator="rep_name"),
        (":2 numerator: mart_opportunity.rep_name is string, but bigint or double is needed",),
    ),
    "sum without column": (
        METRIC,
        _set(*WON, numerator=""),
        (":2 numerator: sum needs a column of mart_opportunity",),
    ),
    "ratio without denominator": (
        METRIC,
        _set(*WIN, denominator=""),
        (":3 denominator: a ratio, and only a ratio", "Name a column"),
    ),
    "sum with denominator": (
        METRIC,
        _set(*WON, denominator="is_closed"),
        (":2 denominator: a ratio, and only a ratio", "Empty it"),
    ),
    "ratio in another unit": (METRIC, _set(*WIN, unit="count"), (":3 unit: the unit 'ratio'",)),
    "amount without currency": (
        METRIC,
        _set("metric_id", "web_bytes", unit="currency"),
        ("unit: mart_web_day has no column currency",),
    ),
    "unknown aggregation": (
        METRIC,
        _set(*WON, aggregation="average"),
        (":2 aggregation:", "'median'", "(got 'average')"),
    ),
    "unknown direction": (METRIC, _set(*WON, direction="upwards"), (":2 direction:", "'down'")),
    "no Chinese name": (METRIC, _set(*WON, name_zh=""), (":2 name_zh:",)),
    "target that is no number": (METRIC, _set(*WON, target="much"), (":2 target:", "'much'")),
    "unknown object": (
        METRIC,
        _set(*WON, objects="opportunity|opportunty"),
        (":2 objects: unknown object 'opportunty'", "Did you mean 'opportunity'"),
    ),
    "metric twice": (METRIC, _repeat(*WON), ("metric_id: 'won_amount' already stands in line 2",)),
    "threshold twice": (
        "thresholds",
        _repeat("threshold_id", "small_sample_rows"),
        ("threshold_id:", "already stands in line"),
    ),
    "threshold that models need": (
        "thresholds",
        _drop("threshold_id", "freshness_warn_daily"),
        ("no row for 'freshness_warn_daily' in hours",),
    ),
    "threshold without reason": (
        "thresholds",
        _set("threshold_id", "small_sample_rows", reason=""),
        ("reason:",),
    ),
    "threshold from no day": (
        "thresholds",
        _set("threshold_id", "small_sample_rows", valid_from="January"),
        ("valid_from:", "'January'"),
    ),
    "threshold below zero": (
        "thresholds",
        _set("threshold_id", "small_sample_rows", value="-1"),
        ("value: -1 is below 0",),
    ),
    "error before warning": (
        "thresholds",
        _set("threshold_id", "freshness_error_hourly", value="5"),
        ("value: 5 hours do not come after the warning in line 2",),
    ),
    "cycle that starts nowhere": (
        "thresholds",
        _set("threshold_id", "cycle_start_stage_order", value="5"),
        ("value: 5 is no stage_order of an open stage", "Use one of: 1, 2, 3, 4"),
    ),
    "two stages in one place": (
        "funnel_stage",
        _set("funnel_stage", "proposal", stage_order="2"),
        ("funnel_stage.csv:4 stage_order: 2 already stands in line 3",),
    ),
    "won but open": (
        "funnel_stage",
        _set("funnel_stage", "won", is_closed="false"),
        (":6 is_won: a won stage is closed",),
    ),
    "closed before open": (
        "funnel_stage",
        _set("funnel_stage", "lost", stage_order="0"),
        (":7 stage_order: a closed stage comes after all open ones. Write more than 4",),
    ),
    "no lost stage": ("funnel_stage", _drop("funnel_stage", "lost"), ("no lost stage",)),
    "stage order that is no number": (
        "funnel_stage",
        _set("funnel_stage", "won", stage_order="last"),
        (":6 stage_order:", "'last'"),
    ),
    "code twice": (
        "canonical_codes",
        _repeat("code", "medical_devices"),
        ("code: ('industry', 'medical_devices') already stands in line 2",),
    ),
    "outcome twice": (
        "worklist_outcome",
        _repeat("outcome", "quoted"),
        ("worklist_outcome.csv:8 outcome: 'quoted' already stands in line 4",),
    ),
    "outcome that may or may not be the end": (
        "worklist_outcome",
        _set("outcome", "quoted", is_finished="perhaps"),
        ("worklist_outcome.csv:4 is_finished:", "'perhaps'"),
    ),
    "code that is no name": (
        "canonical_codes",
        _set("code", "medical_devices", code="Medical devices"),
        ("canonical_codes.csv:2 code:", "lowercase letters"),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named_with_place_and_remedy(seeds: Path, fault: str) -> None:
    table, change, expected = FAULTS[fault]
    _change(seeds, table, change)
    problems = _problems(seeds)
    matching = [line for line in problems if all(part in line for part in expected)]
    assert matching, problems
    assert all(line.startswith("seeds/") for line in problems)


def test_all_problems_are_told_at_once(seeds: Path) -> None:
    _change(seeds, METRIC, _set(*WON, mart="mart_x"))
    _change(seeds, "thresholds", _set("threshold_id", "small_sample_rows", value="-1"))
    text = "\n".join(_problems(seeds))
    assert "there is no mart 'mart_x'" in text
    assert "-1 is below 0" in text


def test_a_missing_table_and_a_missing_column_are_named(seeds: Path) -> None:
    (seeds / "funnel_stage.csv").unlink()
    lines = (seeds / "thresholds.csv").read_text(encoding="utf-8").splitlines()
    cut = [line.split(",", 1)[1] for line in lines]
    (seeds / "thresholds.csv").write_text("\n".join(cut), encoding="utf-8")
    problems = "\n".join(_problems(seeds))
    assert "funnel_stage.csv: the file is missing" in problems
    assert "thresholds.csv:1 columns are value,unit,valid_from,reason" in problems


def test_the_command_tells_problems_and_fails(
    seeds: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _change(seeds, METRIC, _set(*WON, mart="mart_x"))
    monkeypatch.setenv("SMH_SEEDS", str(seeds))
    assert main() == 1
    assert "metric_catalogue.csv:2 mart: there is no mart 'mart_x'" in capsys.readouterr().err
