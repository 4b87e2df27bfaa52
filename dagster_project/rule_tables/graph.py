"""Rule tables of the relationship graph: kinds of edges and how influence is passed on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict

from dagster_project.mapping.rows import Model, RuleProblems, RuleRow, read_rule_rows
from dagster_project.rule_tables.tables import Text

EdgeType = Literal["referral", "share", "co_attendance", "supplier", "person_moved"]
EDGE_TYPES: tuple[str, ...] = get_args(EdgeType)
WITH_PERSON = ("share", "person_moved")
"""Kinds of edges whose acts name the person that acted."""
MOST_STEPS = 3
"""Steps that the model int_graph__paths can walk."""
SAME_IN_A_VERSION = (
    "valid_from",
    "is_active",
    "counted_per",
    "is_mutual",
    "is_claim",
    "max_group_size",
    "group_gap_days",
)
NEEDED_THRESHOLDS = (
    ("graph_latency_hours", "hours"),
    ("star_closed_days", "days"),
    ("over_contact_lookback_days", "days"),
    ("safe_frequency_min_optouts", "rows"),
)


def _whole(value: Any) -> Any:
    return None if value == "" else value


Whole = Annotated[int | None, BeforeValidator(_whole)]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GraphEdgeRuleRow(_Row):
    """One row of seeds/graph_edge_rule.csv."""

    edge_type: EdgeType
    version: int
    is_active: bool
    valid_from: date
    counted_per: Literal["edge", "person"]
    min_events: int
    strength_ratio: float
    is_mutual: bool
    is_claim: bool
    max_group_size: Whole
    group_gap_days: Whole
    name_en: Text
    name_zh: Text
    description_en: Text
    description_zh: Text
    reason: Text


class GraphPropagationRow(_Row):
    """One row of seeds/graph_propagation.csv."""

    version: int
    valid_from: date
    max_steps: int
    damping_ratio: float
    floor_ratio: float
    max_pass_on_accounts: int
    saturation_accounts: float
    reason: Text


CheckUnique = Callable[
    [Iterable[RuleRow[Model]], Callable[[Model], Hashable], str, RuleProblems], None
]


def check_graph(seeds: Path, check_unique: CheckUnique[Any], problems: RuleProblems) -> None:
    """Check both tables; ``check_unique`` notes rows with the same key."""
    edges = read_rule_rows(seeds / "graph_edge_rule.csv", GraphEdgeRuleRow, problems)
    steps = read_rule_rows(seeds / "graph_propagation.csv", GraphPropagationRow, problems)

    check_unique(
        edges, lambda row: (row.edge_type, row.version, row.min_events), "min_events", problems
    )
    check_unique(steps, lambda row: row.version, "version", problems)
    check_unique(steps, lambda row: row.valid_from, "valid_from", problems)
    for row in edges:
        _check_edge(row, problems)
    _check_versions(edges, problems)
    missing = set(EDGE_TYPES) - {row.value.edge_type for row in edges}
    if edges and missing:
        problems.messages.append(
            f"{edges[0].file}: no row for {', '.join(sorted(missing))}. Add one; is_active false "
            "switches a kind off."
        )
    for step in steps:
        _check_propagation(step, problems)
    for before, later in pairwise(sorted(steps, key=lambda row: row.value.version)):
        if later.value.valid_from < before.value.valid_from:
            problems.add(later, "valid_from", _too_early(before))
    if not steps and not problems.messages:
        problems.messages.append("graph_propagation.csv: no row. Add the first version.")


def _too_early(before: RuleRow[Any]) -> str:
    value = before.value
    return (
        f"begins before version {value.version} in line {before.line}. "
        f"Write {value.valid_from} or later"
    )


def _check_edge(row: RuleRow[GraphEdgeRuleRow], problems: RuleProblems) -> None:
    edge = row.value
    if edge.min_events < 1:
        problems.add(row, "min_events", f"{edge.min_events} is below 1. Write 1 or more")
    if not 0 < edge.strength_ratio <= 1:
        problems.add(row, "strength_ratio", f"{edge.strength_ratio:g} is not above 0 and at most 1")
    if edge.counted_per == "person" and edge.edge_type not in WITH_PERSON:
        problems.add(row, "counted_per", f"{edge.edge_type} names no person who acted. Write edge")
    is_meeting = edge.edge_type == "co_attendance"
    for name, least in (("max_group_size", 2), ("group_gap_days", 0)):
        value = getattr(edge, name)
        if is_meeting and (value is None or value < least):
            problems.add(row, name, f"co_attendance needs it. Write {least} or more")
        if not is_meeting and value is not None:
            problems.add(row, name, f"{edge.edge_type} does not look at it. Empty it")
    if is_meeting and not edge.is_mutual:
        problems.add(row, "is_mutual", "who meets is met. Write true")
    if is_meeting and edge.is_claim:
        problems.add(row, "is_claim", "who is in one room claims nothing. Write false")


def _check_versions(rows: list[RuleRow[GraphEdgeRuleRow]], problems: RuleProblems) -> None:
    """Rows of a version agree; more acts are not worth less; a later version begins later."""
    ordered = sorted(
        rows, key=lambda row: (row.value.edge_type, row.value.version, row.value.min_events)
    )
    for before, row in pairwise(ordered):
        if before.value.edge_type != row.value.edge_type:
            continue
        if before.value.version != row.value.version:
            if row.value.valid_from <= before.value.valid_from:
                problems.add(row, "valid_from", _too_early(before))
            continue
        for name in SAME_IN_A_VERSION:
            if getattr(before.value, name) != getattr(row.value, name):
                problems.add(
                    row, name, f"differs from line {before.line} of the same version. Correct one"
                )
        if row.value.strength_ratio < before.value.strength_ratio:
            problems.add(
                row,
                "strength_ratio",
                f"{row.value.min_events} acts are worth less than {before.value.min_events} in "
                f"line {before.line}. Write {before.value.strength_ratio:g} or more",
            )


def _check_propagation(row: RuleRow[GraphPropagationRow], problems: RuleProblems) -> None:
    step = row.value
    if not 1 <= step.max_steps <= MOST_STEPS:
        problems.add(
            row, "max_steps", f"{step.max_steps} is not 1 to {MOST_STEPS}, which models can walk"
        )
    for name in ("damping_ratio", "floor_ratio"):
        value = getattr(step, name)
        if not 0 < value < 1:
            problems.add(row, name, f"{value:g} is not between 0 and 1")
    if step.max_pass_on_accounts < 1:
        problems.add(row, "max_pass_on_accounts", "below 1 nobody passes anything on. Write more")
    if step.saturation_accounts <= 0:
        problems.add(row, "saturation_accounts", "write how many accounts give 63 of 100 points")
