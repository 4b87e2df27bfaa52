"""Columns and allowed values of each rule table, as one model per row.

A message of these models is what a business user reads, so it says what is allowed.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

Aggregation = Literal["count", "sum", "ratio", "mean", "median", "count_distinct"]

NAME = re.compile(r"[a-z][a-z0-9_]*")
ROW_FILTER = re.compile(r"(?:not )?([a-z][a-z0-9_]*)")


def _name(value: Any) -> Any:
    if isinstance(value, str) and not NAME.fullmatch(value):
        raise ValueError("write a name of lowercase letters, digits and underscores")
    return value


def _name_or_nothing(value: Any) -> Any:
    return _name(value) if value else value


def _number_or_nothing(value: Any) -> Any:
    return None if value == "" else value


def _filter(value: Any) -> Any:
    if value and not ROW_FILTER.fullmatch(value):
        raise ValueError("write the name of a boolean column, or 'not' before it, or nothing")
    return value


Name = Annotated[str, BeforeValidator(_name)]
OptionalName = Annotated[str, BeforeValidator(_name_or_nothing)]
OptionalNumber = Annotated[float | None, BeforeValidator(_number_or_nothing)]
Text = Annotated[str, StringConstraints(min_length=1)]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FunnelStageRow(_Row):
    """One row of seeds/funnel_stage.csv."""

    funnel_stage: Name
    stage_order: int
    is_closed: bool
    is_won: bool
    name_en: Text
    name_zh: Text


class CanonicalCodeRow(_Row):
    """One row of seeds/canonical_codes.csv."""

    code_list: Name
    code: Name
    name_en: Text
    name_zh: Text


class ThresholdRow(_Row):
    """One row of seeds/thresholds.csv."""

    threshold_id: Name
    value: float
    unit: Text
    valid_from: date
    reason: Text


class WorklistOutcomeRow(_Row):
    """One row of seeds/worklist_outcome.csv."""

    outcome: Name
    is_finished: bool
    name_en: Text
    name_zh: Text
    display_order: int


class MetricRow(_Row):
    """One row of seeds/metric_catalogue.csv."""

    metric_id: Name
    version: int
    family: Literal["commercial", "organisational", "technical"]
    mart: Name
    aggregation: Aggregation
    numerator: OptionalName
    denominator: OptionalName
    row_filter: Annotated[str, BeforeValidator(_filter)]
    unit: Literal["count", "ratio", "currency", "days", "hours", "minutes", "bytes"]
    direction: Literal["up", "down", "none"]
    target: OptionalNumber
    benchmark: OptionalNumber
    owner: Text
    name_en: Text
    name_zh: Text
    definition_en: Text
    definition_zh: Text
    display_order: int
    is_headline: bool
    is_stock: bool
    objects: str

    @property
    def filter_column(self) -> str:
        """The column of ``row_filter``, or nothing."""
        match = ROW_FILTER.fullmatch(self.row_filter)
        return match[1] if match else ""

    @property
    def object_names(self) -> tuple[str, ...]:
        """Canonical objects without which the metric is unknown."""
        return tuple(part for part in self.objects.split("|") if part)
