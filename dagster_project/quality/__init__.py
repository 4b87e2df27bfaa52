"""Checks of landed data and of marts, dbt's tests, and the decision whether to publish.

Importing this package loads neither Great Expectations nor dbt.
"""

from __future__ import annotations

from dagster_project.quality.dbt_results import dbt_check_results
from dagster_project.quality.results import (
    CheckResult,
    GateDecision,
    broken_step,
    ensure_check_results,
    gate,
    standing_failures,
    write_check_results,
)
from dagster_project.quality.runner import (
    QualityError,
    RegisteredCheck,
    not_run_results,
    registered_checks,
    run_expectations,
)

__all__ = [
    "CheckResult",
    "GateDecision",
    "QualityError",
    "RegisteredCheck",
    "broken_step",
    "dbt_check_results",
    "ensure_check_results",
    "gate",
    "not_run_results",
    "registered_checks",
    "run_expectations",
    "standing_failures",
    "write_check_results",
]
