"""Writes SQLite source systems in one transaction each, so that the bytes are reproducible."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

Row = Sequence[Any]


def create_database(path: Path, schema: str, tables: Mapping[str, Iterable[Row]]) -> dict[str, int]:
    """Write a new database file and return the rows per table.

    ``schema`` holds the ``create table`` statements; a row has a value per column, in order.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    counts: dict[str, int] = {}
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma synchronous = off")
        connection.execute("pragma journal_mode = off")
        connection.executescript(schema)
        with connection:
            for table, rows in tables.items():
                counts[table] = insert(connection, table, rows)
    return counts


def insert(connection: sqlite3.Connection, table: str, rows: Iterable[Row]) -> int:
    """Append rows; None where the table has more columns than a row is an error of the caller."""
    width = len(connection.execute(f"pragma table_info({table})").fetchall())
    marks = ", ".join("?" * width)
    cursor = connection.executemany(f"insert into {table} values ({marks})", rows)
    return cursor.rowcount
