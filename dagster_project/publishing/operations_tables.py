"""Published tables in which the pipeline describes itself.

- ``ops_check_results``: results of the newest runs, columns as in the lake's ``check_results``
- ``ops_model_sql``: one row per model: its raw and compiled SQL
- ``ops_metric_lineage``: one row per metric and table behind it, up to the landed tables
- ``ops_lineage_edges``: one row per (parent, child) of the whole graph, to draw it
- ``ops_columns``: one row per column of a published table
- ``ops_versions``: one row per kept version, this one included
- ``ops_sources``: one row per table of the sources file, also of sources that never loaded
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from dagster_project.connectors.sources_file import load_sources
from dagster_project.publishing.dbt_artifacts import Node, Project, descriptions
from dagster_project.publishing.storage import Manifest, SourceAsOf
from dagster_project.settings import Settings

# Runs whose check results are published: enough for a history on the page, bounded in size.
KEEP_RUNS = 30

_TEXT = pa.string()
_SCHEMAS: dict[str, pa.Schema] = {
    "ops_model_sql": pa.schema(
        [
            ("model_name", _TEXT),
            ("layer", _TEXT),
            ("materialized", _TEXT),
            ("description_en", _TEXT),
            ("description_zh", _TEXT),
            ("path", _TEXT),
            ("raw_sql", _TEXT),
            ("compiled_sql", _TEXT),
        ]
    ),
    "ops_metric_lineage": pa.schema(
        [
            ("metric_id", _TEXT),
            ("mart", _TEXT),
            ("node_name", _TEXT),
            ("node_kind", _TEXT),
            ("layer", _TEXT),
            ("source_system", _TEXT),
            ("source_table", _TEXT),
            ("distance", pa.int32()),
        ]
    ),
    "ops_lineage_edges": pa.schema(
        [
            ("parent_name", _TEXT),
            ("parent_kind", _TEXT),
            ("parent_layer", _TEXT),
            ("child_name", _TEXT),
            ("child_kind", _TEXT),
            ("child_layer", _TEXT),
        ]
    ),
    "ops_columns": pa.schema(
        [
            ("table_name", _TEXT),
            ("layer", _TEXT),
            ("position", pa.int32()),
            ("column_name", _TEXT),
            ("data_type", _TEXT),
            ("is_key", pa.bool_()),
            ("description_en", _TEXT),
            ("description_zh", _TEXT),
        ]
    ),
    "ops_versions": pa.schema(
        [
            ("version_id", _TEXT),
            ("published_at", pa.timestamp("us")),
            ("as_of", pa.date32()),
            ("run_id", _TEXT),
            ("tables", pa.int32()),
            ("rows", pa.int64()),
            ("state", _TEXT),
        ]
    ),
    "ops_sources": pa.schema(
        [
            ("source_system", _TEXT),
            ("source_table", _TEXT),
            ("kind", _TEXT),
            ("label_en", _TEXT),
            ("label_zh", _TEXT),
            ("schedule", _TEXT),
        ]
    ),
}
NAMES = ("ops_check_results", *_SCHEMAS)

# Timestamps in tables are UTC without a zone, as everywhere in the lake.
# The lake's check_results: written by the quality package, read here and by dbt.
CHECK_RESULT_SCHEMA = pa.schema(
    [
        ("run_id", _TEXT),
        ("checked_at", pa.timestamp("us")),
        ("checker", _TEXT),
        ("layer", _TEXT),
        ("check_id", _TEXT),
        ("table_name", _TEXT),
        ("column_name", _TEXT),
        ("severity", _TEXT),
        ("status", _TEXT),
        ("count_failed", pa.int64()),
        ("detail", _TEXT),
        ("description_en", _TEXT),
        ("description_zh", _TEXT),
        ("detail_zh", _TEXT),
    ]
)


def create(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    project: Project,
    run_id: str,
    published: Mapping[str, Sequence[Mapping[str, str]]],
    versions: Sequence[Mapping[str, Any]],
    base: Manifest | None = None,
) -> dict[str, int]:
    """Create the tables in the connection's own in-memory database.

    Args:
        base: the version that this one follows as a part; a check that the run did not repeat keeps
            the result, and the time, that it has there.
        published: columns (``name``, ``type``) of the marts and rule tables of this version.
        versions: rows of ``ops_versions``.

    Returns:
        How many checks of this run ``passed``, ``failed_error``, ``failed_warn``, were ``not_run``.
    """
    rows: dict[str, list[dict[str, Any]]] = {
        "ops_model_sql": _model_sql(project),
        "ops_metric_lineage": _metric_lineage(connection, project),
        "ops_lineage_edges": _edges(project),
        "ops_columns": _columns(project, published),
        "ops_versions": [
            {**version, "published_at": naive_utc(version["published_at"])} for version in versions
        ],
        "ops_sources": _configured(settings),
    }
    for name, schema in _SCHEMAS.items():
        _create_table(connection, name, pa.Table.from_pylist(rows[name], schema=schema))
    if base is None:
        _create_check_results(connection, settings)
    else:
        _continue_check_results(connection, settings, project, run_id, base)
    counter: Counter[str] = Counter()
    for status, severity, count in connection.execute(
        "select status, severity, count(*) from memory.main.ops_check_results "
        "where run_id = ? group by all",
        [run_id],
    ).fetchall():
        counter[f"failed_{severity}" if status == "failed" else status] += count
    return {name: counter[name] for name in ("passed", "failed_error", "failed_warn", "not_run")}


def sources_as_of(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[SourceAsOf]:
    """As-of of every landed table from the loads' receipts; empty before the first load."""
    pattern = _parquet(settings, "receipts")
    if pattern is None:
        return []
    rows = connection.execute(
        """
        select
            system,
            table_name,
            max(newest_at) filter (where status in ('loaded', 'unchanged')) at time zone 'UTC',
            max(finished_at) filter (where status in ('loaded', 'unchanged')) at time zone 'UTC',
            arg_max(status, (finished_at, load_id)),
        from (
            select * replace (
                cast(newest_at as timestamptz) as newest_at,
                cast(finished_at as timestamptz) as finished_at
            )
            from read_parquet(?, union_by_name = true)
        )
        group by all
        order by all
        """,
        [pattern],
    ).fetchall()
    return [
        SourceAsOf(
            system=system,
            table=table,
            newest_at=_utc(newest_at),
            loaded_at=_utc(loaded_at),
            last_status=status,
        )
        for system, table, newest_at, loaded_at, status in rows
    ]


