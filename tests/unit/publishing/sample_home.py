"""A tiny home as dbt leaves it: warehouse file, manifest, receipts, check results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.settings import Settings

NOW = datetime(2026, 7, 1, 6, 30, tzinfo=UTC)

MARTS = {
    "mart_lead": "select 'l' || i as lead_id, date '2026-01-01' + i::int as period_date, "
    "i::hugeint as amount from range(5) as t(i)",
    "mart_order": "select i as order_id, i * 1.5 as net_amount from range(3) as t(i)",
}


def settings_for(home: Path, **values: Any) -> Settings:
    return Settings(home=home, **values)


def model(
    name: str,
    folder: str = "marts/funnel",
    parents: Sequence[str] = (),
    columns: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    return {
        "unique_id": f"model.smh.{name}",
        "resource_type": "model",
        "name": name,
        "alias": name,
        "database": "warehouse",
        "schema": "main",
        "package_name": "smh",
        "original_file_path": f"models/{folder}/{name}.sql",
        "fqn": ["smh", *folder.split("/"), name],
        "description": f"What {name} is.",
        "config": {"materialized": "table", "meta": {}},
        "depends_on": {"nodes": list(parents)},
        "columns": dict(columns or {}),
        "raw_code": f"select * from {name}",
        "compiled_code": f"select 1 as {name}",
        **more,
    }


def seed(name: str) -> dict[str, Any]:
    return {
        **model(name),
        "unique_id": f"seed.smh.{name}",
        "resource_type": "seed",
        "original_file_path": f"../seeds/{name}.csv",
        "fqn": ["smh", name],
        "config": {"materialized": "seed", "meta": {}},
    }


def source(system: str, table: str) -> dict[str, Any]:
    return {
        "unique_id": f"source.smh.{system}.{table}",
        "resource_type": "source",
        "source_name": system,
        "name": table,
        "identifier": table,
        "database": "warehouse",
        "schema": system,
        "package_name": "smh",
        "original_file_path": "models/staging/_sources.yml",
        "fqn": ["smh", "staging", system, table],
        "config": {},
        "columns": {},
    }


def data_test(name: str, attached: str, severity: str = "error", **more: Any) -> dict[str, Any]:
    return {
        "unique_id": f"test.smh.{name}.abc",
        "resource_type": "test",
        "name": name,
        "column_name": None,
        "attached_node": attached,
        "depends_on": {"nodes": [attached]},
        "config": {"severity": severity, "meta": {}},
        "description": "",
        "test_metadata": {"name": "unique", "kwargs": {}},
        **more,
    }


def standard_nodes() -> list[dict[str, Any]]:
    return [
        source("crm", "leads"),
        model("stg_crm__leads", "staging/crm", ["source.smh.crm.leads"]),
        model("fct_lead", "core", ["model.smh.stg_crm__leads"]),
        model(
            "mart_lead",
            parents=["model.smh.fct_lead", "seed.smh.thresholds"],
            columns={"lead_id": {"description": "The lead.\n\n线索编号"}},
        ),
        model("mart_order", parents=[]),
        seed("thresholds"),
        seed("metric_catalogue"),
        data_test(
            "unique_mart_lead_lead_id",
            "model.smh.mart_lead",
            column_name="lead_id",
            test_metadata={"name": "unique", "kwargs": {"column_name": "lead_id"}},
        ),
    ]


def write_manifest(settings: Settings, nodes: Sequence[Mapping[str, Any]]) -> None:
    manifest = {
        "metadata": {"generated_at": "2026-07-01T06:00:00.000000Z"},
        "nodes": {n["unique_id"]: n for n in nodes if n["resource_type"] != "source"},
        "sources": {n["unique_id"]: n for n in nodes if n["resource_type"] == "source"},
    }
    settings.dbt_artifacts.mkdir(parents=True, exist_ok=True)
    (settings.dbt_artifacts / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def write_warehouse(settings: Settings, tables: Mapping[str, str]) -> None:
    """Create or replace tables in the warehouse file, as a dbt run does."""
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.warehouse)) as connection:
        for name, query in tables.items():
            connection.execute(f"create or replace table {name} as {query}")


def write_operations(settings: Settings, table: str, query: str, file: str = "1") -> None:
    folder = settings.operations / table
    folder.mkdir(parents=True, exist_ok=True)
    duckdb.sql(query).write_parquet(str(folder / f"{file}.parquet"))


def build(home: Path, marts: Mapping[str, str] = MARTS, **values: Any) -> Settings:
    """A home ready to publish."""
    settings = settings_for(home, **values)
    write_manifest(settings, standard_nodes())
    write_warehouse(
        settings,
        {
            **marts,
            "thresholds": "select 'freshness_warn_hours' as threshold_id, 24.0 as value",
            "metric_catalogue": "select 'lead_count' as metric_id, 'mart_lead' as mart "
            "union all select 'won_amount', 'mart_to_come'",
        },
    )
    write_operations(
        settings,
        "receipts",
        """
        select * from (values
            ('crm', 'leads', '1', 'loaded', timestamp '2026-06-29 01:00', timestamp '2026-06-28'),
            ('crm', 'leads', '2', 'failed', timestamp '2026-06-30 01:00', null),
            ('erp', 'orders', '1', 'unchanged', timestamp '2026-06-30 02:00', null)
        ) as t(system, table_name, load_id, status, finished_at, newest_at)
        """,
    )
    return settings
