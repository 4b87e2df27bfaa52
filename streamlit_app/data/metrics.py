"""The semantic layer: a catalogue row, filters and a period become SQL, and SQL a number.

The tile, its trend, its split and its rows come from one condition and one set of expressions, so
that rows always add up to the tile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import duckdb
import pandas as pd

from streamlit_app.data.catalogue import Metric, column_types, records
from streamlit_app.data.filters import UNKNOWN, Dimension, Period, dimension

COVERAGE_MART = "mart_object_coverage"
Unknown = Literal["object", "dimension", "period", "rows", "definition"]
Selection = tuple[tuple[str, tuple[str, ...]], ...]


class MetricError(ValueError):
    """A metric names a column that its mart does not have; the message says which and where."""


@dataclass(frozen=True)
class Value:
    """One value; for amounts there is one per currency.

    ``numerator`` and ``denominator`` are the sums behind a ratio (None otherwise); ``count_known``
    counts the rows that contribute, ``count_rows`` all rows of the selection.
    """

    currency: str | None
    value: float | None
    numerator: float | None
    denominator: float | None
    count_known: int
    count_rows: int


@dataclass(frozen=True)
class Result:
    """A metric under filters and a period. ``values`` is empty where the number is unknown."""

    metric_id: str
    values: tuple[Value, ...]
    previous: tuple[Value, ...]
    trend: tuple[tuple[date, float | None], ...]
    grain: str
    unknown: Unknown | None = None
    unknown_what: str | None = None
    first_date: date | None = None
    last_date: date | None = None
    is_dated: bool = True

    @property
    def leading(self) -> Value | None:
        """The value with most rows: the one drawn as trend."""
        return self.values[0] if self.values else None

    def previous_of(self, currency: str | None) -> Value | None:
        return next((value for value in self.previous if value.currency == currency), None)


def literal(value: str | date) -> str:
    """A SQL literal; DuckDB strings know no escape but the doubled quote."""
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    return "'" + value.replace("'", "''") + "'"


def _number(column: str, types: Mapping[str, str]) -> str:
    return f"cast({column} as integer)" if types[column] == "BOOLEAN" else column


@dataclass(frozen=True)
class Expressions:
    """SQL pieces of one metric over its mart."""

    value: str
    numerator: str
    denominator: str
    contributes: str
    currency: str


def expressions(metric: Metric, types: Mapping[str, str]) -> Expressions:
    """SQL expressions of a metric.

    Raises:
        MetricError: the mart lacks a column that the catalogue names.
    """
    for column in (metric.numerator, metric.denominator, metric.filter_column):
        if column is not None and column not in types:
            raise MetricError(
                f"seeds/metric_catalogue.csv, metric_id={metric.metric_id}: {metric.mart} has no "
                f"column {column}. Its columns: {', '.join(types)}."
            )
    currency = "currency" if metric.is_amount and "currency" in types else "null"
    numerator, denominator = metric.numerator, metric.denominator
    if metric.aggregation == "count":
        if numerator is None:
            return Expressions("count(*)", "null", "null", "true", currency)
        contributes = numerator if types[numerator] == "BOOLEAN" else f"{numerator} is not null"
        return Expressions(
            f"count(*) filter (where {contributes})", "null", "null", contributes, currency
        )
    assert numerator is not None  # metric_from_row refuses the others
    known = f"{numerator} is not null"
    if metric.aggregation == "ratio":
        top = f"sum({_number(numerator, types)})"
        if denominator is None:
            bottom, contributes = "count(*)", known
        else:
            over = _number(denominator, types)
            bottom = f"sum({over})"
            contributes = (
                f"{known} and {denominator} is not null "
                f"and ({_number(numerator, types)} <> 0 or {over} <> 0)"
            )
        top = f"{top} filter (where {contributes})"
        bottom = f"{bottom} filter (where {contributes})"
        value = f"cast({top} as double) / nullif({bottom}, 0)"
        return Expressions(value, top, bottom, contributes, currency)
    if metric.aggregation == "count_distinct":
        return Expressions(f"count(distinct {numerator})", "null", "null", known, currency)
    function = {"sum": "sum", "mean": "avg", "median": "median"}[metric.aggregation]
    return Expressions(f"{function}({_number(numerator, types)})", "null", "null", known, currency)


def selection_terms(
    selection: Selection, types: Mapping[str, str]
) -> tuple[list[str], Dimension | None]:
    """Filter terms, and the first dimension that the mart does not carry."""
    terms = []
    for dimension_id, values in selection:
        item = dimension(dimension_id)
        if item.column not in types:
            return [], item
        column = item.column
        named = [literal(value) for value in values if value != UNKNOWN]
        parts = []
        if named:
            parts.append(f"cast({column} as varchar) in ({', '.join(named)})")
        if UNKNOWN in values:
            parts.append(f"{column} is null")
        terms.append(parts[0] if len(parts) == 1 else f"({' or '.join(parts)})")
    return terms, None


def period_terms(period: Period) -> list[str]:
    """Terms of a ``where`` clause for the days of a period."""
    terms = []
    if period.start is not None:
        terms.append(f"period_date >= {literal(period.start)}")
    if period.end is not None:
        terms.append(f"period_date < {literal(period.end)}")
    return terms


def conditions(
    metric: Metric,
    types: Mapping[str, str],
    selection: Selection,
    period: Period | None,
    extra: tuple[str, ...] = (),
) -> list[str]:
    """Terms of the ``where`` clause that the tile, its trend and its rows share."""
    terms, missing = selection_terms(selection, types)
    if missing is not None:
        raise MetricError(f"{metric.mart} has no column {missing.column}")
    if metric.row_filter is not None:
        terms.append(metric.row_filter)
    if period is not None and metric.is_dated(types):
        terms.extend(period_terms(period))
    return [*terms, *extra]


def where_clause(terms: list[str]) -> str:
    return "where\n    " + "\n    and ".join(terms) if terms else ""


def metric_sql(
    metric: Metric, types: Mapping[str, str], selection: Selection, period: Period
) -> str:
    """The statement whose answer the tile shows; a person can run it as it stands."""
    parts = expressions(metric, types)
    lines = [f"{parts.value} as value"]
    if metric.aggregation == "ratio":
        lines += [f"{parts.numerator} as numerator", f"{parts.denominator} as denominator"]
    known = "count(*)" if parts.contributes == "true" else _filtered_count(parts.contributes)
    lines += [f"{known} as count_known", "count(*) as count_rows"]
    grouped = parts.currency != "null"
    if grouped:
        lines.insert(0, "currency")
    body = ",\n    ".join(lines)
    where = where_clause(conditions(metric, types, selection, period))
    tail = "group by currency\norder by count_rows desc, currency" if grouped else ""
    return "\n".join(
        part for part in (f"select\n    {body}", f"from {metric.mart}", where, tail) if part
    )


def _filtered_count(condition: str) -> str:
    return f"count(*) filter (where {condition})"


def _measures(parts: Expressions) -> str:
    known = "count(*)" if parts.contributes == "true" else _filtered_count(parts.contributes)
    return (
        f"{parts.value} as value, {parts.numerator} as numerator, "
        f"{parts.denominator} as denominator, {known} as count_known, count(*) as count_rows"
    )


def _value(row: Mapping[str, Any]) -> Value:
    def number(name: str) -> float | None:
        return None if row[name] is None else float(row[name])

    return Value(
        currency=row["currency"],
        value=number("value"),
        numerator=number("numerator"),
        denominator=number("denominator"),
        count_known=int(row["count_known"]),
        count_rows=int(row["count_rows"]),
    )


def bucket_sql(grain: str, end: date | None) -> str:
    """First day of the bucket of ``period_date``.

    Weeks are counted back from the end of the period, so that none of them is a part of a week.
    """
    if grain == "week" and end is not None:
        weeks = f"cast(ceil(date_diff('day', period_date, {literal(end)}) / 7.0) as integer)"
        return f"cast({literal(end)} - 7 * {weeks} as date)"
    return f"cast(date_trunc('{grain}', period_date) as date)"


def bucket_of(day: date, grain: str, end: date | None) -> date:
    """The same as :func:`bucket_sql` for one day."""
    if grain == "day":
        return day
    if grain == "week":
        if end is not None:
            return end - timedelta(weeks=-(-(end - day).days // 7))
        return day - timedelta(days=day.weekday())
    month = day.month if grain == "month" else 3 * ((day.month - 1) // 3) + 1
    return date(day.year, month, 1)


def next_bucket(day: date, grain: str) -> date:
    """First day of the bucket after the one that starts on ``day``."""
    if grain == "day":
        return day + timedelta(days=1)
    if grain == "week":
        return day + timedelta(days=7)
    months = 1 if grain == "month" else 3
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def _unknown(metric: Metric, reason: Unknown, what: str | None, **dates: Any) -> Result:
    return Result(metric.metric_id, (), (), (), "month", reason, what, **dates)


def nothing_is_zero(metric: Metric) -> bool:
    """Whether no rows mean 0: counts, and sums over what the pipeline finds about itself."""
    return metric.aggregation in ("count", "count_distinct") or (
        metric.aggregation == "sum" and not metric.objects
    )


class Surroundings:
    """What several metrics ask about the same version: columns, objects delivered, extents."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._types: dict[str, dict[str, str]] = {}
        self._delivered: frozenset[str] | None = None
        self._extents: dict[str, tuple[int, date | None, date | None]] = {}

    def types(self, mart: str) -> dict[str, str]:
        """Columns of a mart; empty where it is not published."""
        if mart not in self._types:
            self._types[mart] = column_types(self._connection, mart)
        return self._types[mart]

    def missing_objects(self, metric: Metric) -> tuple[str, ...]:
        """Business objects that the metric needs and no source delivers."""
        if not metric.objects or "object_name" not in self.types(COVERAGE_MART):
            return ()
        if self._delivered is None:
            rows = self._connection.execute(
                f"select distinct object_name from {COVERAGE_MART} where count_rows > 0"
            ).fetchall()
            self._delivered = frozenset(str(name) for (name,) in rows)
        return tuple(name for name in metric.objects if name not in self._delivered)

    def extent(self, mart: str, where: str) -> tuple[int, date | None, date | None]:
        """Rows of a mart under a condition, with their first and last day."""
        key = f"{mart} {where}"
        if key not in self._extents:
            days = "null, null"
            if "period_date" in self.types(mart):
                days = "min(period_date), max(period_date)"
            row = self._connection.execute(
                f"select count(*), {days} from {mart} {where}"
            ).fetchone()
            assert row is not None  # an aggregate always answers
            self._extents[key] = (int(row[0]), as_date(row[1]), as_date(row[2]))
        return self._extents[key]