def _configured(settings: Settings) -> list[dict[str, Any]]:
    """Empty where there is no sources file."""
    if not settings.sources_file.is_file():
        return []
    return [
        {
            "source_system": source.system,
            "source_table": table.name,
            "kind": source.kind,
            "label_en": source.label.en,
            "label_zh": source.label.zh,
            "schedule": source.schedule,
        }
        for source in load_sources(settings).sources
        for table in source.tables
    ]


def naive_utc(value: datetime) -> datetime:
    """UTC without zone, as every table stores times."""
    return value.astimezone(UTC).replace(tzinfo=None)


def _utc(value: Any) -> Any:
    return None if value is None else value.replace(tzinfo=UTC)


def _parquet(settings: Settings, table: str) -> str | None:
    folder = settings.operations / table
    return str(folder / "*.parquet") if any(folder.glob("*.parquet")) else None


def _create_table(connection: duckdb.DuckDBPyConnection, name: str, arrow_table: pa.Table) -> None:
    connection.register("arrow_rows", arrow_table)
    connection.execute(f"create table memory.main.{name} as select * from arrow_rows")
    connection.unregister("arrow_rows")


def _create_check_results(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    empty = CHECK_RESULT_SCHEMA.empty_table()
    _create_table(connection, "ops_check_results", empty)
    pattern = _parquet(settings, "check_results")
    if pattern is None:
        return
    connection.execute(
        """
        insert into memory.main.ops_check_results by name
        with results as (
            select * from read_parquet(?, union_by_name = true)
        )
        select results.*
        from results
        semi join (
            select run_id from results group by run_id order by max(checked_at) desc limit ?
        ) as newest on results.run_id = newest.run_id
        """,
        [pattern, KEEP_RUNS],
    )


def _continue_check_results(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    project: Project,
    run_id: str,
    base: Manifest,
) -> None:
    """The results of ``base``, those of this run, and for this run those that it did not repeat."""
    _create_table(connection, "ops_check_results", CHECK_RESULT_SCHEMA.empty_table())
    _create_table(
        connection,
        "known_tests",
        pa.table({"name": pa.array([test.name for test in project.tests.values()], _TEXT)}),
    )
    published = base.tables["ops_check_results"].files
    connection.execute(
        "create table memory.main.earlier as from read_parquet(?, union_by_name = true)",
        [[str(settings.published / file.path) for file in published]],
    )
    # Named after the run, so that the results of others are not even opened.
    own = sorted(map(str, (settings.operations / "check_results").glob(f"{run_id}-*.parquet")))
    connection.execute(
        "create table memory.main.own as from memory.main.earlier limit 0"
        if not own
        else "create table memory.main.own as from read_parquet(?, union_by_name = true)",
        [own] if own else None,
    )
    connection.execute(
        """
        insert into memory.main.ops_check_results by name
        with kept_runs as (
            select run_id from memory.main.earlier
            where run_id <> $run_id
            group by run_id
            order by max(checked_at) desc
            limit $kept
        )
        from memory.main.earlier semi join kept_runs using (run_id)
        union all by name
        from memory.main.own
        union all by name
        select * replace ($run_id as run_id)
        from memory.main.earlier
        where
            run_id = $base_run_id
            and (checker <> 'dbt' or check_id in (select name from memory.main.known_tests))
            and not exists (
                select 1 from memory.main.own
                where
                    own.checker = earlier.checker
                    and own.table_name = earlier.table_name
                    and own.check_id = earlier.check_id
                    and own.column_name is not distinct from earlier.column_name
            )
        """,
        {"run_id": run_id, "base_run_id": base.run_id, "kept": KEEP_RUNS - 1},
    )
    for name in ("known_tests", "earlier", "own"):
        connection.execute(f"drop table memory.main.{name}")


def _model_sql(project: Project) -> list[dict[str, Any]]:
    return [
        {
            "model_name": node.name,
            "layer": node.layer,
            "materialized": node.materialized,
            "description_en": node.description_en,
            "description_zh": node.description_zh,
            "path": node.path,
            "raw_sql": node.raw_sql,
            "compiled_sql": node.compiled_sql,
        }
        for node in _sorted(project)
        if node.kind == "model"
    ]


def _sorted(project: Project) -> list[Node]:
    return sorted(project.nodes.values(), key=lambda node: (node.kind, node.name))


def _metric_lineage(
    connection: duckdb.DuckDBPyConnection, project: Project
) -> list[dict[str, Any]]:
    """Empty where the project has no metric catalogue."""
    catalogue = next((seed for seed in project.seeds if seed.name == "metric_catalogue"), None)
    if catalogue is None:
        return []
    relation = ".".join(f'"{part}"' for part in catalogue.relation)
    metrics = connection.execute(
        f"select distinct metric_id, mart from {relation} order by all"
    ).fetchall()
    marts = {mart.name: mart for mart in project.marts}
    rows = []
    for metric_id, mart_name in metrics:
        mart = marts.get(mart_name)
        if mart is None:  # a catalogue row for a mart to come: the page shows it as unknown
            continue
        for unique_id, distance in {mart.unique_id: 0, **project.ancestors(mart.unique_id)}.items():
            node = project.nodes[unique_id]
            system, _, table = node.name.partition(".") if node.kind == "source" else ("", "", "")
            rows.append(
                {
                    "metric_id": metric_id,
                    "mart": mart_name,
                    "node_name": node.name,
                    "node_kind": node.kind,
                    "layer": node.layer,
                    "source_system": system or None,
                    "source_table": table or None,
                    "distance": distance,
                }
            )
    return rows


def _edges(project: Project) -> list[dict[str, Any]]:
    return [
        {
            "parent_name": parent.name,
            "parent_kind": parent.kind,
            "parent_layer": parent.layer,
            "child_name": child.name,
            "child_kind": child.kind,
            "child_layer": child.layer,
        }
        for child in _sorted(project)
        for parent in (project.nodes[name] for name in child.parents if name in project.nodes)
    ]


def _columns(
    project: Project, published: Mapping[str, Sequence[Mapping[str, str]]]
) -> list[dict[str, Any]]:
    nodes = {node.name: node for node in [*project.marts, *project.seeds]}
    rows = []
    for table_name, columns in published.items():
        node = nodes[table_name]
        for position, column in enumerate(columns, start=1):
            english, chinese = descriptions(node.columns.get(column["name"], {}))
            rows.append(
                {
                    "table_name": table_name,
                    "layer": node.layer,
                    "position": position,
                    "column_name": column["name"],
                    "data_type": column["type"],
                    "is_key": column["name"] in node.key,
                    "description_en": english,
                    "description_zh": chinese,
                }
            )
    return rows
