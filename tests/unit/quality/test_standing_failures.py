"""What failed in a run of everything still stands for a run that repeats a part of the checks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dagster_project.quality import (
    CheckResult,
    broken_step,
    standing_failures,
    write_check_results,
)
from dagster_project.settings import Settings
from tests.unit.quality.sample_quality_home import NOW

PUBLISHED = NOW - timedelta(minutes=30)
JOB = "refresh_web"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def result(table: str, status: str, **more: object) -> CheckResult:
    made = CheckResult(
        run_id="",
        checked_at=NOW,
        checker="great_expectations",
        layer="mart",
        check_id="key_unique",
        table_name=table,
        column_name=None,
        severity="error",
        status=status,
        count_failed=None,
        detail="2 / 5",
        description_en="Every key stands once",
        description_zh="键不重复",
    )
    return replace(made, **more)  # type: ignore[arg-type]


def write(settings: Settings, run_id: str, at: datetime, *results: CheckResult) -> None:
    write_check_results(settings, results, run_id, at)


def standing(settings: Settings) -> list[str]:
    return [reason.table for reason in standing_failures(settings, "part", JOB, PUBLISHED)]


def test_only_failed_errors_stand(settings: Settings) -> None:
    write(
        settings,
        "whole",
        NOW,
        result("mart_lead", "failed"),
        result("mart_order", "failed", severity="warn"),
        result("mart_quote", "passed"),
        result("mart_absent", "not_run"),
    )
    (reason,) = standing_failures(settings, "part", JOB, PUBLISHED)
    assert (reason.table, reason.check_zh, reason.detail) == ("mart_lead", "键不重复", "2 / 5")


def test_a_test_that_dbt_did_not_reach_stands(settings: Settings) -> None:
    write(settings, "whole", NOW, result("mart_lead", "not_run", checker="dbt"))
    assert standing(settings) == ["mart_lead"]


def test_what_failed_before_the_last_publishing_is_over(settings: Settings) -> None:
    write(settings, "older", PUBLISHED - timedelta(minutes=1), result("mart_lead", "failed"))
    assert standing(settings) == []


def test_the_latest_result_counts(settings: Settings) -> None:
    write(settings, "whole", NOW, result("mart_lead", "failed"))
    write(settings, "next", NOW + timedelta(minutes=1), result("mart_lead", "passed"))
    assert standing(settings) == []


def test_this_run_judges_its_own_checks_itself(settings: Settings) -> None:
    write(settings, "whole", NOW, result("mart_lead", "failed"), result("mart_order", "failed"))
    write(settings, "part", NOW - timedelta(minutes=5), result("mart_lead", "passed"))
    assert standing(settings) == ["mart_order"]


def test_a_model_that_builds_again_no_longer_stands(settings: Settings) -> None:
    failed = result("fct_lead", "failed", checker="dbt", check_id="model_builds")
    skipped = result("fct_lead", "not_run", checker="dbt", check_id="test_a")
    write(settings, "whole", NOW, failed, skipped)
    assert standing(settings) == ["fct_lead", "fct_lead"]
    passed = result("fct_lead", "passed", checker="dbt", check_id="test_a")
    write(settings, "part", NOW + timedelta(minutes=1), passed)
    assert standing(settings) == []


def test_a_step_of_another_job_that_broke_down_stands(settings: Settings) -> None:
    write(
        settings,
        "whole",
        NOW,
        broken_step("whole", "refresh", "check_mart_tables", "killed", NOW),
    )
    write(settings, "mine", NOW, broken_step("mine", JOB, "dbt_build", "killed", NOW))
    assert standing(settings) == ["refresh"]
