"""Expectations as asset checks: on landed tables before dbt, on marts before publishing.

Where a check of severity error fails, its step fails: Dagster does not start what comes after, and
the readers are told why the version is held back.
"""

# Dagster reads the annotations of `context` itself: no postponed annotations here.
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Literal

import dagster as dg

from dagster_project.defs import keys
from dagster_project.publishing import HoldBackReason, hold_back, publishing_status
from dagster_project.quality import (
    CheckResult,
    broken_step,
    gate,
    registered_checks,
    run_expectations,
    write_check_results,
)
from dagster_project.settings import Settings, utc_now

CHECK = "expectations"


def table_result(table_name: str, results: Sequence[CheckResult]) -> dg.AssetCheckResult:
    """All expectations of one table as one asset check: Dagster's storage takes 20 ms for each.

    It has the severity of the worst failure. What could not run has not failed.
    """
    failed = [result for result in results if result.status == "failed"]
    has_error = any(result.severity == "error" for result in failed)
    rows = [
        f"| {r.status} | {r.severity} | {r.description_en} · {r.description_zh} "
        f"| {'' if r.count_failed is None else r.count_failed} | {r.detail} |"
        for r in sorted(results, key=lambda r: (r.status != "failed", r.severity, r.check_id))
    ]
    table = "\n".join(
        ["| status | severity | expectation | rows that break it | detail |", "|-|-|-|-|-|", *rows]
    )
    return dg.AssetCheckResult(
        asset_key=keys.checked_key(table_name),
        check_name=CHECK,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if has_error else dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{r.description_en} ({r.detail})" for r in failed),
        metadata={
            "passed": sum(result.status == "passed" for result in results),
            "failed": len(failed),
            "not run": sum(result.status == "not_run" for result in results),
            "expectations": dg.MetadataValue.md(table),
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
    checks: dict[str, list[str]] = {}
    for check in registered_checks(settings, layer):
        promise = f"{check.description_en} · {check.description_zh}"
        checks.setdefault(check.table_name, []).append(promise)
    specs = [
        dg.AssetCheckSpec(
            CHECK,
            asset=keys.checked_key(table_name),
            description="\n".join(promises),
            blocking=table_name in gates,
        )
        for table_name, promises in checks.items()
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
        chosen = {
            table_name
            for table_name in checks
            if dg.AssetCheckKey(keys.checked_key(table_name), CHECK)
            in context.selected_asset_check_keys
        }
        results = run_expectations(
            settings,
            layer,
            run_id,
            now,
            as_of=as_of,
            tables=chosen,
            is_part=len(chosen) < len(checks),
        )
        write_check_results(settings, results, run_id, now)
        hold_back_if_closed(settings, results, run_id)
        for table_name in sorted(chosen):
            yield table_result(table_name, [r for r in results if r.table_name == table_name])
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
        now = utc_now()
        detail = str(context.op_exception or "")
        reason = HoldBackReason(
            check_en=f"Step {step} failed", check_zh=f"步骤 {step} 失败", detail=detail
        )
        hold_back(settings, context.run_id, [reason], now)
        # So that a run of a part does not publish over it.
        broken = broken_step(context.run_id, context.job_name, step, detail, now)
        write_check_results(settings, [broken], context.run_id, now)

    return hold_back_on_failure
