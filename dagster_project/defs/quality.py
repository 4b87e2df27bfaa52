"""Expectations as asset checks: on landed tables before dbt, on marts before publishing.

Both are blocking: where a check of severity error fails, Dagster does not start what comes after,
and the readers are told why the version is held back.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

import dagster as dg

from dagster_project.defs import keys
from dagster_project.publishing import HoldBackReason, hold_back, publishing_status
from dagster_project.quality import (
    CheckResult,
    gate,
    registered_checks,
    run_expectations,
    write_check_results,
)
from dagster_project.settings import Settings, utc_now

SEVERITY = {"error": dg.AssetCheckSeverity.ERROR, "warn": dg.AssetCheckSeverity.WARN}


def check_result(result: CheckResult) -> dg.AssetCheckResult:
    """A result as Dagster shows it. What could not run has not failed."""
    return dg.AssetCheckResult(
        asset_key=keys.checked_key(result.table_name),
        check_name=keys.check_name(result.check_id),
        passed=result.status != "failed",
        severity=SEVERITY[result.severity],
        metadata={
            "status": result.status,
            "rows that break it": result.count_failed or 0,
            "detail": result.detail,
            "中文": result.description_zh,
        },
    )


def hold_back_if_closed(settings: Settings, results: list[CheckResult], run_id: str) -> None:
    """Tell the readers which checks of severity error failed, if any did."""
    decision = gate(results)
    if not decision.is_open:
        hold_back(settings, run_id, decision.reasons, utc_now())


def build_expectations(
    settings: Settings, layer: Literal["landed", "mart"], as_of: date
) -> dg.AssetChecksDefinition:
    """All expectations of one layer in one step: Great Expectations is slow to start."""
    specs = [
        dg.AssetCheckSpec(
            keys.check_name(check.check_id),
            asset=keys.checked_key(check.table_name),
            description=f"{check.description_en} · {check.description_zh}",
            blocking=check.severity == "error",
        )
        for check in registered_checks(settings, layer)
    ]

    @dg.multi_asset_check(
        name=f"check_{layer}_tables",
        specs=specs,
        can_subset=True,
        pool=keys.WAREHOUSE_POOL if layer == "mart" else None,
    )
    def expectations(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        now = utc_now()
        results = run_expectations(settings, layer, context.run_id, now, as_of=as_of)
        write_check_results(settings, results, context.run_id, now)
        hold_back_if_closed(settings, results, context.run_id)
        selected = context.selected_asset_check_keys
        for result in map(check_result, results):
            if dg.AssetCheckKey(result.asset_key, result.check_name) in selected:
                yield result

    return expectations


def build_failure_hook(settings: Settings) -> dg.HookDefinition:
    """Whatever step fails: the page says that its version is the last good one, and why."""

    @dg.failure_hook(name="hold_back_on_failure")
    def hold_back_on_failure(context: dg.HookContext) -> None:
        status = publishing_status(settings)
        if status is not None and status.state == "held_back" and status.run_id == context.run_id:
            return  # the checks have said it more exactly
        step = context.op.name
        reason = HoldBackReason(
            check_en=f"Step {step} failed",
            check_zh=f"步骤 {step} 失败",
            detail=str(context.op_exception or ""),
        )
        hold_back(settings, context.run_id, [reason], utc_now())

    return hold_back_on_failure