def evaluate(
    connection: duckdb.DuckDBPyConnection,
    metric: Metric,
    selection: Selection,
    period: Period,
    surroundings: Surroundings | None = None,
) -> Result:
    """Value, previous period and trend of a metric.

    Unknown (never 0) is a mart without rows for the chosen source, a filter that the mart does not
    carry, a period before the first row, and a statistic of no rows. A count is 0 only where the
    source is known to deliver and nothing matched.
    """
    around = surroundings or Surroundings(connection)
    types = around.types(metric.mart)
    if not types:
        return _unknown(metric, "object", ", ".join(metric.objects) or metric.mart)
    parts = expressions(metric, types)
    absent = around.missing_objects(metric)
    if absent:
        return _unknown(metric, "object", ", ".join(absent))
    _, missing = selection_terms(selection, types)
    if missing is not None:
        return _unknown(metric, "dimension", missing.dimension_id)

    sources = tuple(item for item in selection if item[0] == "source")
    coverage_terms, _ = selection_terms(sources, types)
    dated = metric.is_dated(types)
    count_all, first, last = around.extent(metric.mart, where_clause(coverage_terms))
    if count_all == 0 and metric.objects:
        return _unknown(metric, "object", ", ".join(metric.objects) or metric.mart)
    own_period = period if dated else Period("all", None, None)
    if first is not None and own_period.end is not None and own_period.end <= first:
        return _unknown(metric, "period", None, first_date=first, last_date=last)

    previous = own_period.previous()
    if previous is not None and (first is None or not covers(first, previous)):
        previous = None
    span = own_period
    if previous is not None:
        span = Period("span", previous.start, own_period.end)
    is_current = (
        f"period_date >= {literal(own_period.start)}" if own_period.start is not None else "true"
    )
    where = where_clause(conditions(metric, types, selection, span))
    rows = records(
        connection,
        f"select {is_current} as is_current, {parts.currency} as currency, {_measures(parts)} "
        f"from {metric.mart} {where} group by 1, 2 order by count_known desc, currency",
    )
    current = tuple(_value(row) for row in rows if row["is_current"])
    before = tuple(_value(row) for row in rows if not row["is_current"])
    counts = nothing_is_zero(metric)
    if not current and counts:
        current = (Value(None, 0.0, None, None, 0, 0),)
    if previous is not None and not before and counts:
        before = (Value(None, 0.0, None, None, 0, 0),)
    if not any(value.value is not None for value in current):
        return _unknown(metric, "rows", None, first_date=first, last_date=last)
    current = tuple(value for value in current if value.value is not None)
    before = tuple(value for value in before if value.value is not None)

    grain = own_period.grain(first, last)
    trend = (
        _trend(
            connection,
            metric,
            types,
            selection,
            own_period,
            grain,
            current[0].currency,
            (first, last),
        )
        if first is not None and last is not None and not metric.is_stock
        else ()
    )
    return Result(
        metric.metric_id,
        current,
        before,
        trend,
        grain,
        first_date=first,
        last_date=last,
        is_dated=dated,
    )


