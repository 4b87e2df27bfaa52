"""Every rule table against its columns, its allowed values and the tables it refers to.

The mapping compiler checks field, code and stage mapping itself, because it needs the sources file;
what is left is checked here. All problems are reported together, each with file, line, column and
remedy.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from pathlib import Path

from dagster_project.mapping.mart_contracts import mart_columns
from dagster_project.mapping.registry import load_registry
from dagster_project.mapping.rows import MappingError, Model, RuleProblems, RuleRow, read_rule_rows
from dagster_project.rule_tables.graph import NEEDED_THRESHOLDS as GRAPH_THRESHOLDS
from dagster_project.rule_tables.graph import check_graph
from dagster_project.rule_tables.identity import NEEDED_THRESHOLDS as IDENTITY_THRESHOLDS
from dagster_project.rule_tables.identity import check_identity
from dagster_project.rule_tables.intent import NEEDED_THRESHOLDS as INTENT_THRESHOLDS
from dagster_project.rule_tables.intent import check_intent
from dagster_project.rule_tables.relationship import NEEDED_THRESHOLDS as RELATIONSHIP_THRESHOLDS
from dagster_project.rule_tables.relationship import check_relationship
from dagster_project.rule_tables.scorecard import NEEDED_THRESHOLDS as SCORECARD_THRESHOLDS
from dagster_project.rule_tables.scorecard import check_scorecard
from dagster_project.rule_tables.tables import (
    CanonicalCodeRow,
    FunnelStageRow,
    MetricRow,
    ThresholdRow,
    WorklistOutcomeRow,
)
from dagster_project.rule_tables.traps import NEEDED_THRESHOLDS as TRAP_THRESHOLDS
from dagster_project.rule_tables.traps import check_traps
from dagster_project.rule_tables.visitor_links import check_visitor_links

# Thresholds that models look up by name: without them a figure would silently become unknown.
SCHEDULES = ("hourly", "daily", "weekly")
NEEDED_THRESHOLDS = (
    ("cycle_start_stage_order", "stage_order"),
    ("small_sample_rows", "rows"),
    *INTENT_THRESHOLDS,
    *RELATIONSHIP_THRESHOLDS,
    *GRAPH_THRESHOLDS,
    *IDENTITY_THRESHOLDS,
    *TRAP_THRESHOLDS,
    *SCORECARD_THRESHOLDS,
    ("visitor_link_min_confidence", "ratio"),
    ("visitor_link_tolerated_confidence", "ratio"),
    *((f"freshness_{level}_{name}", "hours") for name in SCHEDULES for level in ("warn", "error")),
)
NUMBERS = ("bigint", "double")
# Aggregation → what its numerator may be; None where it must stay empty or may be anything.
NUMERATORS: Mapping[str, tuple[str, ...] | None] = {
    "count": None,
    "count_distinct": None,
    "sum": NUMBERS,
    "mean": NUMBERS,
    "median": NUMBERS,
    "ratio": (*NUMBERS, "boolean"),
}

Columns = Mapping[str, str]


class RuleTableError(ValueError):
    """Rule tables that cannot be used; the message lists every problem, one a line."""


def check_rule_tables(seeds: Path, marts: Path) -> None:
    """Check all rule tables but the mapping's own.

    Args:
        seeds: folder of the rule tables.
        marts: folder of the mart models; their YAML names columns and types.

    Raises:
        RuleTableError: naming file, line, column and remedy of every problem.
    """
    problems = RuleProblems()
    stages = read_rule_rows(seeds / "funnel_stage.csv", FunnelStageRow, problems)
    codes = read_rule_rows(seeds / "canonical_codes.csv", CanonicalCodeRow, problems)
    thresholds = read_rule_rows(seeds / "thresholds.csv", ThresholdRow, problems)
    metrics = read_rule_rows(seeds / "metric_catalogue.csv", MetricRow, problems)
    outcomes = read_rule_rows(seeds / "worklist_outcome.csv", WorklistOutcomeRow, problems)
    try:
        objects = set(load_registry(seeds).objects)
    except MappingError as error:
        problems.messages += str(error).splitlines()
        objects = set()

    _check_stages(stages, problems)
    check_unique(codes, lambda row: (row.code_list, row.code), "code", problems)
    check_unique(outcomes, lambda row: row.outcome, "outcome", problems)
    check_unique(outcomes, lambda row: row.display_order, "display_order", problems)
    _check_thresholds(thresholds, stages, problems)
    _check_metrics(metrics, mart_columns(marts), objects, problems)
    check_scorecard(seeds, metrics, check_unique, problems)
    check_intent(seeds, codes, check_unique, problems)
    check_visitor_links(seeds, check_unique, problems)
    check_traps(seeds, objects, check_unique, problems)
    check_graph(seeds, check_unique, problems)
    check_identity(seeds, codes, check_unique, problems)
    check_relationship(seeds, codes, check_unique, problems)
    if problems.messages:
        raise RuleTableError("\n".join(problems.messages))


def check_unique(
    rows: Iterable[RuleRow[Model]],
    key: Callable[[Model], Hashable],
    column: str,
    problems: RuleProblems,
) -> None:
    seen: dict[Hashable, int] = {}
    for row in rows:
        value = key(row.value)
        if value in seen:
            problems.add(
                row, column, f"{value!r} already stands in line {seen[value]}. Keep one row"
            )
        else:
            seen[value] = row.line


def _check_stages(rows: list[RuleRow[FunnelStageRow]], problems: RuleProblems) -> None:
    check_unique(rows, lambda row: row.funnel_stage, "funnel_stage", problems)
    check_unique(rows, lambda row: row.stage_order, "stage_order", problems)
    for row in rows:
        if row.value.is_won and not row.value.is_closed:
            problems.add(row, "is_won", "a won stage is closed. Set is_closed to true")
    open_orders = [row.value.stage_order for row in rows if not row.value.is_closed]
    for row in rows:
        if row.value.is_closed and open_orders and row.value.stage_order < max(open_orders):
            problems.add(
                row,
                "stage_order",
                f"a closed stage comes after all open ones. Write more than {max(open_orders)}",
            )
    for what, found in {
        "open": any(not row.value.is_closed for row in rows),
        "won": any(row.value.is_won for row in rows),
        "lost": any(row.value.is_closed and not row.value.is_won for row in rows),
    }.items():
        if rows and not found:
            problems.messages.append(f"{rows[0].file}: no {what} stage. Add a row for one.")


def _check_thresholds(
    rows: list[RuleRow[ThresholdRow]],
    stages: list[RuleRow[FunnelStageRow]],
    problems: RuleProblems,
) -> None:
    check_unique(
        rows, lambda row: (row.threshold_id, row.unit, row.valid_from), "threshold_id", problems
    )
    units: dict[str, set[str]] = {}
    for row in rows:
        units.setdefault(row.value.threshold_id, set()).add(row.value.unit)
    for name, unit in NEEDED_THRESHOLDS:
        if rows and unit not in units.get(name, set()):
            problems.messages.append(
                f"{rows[0].file}: no row for {name!r} in {unit}, which the models need. Add one."
            )
    orders = {stage.value.stage_order for stage in stages if not stage.value.is_closed}
    for row in rows:
        if row.value.threshold_id == "cycle_start_stage_order" and row.value.value not in orders:
            problems.add(
                row,
                "value",
                f"{row.value.value:g} is no stage_order of an open stage in funnel_stage.csv",
                f"{row.value.value:g}",
                [str(order) for order in orders],
            )
        if row.value.value < 0:
            problems.add(row, "value", f"{row.value.value:g} is below 0. Write 0 or more")
    for schedule in SCHEDULES:
        warn = _latest(rows, f"freshness_warn_{schedule}")
        error = _latest(rows, f"freshness_error_{schedule}")
        if warn is not None and error is not None and error.value.value <= warn.value.value:
            problems.add(
                error,
                "value",
                f"{error.value.value:g} hours do not come after the warning in line {warn.line}. "
                f"Write more than {warn.value.value:g}",
            )


def _latest(rows: list[RuleRow[ThresholdRow]], threshold_id: str) -> RuleRow[ThresholdRow] | None:
    found = [row for row in rows if row.value.threshold_id == threshold_id]
    return max(found, key=lambda row: row.value.valid_from, default=None)


def _check_metrics(
    rows: list[RuleRow[MetricRow]],
    marts: Mapping[str, Columns],
    objects: set[str],
    problems: RuleProblems,
) -> None:
    check_unique(rows, lambda row: row.metric_id, "metric_id", problems)
    check_unique(rows, lambda row: row.display_order, "display_order", problems)
    for row in rows:
        metric = row.value
        for name in metric.object_names:
            if objects and name not in objects:
                problems.add(row, "objects", f"unknown object {name!r}", name, objects)
        columns = marts.get(metric.mart)
        if columns is None:
            problems.add(row, "mart", f"there is no mart {metric.mart!r}", metric.mart, marts)
            continue
        _check_metric_columns(row, columns, problems)


def _check_metric_columns(
    row: RuleRow[MetricRow], columns: Columns, problems: RuleProblems
) -> None:
    metric = row.value
    if not metric.numerator and metric.aggregation != "count":
        problems.add(
            row, "numerator", f"{metric.aggregation} needs a column of {metric.mart}. Name one"
        )
    if (metric.aggregation == "ratio") != bool(metric.denominator):
        problems.add(
            row,
            "denominator",
            "a ratio, and only a ratio, has a denominator. "
            + ("Empty it" if metric.denominator else "Name a column"),
        )
    if (metric.aggregation == "ratio") != (metric.unit == "ratio"):
        problems.add(row, "unit", "the unit 'ratio' is for ratios, and only for them. Correct one")
    allowed = NUMERATORS[metric.aggregation]
    _check_column(row, "numerator", metric.numerator, allowed, columns, problems)
    _check_column(row, "denominator", metric.denominator, (*NUMBERS, "boolean"), columns, problems)
    _check_column(row, "row_filter", metric.filter_column, ("boolean",), columns, problems)
    if metric.unit == "currency" and "currency" not in columns:
        problems.add(
            row,
            "unit",
            f"{metric.mart} has no column currency, without which amounts would be added across "
            "currencies. Choose another unit or mart",
        )


def _check_column(
    row: RuleRow[MetricRow],
    field: str,
    name: str,
    allowed: tuple[str, ...] | None,
    columns: Columns,
    problems: RuleProblems,
) -> None:
    if not name:
        return
    if name not in columns:
        problems.add(row, field, f"{row.value.mart} has no column {name!r}", name, columns)
    elif allowed is not None and columns[name] not in allowed:
        fitting = [other for other, kind in columns.items() if kind in allowed]
        problems.add(
            row,
            field,
            f"{row.value.mart}.{name} is {columns[name]}, but {' or '.join(allowed)} is needed",
            name,
            fitting,
        )
