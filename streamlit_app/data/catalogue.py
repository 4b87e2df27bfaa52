"""Rule tables of the published version: metrics, thresholds, labels of codes."""

from __future__ import annotations

import math
import re
from collections.abc import Container
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

_IDENTIFIER = re.compile(r"^[a-z_][a-z0-9_]*$")
AGGREGATIONS = ("count", "sum", "ratio", "mean", "median", "count_distinct")


class CatalogueError(ValueError):
    """A row of seeds/metric_catalogue.csv cannot be used; the message names row and remedy."""


@dataclass(frozen=True)
class Metric:
    """One row of the metric catalogue: the single definition of a number."""

    metric_id: str
    version: str
    family: str
    mart: str
    aggregation: str
    numerator: str | None
    denominator: str | None
    row_filter: str | None
    unit: str
    direction: str
    target: float | None
    benchmark: float | None
    owner: str | None
    name_en: str
    name_zh: str
    definition_en: str
    definition_zh: str
    display_order: int
    is_headline: bool
    is_stock: bool
    objects: tuple[str, ...]

    def name(self, language: str) -> str:
        return self.name_zh if language == "zh" else self.name_en

    def definition(self, language: str) -> str:
        return self.definition_zh if language == "zh" else self.definition_en

    def is_dated(self, columns: Container[str]) -> bool:
        """Whether a period applies: a stock is what there is on the reporting day."""
        return not self.is_stock and "period_date" in columns

    @property
    def is_amount(self) -> bool:
        """Money is never added across currencies."""
        return self.unit in ("currency", "amount", "money")

    @property
    def filter_column(self) -> str | None:
        """Boolean column of ``row_filter``, without its ``not``."""
        if self.row_filter is None:
            return None
        return self.row_filter.removeprefix("not ").strip()


def _boolean(value: Any) -> bool:
    return str(_text(value)).lower() in ("true", "1", "yes")


def _text(value: Any) -> str | None:
    """None for what CSV and DuckDB can mean by "empty"."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return str(value).strip() or None


def _number(value: Any) -> float | None:
    text = _text(value)
    return None if text is None else float(text)


def _identifier(metric_id: str, field: str, value: str | None) -> str | None:
    if value is not None and not _IDENTIFIER.match(value):
        raise CatalogueError(
            f"seeds/metric_catalogue.csv, metric_id={metric_id}, {field}={value!r}: "
            "not a column or table name. Use lower-case letters, digits and underscores."
        )
    return value


def metric_from_row(row: dict[str, Any]) -> Metric:
    """Validate one catalogue row.

    Raises:
        CatalogueError: an aggregation, column or table name that cannot be turned into SQL.
    """
    metric_id = _text(row.get("metric_id")) or "?"
    aggregation = _text(row.get("aggregation")) or ""
    if aggregation not in AGGREGATIONS:
        raise CatalogueError(
            f"seeds/metric_catalogue.csv, metric_id={metric_id}, aggregation={aggregation!r}: "
            f"use one of {', '.join(AGGREGATIONS)}."
        )
    numerator = _identifier(metric_id, "numerator", _text(row.get("numerator")))
    if numerator is None and aggregation != "count":
        raise CatalogueError(
            f"seeds/metric_catalogue.csv, metric_id={metric_id}: {aggregation} needs a numerator. "
            "Name a column of its mart."
        )
    row_filter = _text(row.get("row_filter"))
    if row_filter is not None:
        _identifier(metric_id, "row_filter", row_filter.removeprefix("not ").strip())
    mart = _identifier(metric_id, "mart", _text(row.get("mart")))
    if mart is None:
        raise CatalogueError(
            f"seeds/metric_catalogue.csv, metric_id={metric_id}: mart is empty. Name a mart."
        )
    objects = _text(row.get("objects")) or ""
    order = _number(row.get("display_order"))
    return Metric(
        metric_id=metric_id,
        version=_text(row.get("version")) or "",
        family=_text(row.get("family")) or "",
        mart=mart,
        aggregation=aggregation,
        numerator=numerator,
        denominator=_identifier(metric_id, "denominator", _text(row.get("denominator"))),
        row_filter=row_filter,
        unit=_text(row.get("unit")) or "count",
        direction=_text(row.get("direction")) or "neutral",
        target=_number(row.get("target")),
        benchmark=_number(row.get("benchmark")),
        owner=_text(row.get("owner")),
        name_en=_text(row.get("name_en")) or metric_id,
        name_zh=_text(row.get("name_zh")) or metric_id,
        definition_en=_text(row.get("definition_en")) or "",
        definition_zh=_text(row.get("definition_zh")) or "",
        display_order=9999 if order is None else int(order),
        is_headline=_boolean(row.get("is_headline")),
        is_stock=_boolean(row.get("is_stock")),
        objects=tuple(part for part in re.split(r"[\s,;|]+", objects) if part),
    )


def table_names(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Names of all published tables."""
    rows = connection.execute(
        "select table_name from information_schema.tables where table_schema = current_schema()"
    ).fetchall()
    return frozenset(str(name) for (name,) in rows)


