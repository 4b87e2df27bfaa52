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

import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.publishing import HoldBackReason
from dagster_project.publishing.operations_tables import CHECK_RESULT_SCHEMA, naive_utc
from dagster_project.settings import Settings

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


def ensure_check_results(settings: Settings) -> None:
    """Give ``ops/check_results`` a file, so that readers find its columns."""
    folder = settings.operations / "check_results"
    if not any(folder.glob("*.parquet")):
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(CHECK_RESULT_SCHEMA.empty_table(), folder / "empty.parquet")
