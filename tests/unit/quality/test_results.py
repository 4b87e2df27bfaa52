from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from dagster_project.publishing import HoldBackReason, PublishingError
from dagster_project.publishing.operations_tables import CHECK_RESULT_SCHEMA
from dagster_project.quality import (
    CheckResult,
    dbt_check_results,
    ensure_check_results,
    gate,
    not_run_results,
    write_check_results,
)
from dagster_project.quality.__main__ import main
from dagster_project.settings import Settings
from tests.unit.publishing import sample_home
from tests.unit.quality import sample_quality_home
from tests.unit.quality.sample_quality_home import NOW

RESULT = CheckResult(
    run_id="run-1",
    checked_at=NOW,
    checker="great_expectations",
    layer="mart",
    check_id="mart_lead__key_unique",
    table_name="mart_lead",
    column_name="lead_id",
    severity="error",
    status="failed",
    count_failed=2,
    detail="2 / 5",
    description_en="Every lead stands once",
    description_zh="每条线索只出现一次",
)


@pytest.mark.parametrize(
    ("severity", "status", "is_open"),
    [
        ("error", "failed", False),
        ("warn", "failed", True),
        ("error", "passed", True),
        ("error", "not_run", True),
    ],
)
def test_only_a_failed_error_closes_the_gate(severity: str, status: str, is_open: bool) -> None:
    decision = gate([replace(RESULT, severity=severity, status=status)])
    assert decision.is_open is is_open
    assert decision.reasons == (
        ()
        if is_open
        else (
            HoldBackReason(
                "Every lead stands once", "每条线索只出现一次", "mart_lead", "2 / 5", "2 / 5"
            ),
        )
    )


def _stored(settings: Settings) -> list[dict[str, Any]]:
    table = pq.read_table(settings.operations / "check_results")
    assert table.schema.equals(CHECK_RESULT_SCHEMA)
    return sorted(table.to_pylist(), key=lambda row: (row["run_id"], row["layer"], row["check_id"]))


