"""Rule tables of the scorecard, the roadmap and the backtest."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from dagster_project.mapping.rows import Model, RuleProblems, RuleRow, read_rule_rows
from dagster_project.rule_tables.tables import MetricRow, Name, OptionalNumber, Text

FAMILIES = ("technical", "organisational", "commercial")
WHOLE = "all"
NEEDED_THRESHOLDS = (
    ("scorecard_history_weeks", "weeks"),
    *((f"scorecard_weight_{family}", "weight") for family in FAMILIES),
    ("lead_lag_max_weeks", "weeks"),
    ("lead_lag_min_weeks", "weeks"),
    ("lead_lag_block_weeks", "weeks"),
    ("lead_lag_draws", "draws"),
    ("lead_lag_max_probability", "ratio"),
    ("lead_lag_min_rest_association", "ratio"),
)


def _whole_or_nothing(value: Any) -> Any:
    return None if value == "" else value


OptionalWhole = Annotated[int | None, BeforeValidator(_whole_or_nothing)]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScorecardMetricRow(_Row):
    """One row of seeds/scorecard_metric.csv."""

    metric_id: Name
    version: int
    family: Literal["technical", "organisational", "commercial"]
    weight: float
    scale: Literal["base_to_target", "share_of_target", "logarithmic"]
    base: OptionalNumber
    target: float
    benchmark_2023: OptionalNumber
    benchmark_2026: OptionalNumber
    smoothing_weeks: int
    silent_weeks: OptionalWhole
    currency: str
    valid_from: date
    reason: Text


class RoadmapStepRow(_Row):
    """One row of seeds/roadmap_step.csv."""

    step_id: Name
    track: Name
    phase: Name
    step_order: int
    phase_name_en: Text
    phase_name_zh: Text
    name_en: Text
    name_zh: Text


class RoadmapCriterionRow(_Row):
    """One row of seeds/roadmap_criterion.csv."""

    criterion_id: Name
    step_id: Name
    criterion_kind: Literal["entry", "exit"]
    metric_id: Name
    measure: Literal["value", "attainment_points"]
    comparison: Literal["at_least", "at_most"]
    limit_value: float
    duration_weeks: int
    reason: Text


class ScoreBacktestRow(_Row):
    """One row of seeds/score_backtest.csv."""

    score_id: Literal["intent", "depth", "breadth", "health"]
    outcome: Literal["opportunity_created", "opportunity_won", "order_or_win", "commercial_gain"]
    horizon_days: int
    top_n: int
    min_outcomes: int
    name_en: Text
    name_zh: Text
    reason: Text


CheckUnique = Callable[
    [Iterable[RuleRow[Model]], Callable[[Model], Hashable], str, RuleProblems], None
]


def check_scorecard(
    seeds: Path,
    metrics: Iterable[RuleRow[MetricRow]],
    check_unique: CheckUnique[Any],
    problems: RuleProblems,
) -> None:
    """Check the four tables; ``check_unique`` notes rows with the same key."""
    rows = read_rule_rows(seeds / "scorecard_metric.csv", ScorecardMetricRow, problems)
    steps = read_rule_rows(seeds / "roadmap_step.csv", RoadmapStepRow, problems)
    criteria = read_rule_rows(seeds / "roadmap_criterion.csv", RoadmapCriterionRow, problems)
    backtests = read_rule_rows(seeds / "score_backtest.csv", ScoreBacktestRow, problems)

    catalogue = {row.value.metric_id: row.value for row in metrics}
    check_unique(rows, lambda row: (row.metric_id, row.version), "version", problems)
    check_unique(rows, lambda row: (row.metric_id, row.valid_from), "valid_from", problems)
    families: dict[str, str] = {}
    for row in rows:
        _check_metric(row, catalogue, problems)
        first = families.setdefault(row.value.metric_id, row.value.family)
        if row.value.family != first:
            problems.add(row, "family", f"earlier versions are {first}. A metric keeps its family")
    _check_versions(rows, problems)

    check_unique(steps, lambda row: row.step_id, "step_id", problems)
    check_unique(steps, lambda row: (row.track, row.step_order), "step_order", problems)
    check_unique(criteria, lambda row: row.criterion_id, "criterion_id", problems)
    _check_criteria(steps, criteria, families, problems)

    check_unique(backtests, lambda row: row.score_id, "score_id", problems)
    for test in backtests:
        for name in ("horizon_days", "top_n", "min_outcomes"):
            if getattr(test.value, name) < 1:
                problems.add(test, name, f"{getattr(test.value, name)} is below 1. Write more")
        if (test.value.score_id == "health") != (test.value.outcome == "commercial_gain"):
            problems.add(
                test, "outcome", "commercial_gain is the outcome of health, and only of health"
            )


def _check_metric(
    row: RuleRow[ScorecardMetricRow],
    catalogue: Mapping[str, MetricRow],
    problems: RuleProblems,
) -> None:
    rule = row.value
    metric = catalogue.get(rule.metric_id)
    if metric is None:
        problems.add(
            row,
            "metric_id",
            f"the metric catalogue has no {rule.metric_id!r}",
            rule.metric_id,
            catalogue,
        )
    else:
        if (metric.unit == "currency") != bool(rule.currency):
            problems.add(
                row,
                "currency",
                "an amount needs the currency to score it in. Write one, such as CNY"
                if not rule.currency
                else f"{rule.metric_id} is no amount. Empty it",
            )
    if rule.weight <= 0:
        problems.add(row, "weight", "a weight is above 0. Remove the row instead")
    if rule.smoothing_weeks < 1:
        problems.add(row, "smoothing_weeks", "a value looks back on 1 week at least")
    if rule.silent_weeks is not None and rule.silent_weeks < 1:
        problems.add(row, "silent_weeks", "write 1 or more weeks, or nothing for never")
    _check_scale(row, problems)


def _check_scale(row: RuleRow[ScorecardMetricRow], problems: RuleProblems) -> None:
    rule = row.value
    if rule.scale == "share_of_target":
        if rule.base is not None:
            problems.add(row, "base", "share_of_target has no base. Empty it")
        if rule.target <= 0:
            problems.add(
                row,
                "target",
                f"a value has no share of {rule.target:g}. Write more than 0, or the scale "
                "base_to_target",
            )
        return
    if rule.base is None:
        problems.add(row, "base", f"{rule.scale} needs the value from which the way is measured")
    elif rule.base == rule.target:
        problems.add(row, "target", f"there is no way from {rule.base:g} to itself. Correct one")
    elif rule.scale == "logarithmic" and (rule.base <= 0 or rule.target <= 0):
        problems.add(
            row, "scale", "logarithmic needs base and target above 0. Write base_to_target"
        )


def _check_versions(rows: list[RuleRow[ScorecardMetricRow]], problems: RuleProblems) -> None:
    """A later version begins later: the models end a version where the next begins."""
    latest: dict[str, RuleRow[ScorecardMetricRow]] = {}
    for row in sorted(rows, key=lambda row: (row.value.metric_id, row.value.version)):
        before = latest.get(row.value.metric_id)
        if before is not None and row.value.valid_from < before.value.valid_from:
            problems.add(
                row,
                "valid_from",
                f"version {row.value.version} begins before version {before.value.version} in "
                f"line {before.line}. Write {before.value.valid_from} or later",
            )
        latest[row.value.metric_id] = row


def _check_criteria(
    steps: list[RuleRow[RoadmapStepRow]],
    criteria: list[RuleRow[RoadmapCriterionRow]],
    families: Mapping[str, str],
    problems: RuleProblems,
) -> None:
    known = {row.value.step_id for row in steps}
    wholes = {*FAMILIES, WHOLE}
    for row in criteria:
        rule = row.value
        if rule.step_id not in known:
            problems.add(row, "step_id", f"no step {rule.step_id!r}", rule.step_id, known)
        if rule.metric_id not in families and rule.metric_id not in wholes:
            problems.add(
                row,
                "metric_id",
                f"{rule.metric_id!r} is neither a metric of the scorecard nor a family",
                rule.metric_id,
                {*families, *wholes},
            )
        if rule.metric_id in wholes and rule.measure != "attainment_points":
            problems.add(row, "measure", "a family has attainment_points only. Write that")
        if rule.measure == "attainment_points" and not 0 <= rule.limit_value <= 100:
            problems.add(row, "limit_value", "attainment is 0 to 100 points")
        if rule.duration_weeks < 1:
            problems.add(row, "duration_weeks", "a criterion holds for 1 week at least")
    for step in steps:
        own = [row.value for row in criteria if row.value.step_id == step.value.step_id]
        first = min(
            (row.value.step_order for row in steps if row.value.track == step.value.track),
            default=0,
        )
        kinds = {rule.criterion_kind for rule in own}
        needed = {"exit"} if step.value.step_order == first else {"entry", "exit"}
        for kind in sorted(needed - kinds):
            problems.add(step, "step_id", f"no {kind} criterion in roadmap_criterion.csv. Add one")
