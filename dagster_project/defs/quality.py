"""Expectations as asset checks: on landed tables before dbt, on marts before publishing.

Where a check of severity error fails, its step fails: Dagster does not start what comes after, and
the readers are told why the version is held back.
"""

# Dagster reads the annotations of `context` itself: no postponed annotations here.
from collections.abc import Collection, Iterator
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


def check_key(result: CheckResult) -> dg.AssetCheckKey:
    """The asset check that a result belongs to."""
    return dg.AssetCheckKey(keys.checked_key(result.table_name), keys.check_name(result.check_id))


def check_result(result: CheckResult) -> dg.AssetCheckResult:
    """A result as Dagster shows it. What could not run has not failed."""
    return dg.AssetCheckResult(
        asset_key=check_key(result).asset_key,
        check_name=check_key(result).name,
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
    settings: Settings, layer: Literal["landed", "mart"], as_of: date, gates: Collection[str]
) -> dg.AssetChecksDefinition:
    """All expectations of one layer in one step: Great Expectations is slow to start.

    Args:
        gates: tables whose checks the next step waits for, and so for this whole step. Only tables
            that no other table of the layer is made from: Dagster would otherwise cut the step
            into pieces, each of which starts Great Expectations anew.
    """
    specs = [
        dg.AssetCheckSpec(
            keys.check_name(check.check_id),
            asset=keys.checked_key(check.table_name),
            description=f"{check.description_en} · {check.description_zh}",
            blocking=check.table_name in gates,
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
        run_id = context.op_execution_context.run_id
        results = run_expectations(settings, layer, run_id, now, as_of=as_of)
        write_check_results(settings, results, run_id, now)
        hold_back_if_closed(settings, results, run_id)
        for result in results:
            if check_key(result) in context.selected_asset_check_keys:
                yield check_result(result)
        reasons = gate(results).reasons
        if reasons:
            raise dg.Failure(
                "; ".join(f"{r.table}: {r.check_en} ({r.detail})" for r in reasons),
                allow_retries=False,
            )

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
