"""Results of checks: the record, its table in the lake, and the decision that follows.

Light: no Great Expectations, no dbt.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby
from typing import Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.publishing import HoldBackReason
from dagster_project.publishing.operations_tables import CHECK_RESULT_SCHEMA, naive_utc
from dagster_project.settings import Settings

PIPELINE = "dagster"
"""Checker of what befalls the pipeline's own steps."""

Severity = Literal["error", "warn"]
Outcome = Literal["passed", "failed", "not_run"]


@dataclass(frozen=True)
class CheckResult:
    """One check on one table in one run; a row of ``ops.check_results``.

    Attributes:
        checker: ``great_expectations`` or ``dbt``.
        layer: ``landed``, ``rule`` (seeds), ``staging``, ``core`` or ``mart``.
        table_name: a dbt model or seed, or ``<system>.<table>``.
        severity: ``error`` holds publishing back, ``warn`` does not.
        status: ``not_run`` where the table is not there or something before it failed.
        count_failed: rows that break the rule; None where the check does not count rows.
        detail: what was found, or why it did not run; ``detail_zh`` the same in Chinese.
    """

    run_id: str
    checked_at: datetime
    checker: str
    layer: str
    check_id: str
    table_name: str
    column_name: str | None
    severity: str
    status: str
    count_failed: int | None
    detail: str
    description_en: str
    description_zh: str
    detail_zh: str = ""


@dataclass(frozen=True)
class GateDecision:
    """Whether the pipeline may go on; ``reasons`` are the failed checks of severity error."""

    is_open: bool
    reasons: tuple[HoldBackReason, ...]


def gate(results: Iterable[CheckResult]) -> GateDecision:
    """Open unless a check of severity error failed."""
    reasons = tuple(
        HoldBackReason(
            check_en=result.description_en,
            check_zh=result.description_zh,
            table=result.table_name,
            detail=result.detail,
            detail_zh=result.detail_zh or result.detail,
        )
        for result in results
        if result.status == "failed" and result.severity == "error"
    )
    return GateDecision(is_open=not reasons, reasons=reasons)


def write_check_results(
    settings: Settings, results: Sequence[CheckResult], run_id: str, now: datetime
) -> None:
    """Write one Parquet file per checker and layer into ``ops/check_results``.

    A repeated step of the same run replaces its earlier file, so nothing is counted twice.
    """
    ensure_check_results(settings)

    def part(result: CheckResult) -> tuple[str, str]:
        return result.checker, result.layer

    folder = settings.operations / "check_results"
    for (checker, layer), group in groupby(sorted(results, key=part), key=part):
        rows = [
            {**asdict(result), "run_id": run_id, "checked_at": naive_utc(now)} for result in group
        ]
        table = pa.Table.from_pylist(rows, schema=CHECK_RESULT_SCHEMA)
        name = f"{now:%Y%m%dT%H%M%S}" if not run_id else run_id.replace("/", "_")
        path = folder / f"{name}-{checker}-{layer}.parquet"
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        pq.write_table(table, partial, compression="zstd", use_dictionary=False)
        partial.replace(path)


def standing_failures(
    settings: Settings, run_id: str, job_name: str, since: datetime
) -> tuple[HoldBackReason, ...]:
    """Why nothing may be published although this run's own checks let it through.

    A run that builds a part repeats a part of the checks. What failed in another run after
    ``since``, the time of the last publishing, and has not passed since still stands; so does a
    test that dbt could not reach. A step of this job that broke down does not: it has run now.
    """
    folder = settings.operations / "check_results"
    files = [
        str(path)
        for path in sorted(folder.glob("*.parquet"))
        if path.stat().st_mtime >= since.timestamp()
    ]
    if not files:
        return ()
    with duckdb.connect(":memory:") as connection:
        rows = connection.execute(
            """
            with results as (
                select * from read_parquet($files, union_by_name = true)
                where checked_at >= $since or run_id = $run_id
            ),
            latest as (
                select
                    *,
                    max(checked_at) filter (where status <> 'not_run')
                        over (partition by checker, table_name) as table_checked_at
                from results
                qualify row_number() over (
                    partition by checker, table_name, check_id, column_name
                    order by run_id = $run_id desc, checked_at desc
                ) = 1
            )
            select description_en, description_zh, table_name, detail, detail_zh
            from latest
            where
                severity = 'error'
                and (status = 'failed' or (status = 'not_run' and checker = 'dbt'))
                and run_id <> $run_id
                and not (check_id = 'model_builds' and checked_at < table_checked_at)
                and not (checker = $pipeline and table_name = $job_name)
            order by table_name, check_id
            """,
            {
                "files": files,
                "since": naive_utc(since),
                "run_id": run_id,
                "pipeline": PIPELINE,
                "job_name": job_name,
            },
        ).fetchall()
    return tuple(
        HoldBackReason(
            check_en=english,
            check_zh=chinese,
            table=table,
            detail=detail,
            detail_zh=detail_zh or detail,
        )
        for english, chinese, table, detail, detail_zh in rows
    )


def broken_step(run_id: str, job_name: str, step: str, detail: str, now: datetime) -> CheckResult:
    """A step that ended without saying what is wrong with the data, as a failed check."""
    return CheckResult(
        run_id=run_id,
        checked_at=now,
        checker=PIPELINE,
        layer="run",
        check_id=f"step_{step}",
        table_name=job_name,
        column_name=None,
        severity="error",
        status="failed",
        count_failed=None,
        detail=detail,
        description_en=f"Step {step} runs to its end",
        description_zh=f"步骤 {step} 正常结束",
        detail_zh=detail,
    )


def ensure_check_results(settings: Settings) -> None:
    """Give ``ops/check_results`` a file, so that readers find its columns."""
    folder = settings.operations / "check_results"
    if not any(folder.glob("*.parquet")):
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(CHECK_RESULT_SCHEMA.empty_table(), folder / "empty.parquet")
