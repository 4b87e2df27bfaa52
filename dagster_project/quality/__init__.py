"""Checks of landed data and of marts, dbt's tests, and the decision whether to publish.

Importing this package loads neither Great Expectations nor dbt.
"""

from __future__ import annotations

from dagster_project.quality.dbt_results import dbt_check_results
from dagster_project.quality.results import (
    CheckResult,
    GateDecision,
    ensure_check_results,
    gate,
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
    "dbt_check_results",
    "ensure_check_results",
    "gate",
    "not_run_results",
    "registered_checks",
    "run_expectations",
    "write_check_results",
]
