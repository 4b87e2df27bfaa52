"""DuckDB as the connectors use it: in memory, few threads, no extension, texts quoted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb

THREADS = 2
# Hashes of rows may differ from one version to the next.
VERSION = duckdb.__version__


def connect(work: Path) -> duckdb.DuckDBPyConnection:
    """A connection that spills below ``work`` and never loads an extension from elsewhere."""
    return duckdb.connect(
        ":memory:",
        config={
            "threads": THREADS,
            "temp_directory": str(work / "spill"),
            "autoinstall_known_extensions": False,
            "preserve_insertion_order": True,
        },
    )


def name(column: str) -> str:
    """A quoted column name."""
    return '"' + column.replace('"', '""') + '"'


def text(value: object) -> str:
    """A quoted text."""
    return "'" + str(value).replace("'", "''") + "'"


def names(columns: Iterable[str]) -> str:
    """Quoted column names, separated by commas."""
    return ", ".join(name(column) for column in columns)


def parquet(paths: Iterable[Path | str]) -> str:
    """A ``read_parquet`` over files with columns united by name."""
    files = ", ".join(text(path) for path in paths)
    return f"read_parquet([{files}], union_by_name = true)"
