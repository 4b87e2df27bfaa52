"""dbt's own tests as check results: what the last build said about every test of the project."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from dagster_project.publishing.dbt_artifacts import (
    Project,
    RunResult,
    TestNode,
    read_project,
    read_run_results,
)
from dagster_project.quality.results import CheckResult
from dagster_project.settings import Settings

_LAYERS = {
    "landed": "landed",
    "rule": "rule",
    "staging": "staging",
    "canonical": "staging",
    "intermediate": "core",
    "core": "core",
    "mart": "mart",
}

# What the generic tests of the project promise when the author wrote no description.
_PROMISES = {
    "primary_key": ("Every row has a {column} of its own", "每行都有唯一的 {column}"),
    "unique": ("Every {column} occurs once", "{column} 不重复"),
    "unique_together": ("{columns} together occur once", "{columns} 的组合不重复"),
    "not_null": ("{column} is never empty", "{column} 不为空"),
    "never_empty": ("{columns} are never empty", "{columns} 均不为空"),
    "non_negative": ("{column} is never negative", "{column} 不为负"),
    "never_negative": ("{columns} are never negative", "{columns} 均不为负"),
    "accepted_values": ("{column} holds only known values", "{column} 只含约定的值"),
    "relationships": (
        "Every {column} exists in the table it refers to",
        "{column} 在其引用的表中存在",
    ),
    "reference_found_or_listed": (
        "Every {column} exists in the table it refers to or is listed as unmatched",
        "{column} 在其引用的表中存在，否则列入未匹配清单",
    ),
}


def dbt_check_results(
    settings: Settings,
    run_id: str,
    now: datetime,
    *,
    since: datetime | None = None,
    models: Collection[str] | None = None,
) -> list[CheckResult]:
    """One result per dbt test and unit test, plus one per model or seed that failed to build.

    Unit tests judge the logic of models on rows of their own, and rule tables are checked before
    dbt starts: where the build left their tests out, they have no result.

    Args:
        since: results of a build before this moment are not this run's: every test is then
            ``not_run``. By default whatever the last build left is taken.
        models: the build was to make these only: tests of others have no result, unless it ran
            them.

    Raises:
        PublishingError: dbt's manifest does not exist.
    """
    project = read_project(settings)
    generated_at, found = read_run_results(settings)
    is_stale = generated_at is None or (since is not None and generated_at < since)

    def is_of(test: TestNode, chosen: Collection[str]) -> bool:
        node = project.nodes.get(test.attached_to or "")
        return node is not None and node.name in chosen

    def is_optional(test: TestNode) -> bool:
        node = project.nodes.get(test.attached_to or "")
        return test.kind == "unit_test" or (node is not None and node.kind == "seed")

    outcomes = {} if is_stale else {result.unique_id: result for result in found}
    results = [
        _test_result(run_id, now, project, test, outcomes.get(test.unique_id))
        for test in sorted(project.tests.values(), key=lambda test: test.unique_id)
        if test.unique_id in outcomes
        or (not is_optional(test) and (models is None or (is_stale and is_of(test, models))))
    ]
    results += [
        _build_failure(run_id, now, project, result)
        for result in outcomes.values()
        if result.unique_id in project.nodes and result.status in ("error", "fail")
    ]
    if models is not None:
        # An earlier failure to build a model without a test is over only if this says so.
        tested = {test.attached_to for test in project.tests.values()}
        results += [
            replace(_build_failure(run_id, now, project, result), status="passed")
            for result in outcomes.values()
            if result.unique_id in project.nodes.keys() - tested and result.status == "success"
        ]
    return results


def _test_result(
    run_id: str, now: datetime, project: Project, test: TestNode, result: RunResult | None
) -> CheckResult:
    node = project.nodes.get(test.attached_to or "")
    table = node.name if node is not None else "project"
    english, chinese = _description(test)
    severity = test.severity
    count: int | None = None
    detail = detail_zh = ""
    if result is None:
        status = "not_run"
        detail, detail_zh = "dbt did not reach this test.", "dbt 未执行到此检验。"
    elif result.status in ("pass", "success"):
        status, count = "passed", 0
    elif result.status == "skipped":
        status = "not_run"
        detail = "Skipped, because a model before it failed."
        detail_zh = "上游模型失败，已跳过。"
    else:
        # `warn` and `fail` say which limit of the test was passed; `error`: it could not run.
        status = "failed"
        severity = "warn" if result.status == "warn" else "error"
        count = result.failures
        detail = result.message.strip() or result.status
        detail_zh = f"{count} 行不符" if count is not None else detail
    return CheckResult(
        run_id=run_id,
        checked_at=now,
        checker="dbt",
        layer=_LAYERS.get(node.layer, "core") if node is not None else "core",
        check_id=test.name,
        table_name=table,
        column_name=test.column_name,
        severity=severity,
        status=status,
        count_failed=count,
        detail=detail,
        description_en=english,
        description_zh=chinese,
        detail_zh=detail_zh,
    )


def _build_failure(run_id: str, now: datetime, project: Project, result: RunResult) -> CheckResult:
    node = project.nodes[result.unique_id]
    return CheckResult(
        run_id=run_id,
        checked_at=now,
        checker="dbt",
        layer=_LAYERS.get(node.layer, "core"),
        check_id="model_builds",
        table_name=node.name,
        column_name=None,
        severity="error",
        status="failed",
        count_failed=None,
        detail=result.message.strip(),
        description_en="dbt can build the table",
        description_zh="dbt 能够构建该表",
        detail_zh=result.message.strip(),
    )


def _description(test: TestNode) -> tuple[str, str]:
    english, chinese = _PROMISES.get(test.kind, ("", ""))
    columns = ", ".join(test.arguments.get("columns") or ())
    values = {"column": test.column_name or "", "columns": columns}
    words = test.name.replace("_", " ")
    english = test.description_en or english.format(**values) or words
    return english, test.description_zh or chinese.format(**values) or f"dbt 检验：{english}"