def test_results_are_stored_once_per_run_however_often_a_step_runs(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    ensure_check_results(settings)
    assert _stored(settings) == []
    landed = replace(RESULT, layer="landed")
    write_check_results(settings, [RESULT, landed], "run-1", NOW)
    passed = replace(RESULT, status="passed", count_failed=0)
    write_check_results(settings, [passed], "run-1", NOW + timedelta(minutes=1))
    write_check_results(settings, [RESULT], "run-2", NOW)
    assert [(row["run_id"], row["layer"], row["status"]) for row in _stored(settings)] == [
        ("run-1", "landed", "failed"),
        ("run-1", "mart", "passed"),
        ("run-2", "mart", "failed"),
    ]
    assert _stored(settings)[0]["checked_at"] == NOW.replace(tzinfo=None)


def _dbt_home(home: Path, results: list[dict[str, Any]]) -> Settings:
    settings = Settings(home=home)
    described = sample_home.data_test(
        "assert_amounts",
        "model.smh.fct_lead",
        severity="warn",
        config={
            "severity": "warn",
            "meta": {"description_en": "Amounts are whole", "description_zh": "金额完整"},
        },
        test_metadata=None,
    )
    of_rules = sample_home.data_test("unique_thresholds", "seed.smh.thresholds")
    not_null = sample_home.data_test(
        "not_null_stg_lead_id",
        "model.smh.stg_crm__leads",
        column_name="lead_id",
        test_metadata={"name": "not_null", "kwargs": {}},
    )
    sample_home.write_manifest(
        settings, [*sample_home.standard_nodes(), described, of_rules, not_null]
    )
    record = {"metadata": {"generated_at": "2026-07-01T06:00:00.5Z"}, "results": results}
    (settings.dbt_artifacts / "run_results.json").write_text(json.dumps(record), encoding="utf-8")
    return settings


def _outcome(
    unique_id: str, status: str, failures: int | None, message: str = ""
) -> dict[str, Any]:
    return {"unique_id": unique_id, "status": status, "failures": failures, "message": message}


UNIQUE = "test.smh.unique_mart_lead_lead_id.abc"
AMOUNTS = "test.smh.assert_amounts.abc"
NOT_NULL = "test.smh.not_null_stg_lead_id.abc"


def test_dbt_tests_become_results(tmp_path: Path) -> None:
    settings = _dbt_home(
        tmp_path,
        [
            _outcome(UNIQUE, "fail", 3, "Got 3 results, configured to fail if != 0"),
            _outcome(AMOUNTS, "warn", 2, "Got 2 results, configured to warn if != 0"),
            _outcome(NOT_NULL, "pass", 0),
            _outcome("model.smh.mart_lead", "success", None),
        ],
    )
    results = {result.check_id: result for result in dbt_check_results(settings, "run-1", NOW)}
    assert set(results) == {"unique_mart_lead_lead_id", "assert_amounts", "not_null_stg_lead_id"}
    assert results["unique_mart_lead_lead_id"] == CheckResult(
        run_id="run-1",
        checked_at=NOW,
        checker="dbt",
        layer="mart",
        check_id="unique_mart_lead_lead_id",
        table_name="mart_lead",
        column_name="lead_id",
        severity="error",
        status="failed",
        count_failed=3,
        detail="Got 3 results, configured to fail if != 0",
        description_en="Every lead_id occurs once",
        description_zh="lead_id 不重复",
        detail_zh="3 行不符",
    )
    amounts = results["assert_amounts"]
    assert (amounts.severity, amounts.status, amounts.count_failed) == ("warn", "failed", 2)
    assert (amounts.layer, amounts.table_name) == ("core", "fct_lead")
    assert (amounts.description_en, amounts.description_zh) == ("Amounts are whole", "金额完整")
    passed = results["not_null_stg_lead_id"]
    assert (passed.layer, passed.status, passed.count_failed) == ("staging", "passed", 0)
    assert not gate(results.values()).is_open


def test_texts_of_dbt_tests_come_in_both_languages(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    mart = "model.smh.mart_lead"
    kinds: dict[str, dict[str, Any]] = {
        "unique_together_mart_lead": {
            "test_metadata": {"name": "unique_together", "kwargs": {"columns": ["a", "b"]}}
        },
        "assert_described": {"test_metadata": None, "description": "Rows add up.\n\n行数相符。"},
        "assert_named_only": {
            "test_metadata": None,
            "attached_node": None,
            "depends_on": {"nodes": ["model.smh.fct_lead", mart, "seed.smh.thresholds"]},
        },
    }
    sample_home.write_manifest(
        settings,
        [
            *sample_home.standard_nodes(),
            *(sample_home.data_test(name, mart, **more) for name, more in kinds.items()),
        ],
    )
    results = {result.check_id: result for result in dbt_check_results(settings, "run-1", NOW)}
    texts = {name: (results[name].description_en, results[name].description_zh) for name in kinds}
    assert texts == {
        "unique_together_mart_lead": ("a, b together occur once", "a, b 的组合不重复"),
        "assert_described": ("Rows add up.", "行数相符。"),
        "assert_named_only": ("assert named only", "dbt 检验：assert named only"),
    }
    assert results["assert_named_only"].table_name == "mart_lead"


def test_a_model_that_fails_closes_the_gate_and_what_follows_is_not_run(tmp_path: Path) -> None:
    settings = _dbt_home(
        tmp_path,
        [
            _outcome("model.smh.fct_lead", "error", None, "Runtime Error: no such column"),
            _outcome("model.smh.mart_lead", "skipped", None),
            _outcome(UNIQUE, "skipped", None),
            _outcome(NOT_NULL, "pass", 0),
        ],
    )
    results = dbt_check_results(settings, "run-1", NOW)
    assert {(r.check_id, r.table_name, r.status) for r in results} == {
        ("unique_mart_lead_lead_id", "mart_lead", "not_run"),
        ("assert_amounts", "fct_lead", "not_run"),
        ("not_null_stg_lead_id", "stg_crm__leads", "passed"),
        ("model_builds", "fct_lead", "failed"),
    }
    (reason,) = gate(results).reasons
    assert (reason.table, reason.detail) == ("fct_lead", "Runtime Error: no such column")


def test_a_test_that_could_not_run_has_failed_as_an_error(tmp_path: Path) -> None:
    settings = _dbt_home(tmp_path, [_outcome(AMOUNTS, "error", None, "Binder Error")])
    (failed,) = [r for r in dbt_check_results(settings, "r", NOW) if r.status == "failed"]
    assert (failed.check_id, failed.severity, failed.count_failed) == (
        "assert_amounts",
        "error",
        None,
    )


def test_a_test_of_a_rule_table_counts_only_where_it_was_run(tmp_path: Path) -> None:
    of_rules = "test.smh.unique_thresholds.abc"
    settings = _dbt_home(tmp_path, [_outcome(UNIQUE, "pass", 0)])
    assert "unique_thresholds" not in {
        result.check_id for result in dbt_check_results(settings, "r", NOW)
    }
    settings = _dbt_home(tmp_path, [_outcome(of_rules, "fail", 2)])
    (failed,) = [r for r in dbt_check_results(settings, "r", NOW) if r.status == "failed"]
    assert (failed.check_id, failed.table_name) == ("unique_thresholds", "thresholds")


def test_results_of_an_earlier_build_are_not_this_runs(tmp_path: Path) -> None:
    settings = _dbt_home(tmp_path, [_outcome(UNIQUE, "pass", 0)])
    built_at = NOW.replace(hour=6, minute=0)
    now = dbt_check_results(settings, "run-1", NOW, since=built_at)
    later = dbt_check_results(settings, "run-1", NOW, since=built_at + timedelta(seconds=1))
    assert [result.status for result in now].count("passed") == 1
    assert {result.status for result in later} == {"not_run"}


def test_without_dbt_there_is_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(PublishingError, match=r"dbt has not run\. Run `make run` first"):
        dbt_check_results(Settings(home=tmp_path), "run-1", NOW)


def test_not_run_names_the_reason_in_both_languages(tmp_path: Path) -> None:
    settings = sample_quality_home.build(tmp_path / "home")
    results = not_run_results(settings, "mart", "run-1", NOW, "dbt failed.", "dbt 失败。")
    assert len(results) > 40
    assert {(r.status, r.detail, r.detail_zh) for r in results} == {
        ("not_run", "dbt failed.", "dbt 失败。")
    }
    assert gate(results).is_open


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--layer", "mart"], Settings(home=tmp_path / "none")) == 2
    assert "dbt has not run" in capsys.readouterr().err
    clean = sample_quality_home.build(tmp_path / "clean")
    assert main(["--layer", "mart", "--table", "mart_lead"], clean) == 0
    assert "8 passed, 0 failed, 0 not run. Nothing stops publishing." in capsys.readouterr().out
    bad = sample_quality_home.spoiled(
        clean,
        tmp_path / "bad",
        "update mart_lead set response_minutes = -1, period_date = date '2027-01-01'",
    )
    assert main(["--layer", "mart", "--table", "mart_lead"], bad) == 1
    output = capsys.readouterr().out
    assert "failed  error mart_lead: No response time is negative / 响应时长不为负" in output
    assert "failed  warn  mart_lead: No lead is later than the reporting day" in output
    assert "6 passed, 2 failed, 0 not run. Next: correct" in output
