"""Business systems that are read from their database: which tables they have is known.

The systems (:mod:`connectors.tryton`, :mod:`connectors.odoo_database`,
:mod:`connectors.erpnext_database`) differ in their ``tables.toml`` alone. An installation has only
the tables of the modules that were chosen for it: a table of the preset whose module is not there
is told in the receipt and left alone, as nothing can be missing from it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import Field

from dagster_project.connectors.check import Finding, limited, ok
from dagster_project.connectors.extract import Extract
from dagster_project.connectors.kinds import Load
from dagster_project.connectors.problems import SourceError, Words
from dagster_project.connectors.source_models import Columns, Text
from dagster_project.connectors.sql_database import check as sql_check
from dagster_project.connectors.sql_database import reader as sql_reader
from dagster_project.connectors.sql_database.reader import SqlReader
from dagster_project.connectors.sql_database.settings import SqlSource, SqlTable


class PresetTable(SqlTable):
    """A table of a business system."""

    module: Text | None = Field(
        default=None, description="Part of the system that has the table, as its people call it."
    )
    needs: Columns = Field(
        default=(), description="Tables of the database without which the part is not installed."
    )


class PresetSource(SqlSource):
    """A business system, reached by the SQLAlchemy URL of its database."""

    tables: tuple[PresetTable, ...] = Field(alias="table", min_length=1)


@dataclass(frozen=True)
class PresetReader:
    """Reads what is installed; see :class:`SqlReader` for the rest."""

    source: PresetSource
    inner: SqlReader
    present: frozenset[str]

    reads_windows = True

    @property
    def reads_one_moment(self) -> bool:
        """Whether rows and keys of one table are those of one and the same moment."""
        return self.inner.reads_one_moment

    def absent(self, table: PresetTable) -> list[str]:
        """Tables of the database that ``table`` needs and that are not there."""
        return [name for name in table.needs if name not in self.present]

    def extract(
        self, table: PresetTable, state: Mapping[str, Any], work: Path, *, full: bool
    ) -> Extract:
        """Read one table; nothing where its module is not installed.

        Raises:
            SourceError: the table, a column or the query cannot be read.
        """
        # What was there once has to be there, else its rows would seem to be up to date.
        if absent := self.absent(table):
            words = self._not_installed(table)
            if not state.get("has_landed"):
                return Extract(is_unchanged=True, notes=[words])
            raise SourceError(
                words,
                Words(
                    "It was there once: install it again, or give the user back the right to see "
                    "it. What has landed stays.",
                    "该模块曾经存在：请重新安装，或恢复该用户的查看权限。已入湖的数据保留。",
                ),
                changes=[{"change": "table_gone", "from": name} for name in absent],
            )
        return self.inner.extract(table, state, work, full=full)

    def read_keys(self, table: PresetTable, columns: list[str], work: Path) -> Path:
        """All keys that the source holds now, as a Parquet file, to find deleted rows."""
        return self.inner.read_keys(table, columns, work)

    def _not_installed(self, table: PresetTable) -> Words:
        names = ", ".join(self.absent(table))
        part = table.module or table.name
        return Words(
            f"{part} is not installed in {self.source.system} (no {names}): nothing to load.",
            f"{self.source.system} 未安装 {part}（无 {names}）：无需加载。",
        )


@contextlib.contextmanager
def open_source(source: PresetSource, load: Load | None = None) -> Iterator[PresetReader]:
    """Connect to the database of ``source`` and look which tables it has.

    Raises:
        SourceError: the URL, the driver, the server or the credentials are wrong.
    """
    with sql_reader.open_source(source, load) as inner:
        yield PresetReader(source, inner, _present(inner))


def check(source: PresetSource) -> list[Finding]:
    """Findings of the database: what lets us in, what can be read, what is not installed.

    Raises:
        SourceError: the database cannot be reached or does not let us in.
    """
    with open_source(source) as reader:
        installed = [table for table in source.tables if not reader.absent(table)]
        others = [table for table in source.tables if reader.absent(table)]
        told = [reader._not_installed(table) for table in others]
    if not installed:
        return [
            ok("The database lets us in.", "数据库连接成功。"),
            limited(
                Words(
                    f"The database has none of the tables of {source.kind}.",
                    f"数据库中没有 {source.kind} 的任何表。",
                ),
                Words(
                    "Let the URL name the system's own database and, where it is not the "
                    "default, its schema; give the user the right to read its tables.",
                    "请让 URL 指向该系统的数据库（必要时注明 schema），并授予读取权限。",
                ),
            ),
        ]
    findings = sql_check.check(source.model_copy(update={"tables": tuple(installed)}))
    return findings + [Finding("ok", words) for words in told]


def _present(reader: SqlReader) -> frozenset[str]:
    """Names of tables and views that this user may see without naming a schema."""
    inspector = sa.inspect(reader._connection)
    return frozenset([*inspector.get_table_names(), *inspector.get_view_names()])