def column_types(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Column name → DuckDB type of a published table; empty where the table is not published."""
    if table not in table_names(connection):
        return {}
    rows = connection.execute(f'describe "{table}"').fetchall()
    return {str(row[0]): str(row[1]) for row in rows}


def records(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """Rows of a query as dictionaries, NULL as None."""
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def load_metrics(connection: duckdb.DuckDBPyConnection) -> tuple[Metric, ...]:
    """Metrics in display order; empty where no catalogue is published."""
    if "metric_catalogue" not in table_names(connection):
        return ()
    metrics = [metric_from_row(row) for row in records(connection, "from metric_catalogue")]
    return tuple(sorted(metrics, key=lambda metric: (metric.display_order, metric.metric_id)))


def load_thresholds(connection: duckdb.DuckDBPyConnection, as_of: date) -> dict[str, float]:
    """Threshold values valid on ``as_of``, by threshold_id."""
    if "thresholds" not in table_names(connection):
        return {}
    rows = connection.execute(
        """
        select threshold_id, max_by(cast(value as double), cast(valid_from as date))
        from thresholds
        where valid_from is null or cast(valid_from as date) <= $as_of
        group by threshold_id
        """,
        {"as_of": as_of},
    ).fetchall()
    return {str(name): float(value) for name, value in rows if value is not None}


_LABELS = (
    ("canonical_codes", "code_list", "code", "name"),
    ("funnel_stage", "'funnel_stage'", "funnel_stage", "name"),
    ("intent_signal", "'intent_signal'", "signal_id", "name"),
    ("relationship_channel", "'touch_channel'", "channel", "name"),
    ("graph_edge_rule", "'edge_type'", "edge_type", "name"),
    ("mart_safe_frequency", "'segment'", "segment", "segment_name"),
    ("worklist_outcome", "'worklist_outcome'", "outcome", "name"),
    ("next_step", "'stall_reason'", "reason_code", "reason"),
    ("mart_stalled_lead", "'stall_reason'", "reason_code", "reason"),
)
"""(table, code list, code, stem of the name columns)"""


def load_code_labels(
    connection: duckdb.DuckDBPyConnection,
) -> dict[tuple[str, str], tuple[str, str]]:
    """(code list, code) → (English, Chinese); funnel stages are the list ``funnel_stage``."""
    labels: dict[tuple[str, str], tuple[str, str]] = {}
    for table, code_list, code, stem in _LABELS:
        types = column_types(connection, table)
        if not {code, f"{stem}_en", f"{stem}_zh"} <= set(types):
            continue
        rows = connection.execute(
            f"select distinct {code_list}, {code}, {stem}_en, {stem}_zh from {table} "
            f"where {code} is not null order by all"
        ).fetchall()
        for listed, value, english, chinese in rows:
            labels[str(listed), str(value)] = (str(english or value), str(chinese or value))
    return labels
