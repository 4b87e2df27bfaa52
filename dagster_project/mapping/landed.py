"""What has really landed: the columns of each raw table and what kind of value they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import duckdb

Kind = Literal[
    "text",
    "integer",
    "double",
    "decimal",
    "boolean",
    "instant",
    "naive",
    "date",
    "binary",
    "other",
]

# Columns that every landed row carries, with the SQL type they have.
LANDED_METADATA = {
    "_load_id": "string",
    "_loaded_at": "timestamp",
    "_source_file": "string",
    "_source_row": "bigint",
    "_is_deleted": "boolean",
}


def landed_columns(raw: Path, system: str, table: str) -> dict[str, Kind]:
    """Columns of ``raw/<system>/<table>/*.parquet`` with the kind of their values.

    Returns an empty mapping where nothing has landed. dlt's own columns (``_dlt_…``) are left out,
    the metadata columns (``_load_id`` …) are included.
    """
    folder = raw / system / table
    if not any(folder.glob("*.parquet")):
        return {}
    pattern = str(folder / "*.parquet").replace("'", "''")
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"describe select * from read_parquet('{pattern}', union_by_name = true)"
        ).fetchall()
    return {name: kind_of(sql_type) for name, sql_type, *_ in rows if not name.startswith("_dlt_")}


def kind_of(sql_type: str) -> Kind:
    """The kind of a DuckDB type name."""
    name = sql_type.upper()
    if name == "VARCHAR":
        return "text"
    if name == "TIMESTAMP WITH TIME ZONE":
        return "instant"
    if name.startswith("TIMESTAMP"):
        return "naive"
    if name.startswith("DECIMAL"):
        return "decimal"
    if name in {"FLOAT", "DOUBLE"}:
        return "double"
    if name.endswith(("INT", "INTEGER")):
        return "integer"
    return {"BOOLEAN": "boolean", "DATE": "date", "BLOB": "binary"}.get(name, "other")  # type: ignore[return-value]