def as_date(value: Any) -> date | None:
    """A day from what DuckDB gives for a date or a timestamp."""
    if value is None:
        return None
    return value.date() if hasattr(value, "date") else value


def covers(first: date, period: Period) -> bool:
    """Whether data reach back to the start of a period, give or take a tenth of it."""
    assert period.start is not None and period.days is not None
    return first <= period.start + timedelta(days=period.days // 10)


def _trend(
    connection: duckdb.DuckDBPyConnection,
    metric: Metric,
    types: Mapping[str, str],
    selection: Selection,
    period: Period,
    grain: str,
    currency: str | None,
    extent: tuple[date, date],
) -> tuple[tuple[date, float | None], ...]:
    parts = expressions(metric, types)
    extra: tuple[str, ...] = ("period_date is not null",)
    if parts.currency != "null":
        same = "currency is null" if currency is None else f"currency = {literal(currency)}"
        extra = (*extra, same)
    where = where_clause(conditions(metric, types, selection, period, extra))
    rows = connection.execute(
        f"select {bucket_sql(grain, period.end)} as bucket, {parts.value} as value "
        f"from {metric.mart} {where} group by 1 order by 1"
    ).fetchall()
    found: dict[date, float | None] = {}
    for day, value in rows:
        bucket = as_date(day)
        assert bucket is not None  # days without a date are left out
        found[bucket] = None if value is None else float(value)
    if not found:
        return ()
    start = min(found) if period.start is None else bucket_of(period.start, grain, period.end)
    end = max(found)
    if period.end is not None:
        end = bucket_of(period.end - timedelta(days=1), grain, period.end)
    # Between the first and the last row of the mart, nothing is a real zero; outside, unknown.
    is_additive = metric.aggregation in ("count", "count_distinct", "sum")
    first, last = (bucket_of(day, grain, period.end) for day in extent)
    series: list[tuple[date, float | None]] = []
    day = start
    while day <= end:
        empty = 0.0 if is_additive and first <= day <= last else None
        series.append((day, found.get(day, empty)))
        day = next_bucket(day, grain)
    return tuple(series)


def evaluate_many(
    connection: duckdb.DuckDBPyConnection,
    metrics: tuple[Metric, ...],
    selection: Selection,
    period: Period,
) -> dict[str, Result]:
    """Results by metric_id; a definition that does not fit its mart is unknown, and says why."""
    results = {}
    around = Surroundings(connection)
    for item in metrics:
        try:
            results[item.metric_id] = evaluate(connection, item, selection, period, around)
        except MetricError as error:
            results[item.metric_id] = _unknown(item, "definition", str(error))
    return results


def previous_trend(
    connection: duckdb.DuckDBPyConnection, metric: Metric, selection: Selection, period: Period
) -> tuple[tuple[date, float | None], ...]:
    """Trend of the period before, on its own days; empty where it is not comparable."""
    previous = period.previous()
    if previous is None:
        return ()
    now = evaluate(connection, metric, selection, period)
    if not now.previous or now.leading is None or now.first_date is None or now.last_date is None:
        return ()
    types = column_types(connection, metric.mart)
    return _trend(
        connection,
        metric,
        types,
        selection,
        previous,
        now.grain,
        now.leading.currency,
        (now.first_date, now.last_date),
    )


def split(
    connection: duckdb.DuckDBPyConnection,
    metric: Metric,
    selection: Selection,
    period: Period,
    dimension_id: str,
) -> tuple[tuple[str | None, str | None, Value], ...]:
    """(key, label, value) per value of a dimension, one per currency; empty where unknown."""
    types = column_types(connection, metric.mart)
    item = dimension(dimension_id)
    _, missing = selection_terms(selection, types)
    if not types or missing is not None or item.column not in types:
        return ()
    parts = expressions(metric, types)
    label = item.label_column if item.label_column in types else item.column
    where = where_clause(conditions(metric, types, selection, period))
    rows = records(
        connection,
        f"select cast({item.column} as varchar) as split_key, "
        f"max(cast({label} as varchar)) as split_label, "
        f"{parts.currency} as currency, {_measures(parts)} from {metric.mart} {where} "
        "group by 1, 3 order by count_known desc, 1, 3",
    )
    return tuple((row["split_key"], row["split_label"], _value(row)) for row in rows)


_FIRST_COLUMNS = ("lead_name", "opportunity_name", "account_name", "rep_name", "period_date")


def row_columns(metric: Metric, types: Mapping[str, str]) -> tuple[str, ...]:
    """Columns of the rows behind a metric: key, what the metric adds, names, then the rest."""
    measures = [metric.numerator, metric.denominator, metric.filter_column]
    if metric.is_amount:
        measures.append("currency")
    wanted = [next(iter(types)), *measures, *_FIRST_COLUMNS, *types]
    return tuple(dict.fromkeys(name for name in wanted if name is not None and name in types))


def rows_sql(metric: Metric, types: Mapping[str, str], selection: Selection, period: Period) -> str:
    """All rows that contribute to the tile, and no other."""
    parts = expressions(metric, types)
    extra = () if parts.contributes == "true" else (parts.contributes,)
    columns = ",\n    ".join(row_columns(metric, types))
    where = where_clause(conditions(metric, types, selection, period, extra))
    return "\n".join(
        part for part in (f"select\n    {columns}", f"from {metric.mart}", where) if part
    )


@dataclass(frozen=True)
class RowSum:
    """The rows behind a tile, added up: one per currency for amounts."""

    currency: str | None
    value: float | None
    numerator: float | None
    denominator: float | None
    count_rows: int


def sum_rows(
    connection: duckdb.DuckDBPyConnection, metric: Metric, selection: Selection, period: Period
) -> tuple[RowSum, ...]:
    """Add up exactly the rows that :func:`rows_sql` lists, in the order of the tile's values."""
    types = column_types(connection, metric.mart)
    parts = expressions(metric, types)
    inner = rows_sql(metric, types, selection, period)
    rows = records(
        connection,
        f"select {parts.currency} as currency, {_measures(parts)} from ({inner}) as listed "
        "group by 1 order by count_known desc, currency",
    )
    values = [_value(row) for row in rows]
    if not values and nothing_is_zero(metric):
        values = [Value(None, 0.0, None, None, 0, 0)]
    return tuple(
        RowSum(item.currency, item.value, item.numerator, item.denominator, item.count_rows)
        for item in values
    )


def rows_page(
    connection: duckdb.DuckDBPyConnection,
    metric: Metric,
    selection: Selection,
    period: Period,
    sort_column: str | None,
    descending: bool,
    page: int,
    page_size: int,
) -> tuple[pd.DataFrame, int]:
    """One page of rows, sorted in SQL, and the count of all rows.

    Raises:
        MetricError: ``sort_column`` is not a column of the rows.
    """
    types = column_types(connection, metric.mart)
    columns = row_columns(metric, types)
    sort_column = sort_column or ("period_date" if "period_date" in columns else columns[0])
    if sort_column not in columns:
        raise MetricError(f"{metric.mart} has no column {sort_column}")
    inner = rows_sql(metric, types, selection, period)
    counted = connection.execute(f"select count(*) from ({inner}) as listed").fetchone()
    direction = "desc" if descending else "asc"
    frame = connection.execute(
        # All columns follow, so that pages never overlap on ties.
        f"{inner}\norder by {sort_column} {direction} nulls last, {', '.join(columns)}\n"
        f"limit {int(page_size)} offset {int(page_size) * (int(page) - 1)}"
    ).df()
    return frame, int(counted[0]) if counted else 0
