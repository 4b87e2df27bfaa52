"""A small installation in a temporary folder: write sources, load them, read what has landed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.connectors import load_source
from dagster_project.connectors.receipts import Receipt
from dagster_project.connectors.sources_file import load_sources
from dagster_project.settings import Settings

# A source that is the SQLite file of :attr:`Installation.database`; its tables follow.
SHOP = """
[[source]]
system = "shop"
kind = "sql"
url = "sqlite:///{here}/data/shop.sqlite"
"""


class Installation:
    """Home, sources file and data folder of one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir()
        self.settings = Settings(home=folder / "home", sources=folder / "sources.toml")

    @property
    def database(self) -> Path:
        return self.data / "shop.sqlite"

    def is_that_of_commands(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let commands that are run in this test find this installation."""
        monkeypatch.setenv("SMH_HOME", str(self.settings.home))
        monkeypatch.setenv("SMH_SOURCES", str(self.settings.sources_file))

    def sources(self, text: str) -> None:
        self.settings.sources_file.write_text(text, encoding="utf-8")

    def load(self, system: str = "shop", **options: Any) -> dict[str, Receipt]:
        """Load one system; receipts by table."""
        source = load_sources(self.settings).source(system)
        return {r.table_name: r for r in load_source(source, self.settings, **options)}

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of ``statement`` over the lake; ``{system.table}`` names landed tables."""
        with duckdb.connect() as connection:
            return connection.execute(
                _with_tables(statement, self.settings), list(parameters)
            ).fetchall()

    def rows(self, table: str, columns: str = "*", system: str = "shop") -> list[tuple[Any, ...]]:
        """Landed rows in the order of loading."""
        return self.query(
            f"select {columns} from {{{system}.{table}}} order by _load_id, _source_file, "
            "_source_row, 1"
        )

    def current(self, table: str, key: str, columns: str) -> list[tuple[Any, ...]]:
        """Current rows of a keyed table, as the warehouse will see them."""
        return self.query(
            f"select {columns} from (select * from {{shop.{table}}} qualify row_number() over "
            f"(partition by {key} order by _load_id desc) = 1) where not _is_deleted order by all"
        )

    def quarantined(self, columns: str = "reason_code, source_row") -> list[tuple[Any, ...]]:
        return self.query(f"select {columns} from {{ops.quarantined_rows}} order by all")


def _with_tables(statement: str, settings: Settings) -> str:
    parts = statement.split("{")
    for index, part in enumerate(parts[1:], start=1):
        name, rest = part.split("}", 1)
        system, table = name.split(".")
        glob = settings.raw / system / table / "*.parquet"
        parts[index] = f"read_parquet('{glob}', union_by_name = true){rest}"
    return "".join(parts)


def execute(database: Path, *statements: str | tuple[str, Iterable[Any]]) -> None:
    """Run statements in an SQLite file; a tuple is a statement with its rows of values."""
    connection = sqlite3.connect(database)
    with connection:
        for statement in statements:
            if isinstance(statement, tuple):
                connection.executemany(statement[0], statement[1])
            else:
                connection.execute(statement)
    connection.close()


def log_line(
    address: str = "10.0.0.1",
    second: int = 0,
    request: str = "GET /a HTTP/1.1",
    status: str = "200",
    size: str = "5",
    agent: str = '"UA"',
) -> str:
    """One line of the combined format."""
    at = f"17/May/2015:08:{second // 60:02}:{second % 60:02} +0000"
    return f'{address} - - [{at}] "{request}" {status} {size} "-" {agent}\n'
