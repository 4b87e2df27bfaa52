"""Questions of a metric's passport: sources, checks, lineage and model SQL behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from streamlit_app.data.catalogue import records, table_names

LAYERS = ("source", "staging", "canonical", "intermediate", "core", "mart")


@dataclass(frozen=True)
class SourceState:
    """A landed table behind a metric; times are UTC, status fresh|warn|error|unknown."""

    source_system: str
    source_table: str
    newest_at: datetime | None
    last_good_load_at: datetime | None
    freshness_status: str


@dataclass(frozen=True)
class CheckSummary:
    """Results of the version's own run; ``rows`` lists all that did not pass first."""

    count_passed: int
    count_failed: int
    count_not_run: int
    rows: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Lineage:
    """Tables behind a metric, by layer in the order of the data's way."""

    layers: tuple[tuple[str, tuple[str, ...]], ...]


def _lineage_rows(connection: duckdb.DuckDBPyConnection, metric_id: str) -> list[dict[str, Any]]:
    if "ops_metric_lineage" not in table_names(connection):
        return []
    rows = connection.execute(
        "select node_name, node_kind, layer, source_system, source_table, distance "
        "from ops_metric_lineage where metric_id = $metric_id order by distance, node_name",
        {"metric_id": metric_id},
    )
    names = [column[0] for column in rows.description or []]
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def metric_sources(
    connection: duckdb.DuckDBPyConnection, metric_id: str
) -> tuple[SourceState, ...]:
    """As-of of each landed table behind a metric; empty where lineage is not published."""
    wanted = {
        (str(row["source_system"]), str(row["source_table"]))
        for row in _lineage_rows(connection, metric_id)
        if row["node_kind"] == "source" and row["source_system"] not in (None, "ops")
    }
    found: dict[tuple[str, str], SourceState] = {}
    if "mart_data_freshness" in table_names(connection):
        for row in records(
            connection,
            "select source_system, source_table, newest_at, last_good_load_at, freshness_status "
            "from mart_data_freshness",
        ):
            key = (str(row["source_system"]), str(row["source_table"]))
            found[key] = SourceState(
                *key, row["newest_at"], row["last_good_load_at"], str(row["freshness_status"])
            )
    return tuple(found.get(key, SourceState(*key, None, None, "unknown")) for key in sorted(wanted))


def metric_checks(
    connection: duckdb.DuckDBPyConnection, metric_id: str, run_id: str
) -> CheckSummary | None:
    """Checks of the version's run on every table behind the metric; None where not published."""
    if "ops_check_results" not in table_names(connection):
        return None
    tables = {str(row["node_name"]) for row in _lineage_rows(connection, metric_id)}
    cursor = connection.execute(
        "select table_name, column_name, check_id, description_en, description_zh, severity, "
        "status, count_failed, detail, detail_zh, checked_at from ops_check_results "
        "where run_id = $run_id "
        "order by case status when 'failed' then 0 when 'not_run' then 1 else 2 end, "
        "severity, table_name, column_name, check_id",
        {"run_id": run_id},
    )
    names = [column[0] for column in cursor.description or []]
    rows = tuple(
        row
        for row in (dict(zip(names, values, strict=True)) for values in cursor.fetchall())
        if str(row["table_name"]) in tables
    )
    states = [str(row["status"]) for row in rows]
    return CheckSummary(
        states.count("passed"), states.count("failed"), states.count("not_run"), rows
    )


def metric_lineage(connection: duckdb.DuckDBPyConnection, metric_id: str) -> Lineage:
    """Tables behind a metric grouped by layer, landed tables first, the mart last."""
    grouped: dict[str, list[str]] = {}
    for row in _lineage_rows(connection, metric_id):
        layer = str(row["layer"]) if row["node_kind"] != "source" else "source"
        if row["node_kind"] == "seed":
            layer = "rule"
        grouped.setdefault(layer, []).append(str(row["node_name"]))
    order = {name: index for index, name in enumerate(("rule", *LAYERS))}
    layers = sorted(grouped.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))
    return Lineage(tuple((layer, tuple(sorted(set(names)))) for layer, names in layers))


def model_sql(connection: duckdb.DuckDBPyConnection, model_name: str) -> str | None:
    """SQL of a model as dbt ran it; None where it is not published."""
    if "ops_model_sql" not in table_names(connection):
        return None
    row = connection.execute(
        "select coalesce(nullif(compiled_sql, ''), raw_sql) from ops_model_sql "
        "where model_name = $model_name",
        {"model_name": model_name},
    ).fetchone()
    return None if row is None or row[0] is None else str(row[0]).strip()
