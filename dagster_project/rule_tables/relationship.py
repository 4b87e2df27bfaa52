"""Rule tables of the relationship indices: parameters, channels, topics, factors, lists, plays."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict

from dagster_project.mapping.rows import Model, RuleProblems, RuleRow, read_rule_rows
from dagster_project.rule_tables.identity import CustomerSegmentRow
from dagster_project.rule_tables.tables import CanonicalCodeRow, Name, OptionalName, Text

ParameterId = Literal[
    "half_life_days",
    "coverage_window_days",
    "frequency_tau_touches",
    "breadth_tau_accounts",
    "breadth_tau_industries",
    "breadth_tau_levels",
    "depth_limit_points",
    "breadth_limit_points",
    "source_stale_days",
    "source_retired_days",
]
Factor = Literal["frequency", "relevance", "coverage", "accounts", "industries", "levels"]
Condition = Literal["open_opportunity", "tier_strategic", "tier_key", "falling", "wide"]
Quadrant = Literal["deep_wide", "deep_narrow", "shallow_wide", "shallow_narrow", "unknown"]
DEPTH_FACTORS = ("frequency", "relevance", "coverage")
OWN_CHANNELS = ("web", "share", "community", "event", "other")
"""Channels of touches that are no activity of a CRM, and of those whose channel nobody knows."""
MOST_CHANNELS = 60
"""A set of channels is a whole number of 64 bits."""
NEEDED_THRESHOLDS = (
    ("relationship_comparison_days", "days"),
    ("relationship_top_accounts", "accounts"),
    ("relationship_top_months", "months"),
    ("relationship_touch_days", "days"),
    ("relationship_trend_weeks", "weeks"),
)
CheckUnique = Callable[
    [Iterable[RuleRow[Model]], Callable[[Model], Hashable], str, RuleProblems], None
]


def _number(value: Any) -> Any:
    return None if value == "" else value


Number = Annotated[float | None, BeforeValidator(_number)]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RelationshipParameterRow(_Row):
    """One row of seeds/relationship_parameter.csv."""

    parameter_id: ParameterId
    segment: OptionalName
    value: float
    unit: Text
    valid_from: date
    reason: Text


class RelationshipChannelRow(_Row):
    """One row of seeds/relationship_channel.csv."""

    channel: Name
    valid_from: date
    weight: float
    is_covered: bool
    needs_field: Literal["", "email", "phone", "external_chat_id"]
    display_order: int
    name_en: Text
    name_zh: Text
    reason: Text


class RelationshipTopicRow(_Row):
    """One row of seeds/relationship_topic.csv."""

    topic: Name
    industry: OptionalName
    overlap_ratio: float
    valid_from: date
    reason: Text


class RelationshipFactorRow(_Row):
    """One row of seeds/relationship_factor.csv."""

    index_id: Literal["depth", "breadth"]
    factor_id: Factor
    display_order: int
    step_value: float
    step_unit: Text
    name_en: Text
    name_zh: Text
    formula_en: Text
    formula_zh: Text
    step_en: Text
    step_zh: Text
    valid_from: date
    reason: Text


class RelationshipPriorityRow(_Row):
    """One row of seeds/relationship_priority.csv."""

    condition_id: Condition
    valid_from: date
    weight: float
    limit_value: Number
    unit: str
    reason_en: Text
    reason_zh: Text
    reason: Text


class JourneyPlayRow(_Row):
    """One row of seeds/journey_play.csv."""

    play_id: Name
    quadrant: Quadrant
    name_en: Text
    name_zh: Text
    play_en: Text
    play_zh: Text
    valid_from: date
    reason: Text


def check_relationship(
    seeds: Path,
    codes: list[RuleRow[CanonicalCodeRow]],
    check_unique: CheckUnique[Any],
    problems: RuleProblems,
) -> None:
    """Check the six tables; ``check_unique`` notes rows with the same key."""
    # What is wrong with segments is told where they are checked.
    segments = {
        row.value.segment
        for row in read_rule_rows(
            seeds / "customer_segment.csv", CustomerSegmentRow, RuleProblems()
        )
    }
    parameters = read_rule_rows(
        seeds / "relationship_parameter.csv", RelationshipParameterRow, problems
    )
    channels = read_rule_rows(seeds / "relationship_channel.csv", RelationshipChannelRow, problems)
    topics = read_rule_rows(seeds / "relationship_topic.csv", RelationshipTopicRow, problems)
    factors = read_rule_rows(seeds / "relationship_factor.csv", RelationshipFactorRow, problems)
    priorities = read_rule_rows(
        seeds / "relationship_priority.csv", RelationshipPriorityRow, problems
    )
    plays = read_rule_rows(seeds / "journey_play.csv", JourneyPlayRow, problems)

    check_unique(
        parameters,
        lambda row: (row.parameter_id, row.segment, row.valid_from),
        "parameter_id",
        problems,
    )
    check_unique(channels, lambda row: (row.channel, row.valid_from), "channel", problems)
    check_unique(topics, lambda row: (row.topic, row.industry, row.valid_from), "topic", problems)
    check_unique(factors, lambda row: (row.factor_id, row.valid_from), "factor_id", problems)
    check_unique(
        priorities, lambda row: (row.condition_id, row.valid_from), "condition_id", problems
    )
    check_unique(plays, lambda row: (row.quadrant, row.valid_from), "quadrant", problems)

    _check_parameters(parameters, segments, problems)
    _check_channels(channels, codes, problems)
    _check_topics(topics, codes, problems)
    _check_factors(factors, problems)
    _check_priorities(priorities, problems)
    _need_rows(plays, [row.value.quadrant for row in plays], get_args(Quadrant), problems)


def _need_rows(
    rows: list[RuleRow[Any]], found: Iterable[str], needed: Iterable[str], problems: RuleProblems
) -> None:
    missing = sorted(set(needed) - set(found))
    if rows and missing:
        problems.messages.append(
            f"{rows[0].file}: no row for {', '.join(missing)}, which the models need. Add one."
        )


def _check_parameters(
    rows: list[RuleRow[RelationshipParameterRow]], segments: set[str], problems: RuleProblems
) -> None:
    _need_rows(
        rows,
        [row.value.parameter_id for row in rows if not row.value.segment],
        get_args(ParameterId),
        problems,
    )
    for row in rows:
        value = row.value
        if value.value <= 0:
            problems.add(row, "value", f"{value.value:g} is not above 0. Write more than 0")
        if value.segment and value.parameter_id != "frequency_tau_touches":
            problems.add(row, "segment", f"{value.parameter_id} is one for all. Empty the segment")
        elif value.segment and segments and value.segment not in segments:
            problems.add(
                row, "segment", f"unknown segment {value.segment!r}", value.segment, segments
            )
    if rows:
        first = min(row.value.valid_from for row in rows)
        for row in rows:
            same = [
                other.value.valid_from
                for other in rows
                if other.value.parameter_id == row.value.parameter_id and not other.value.segment
            ]
            if not row.value.segment and min(same) > first:
                problems.add(
                    row,
                    "valid_from",
                    f"no value of {row.value.parameter_id} before {min(same)}, but other rows hold "
                    f"since {first}. Add a row valid from {first}",
                )
    days = {
        name: [row for row in rows if row.value.parameter_id == name]
        for name in ("source_stale_days", "source_retired_days")
    }
    for row in days["source_retired_days"]:
        for stale in days["source_stale_days"]:
            if row.value.value <= stale.value.value:
                problems.add(
                    row,
                    "value",
                    f"a source cannot be given up after {row.value.value:g} days and be silent "
                    f"only after {stale.value.value:g} (line {stale.line}). Write more",
                )


def _check_channels(
    rows: list[RuleRow[RelationshipChannelRow]],
    codes: list[RuleRow[CanonicalCodeRow]],
    problems: RuleProblems,
) -> None:
    activities = [row.value.code for row in codes if row.value.code_list == "activity_channel"]
    names = {row.value.channel for row in rows}
    _need_rows(rows, names, [*activities, *OWN_CHANNELS], problems)
    if len(names) > MOST_CHANNELS:
        problems.messages.append(
            f"{rows[0].file}: {len(names)} channels, but a set holds {MOST_CHANNELS}. "
            "Give channels one name together."
        )
    for row in rows:
        if row.value.weight < 0:
            problems.add(row, "weight", f"{row.value.weight:g} is below 0. Write 0 or more")


def _check_topics(
    rows: list[RuleRow[RelationshipTopicRow]],
    codes: list[RuleRow[CanonicalCodeRow]],
    problems: RuleProblems,
) -> None:
    industries = {row.value.code for row in codes if row.value.code_list == "industry"}
    for row in rows:
        if not 0 <= row.value.overlap_ratio <= 1:
            problems.add(
                row,
                "overlap_ratio",
                f"{row.value.overlap_ratio:g} is no share. Write 0 to 1",
            )
        if row.value.industry and industries and row.value.industry not in industries:
            problems.add(
                row,
                "industry",
                f"unknown industry {row.value.industry!r}",
                row.value.industry,
                industries,
            )


def _check_factors(rows: list[RuleRow[RelationshipFactorRow]], problems: RuleProblems) -> None:
    _need_rows(rows, [row.value.factor_id for row in rows], get_args(Factor), problems)
    for row in rows:
        if row.value.step_value <= 0:
            problems.add(row, "step_value", "a step moves something. Write more than 0")
        wanted = "depth" if row.value.factor_id in DEPTH_FACTORS else "breadth"
        if row.value.index_id != wanted:
            problems.add(
                row, "index_id", f"{row.value.factor_id} is a factor of {wanted}. Write {wanted}"
            )


def _check_priorities(rows: list[RuleRow[RelationshipPriorityRow]], problems: RuleProblems) -> None:
    for row in rows:
        if row.value.weight <= 0:
            problems.add(row, "weight", f"{row.value.weight:g} is not above 0. Write more than 0")
        if row.value.condition_id == "falling" and row.value.limit_value is None:
            problems.add(row, "limit_value", "by how many points? Write them")
