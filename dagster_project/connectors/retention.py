"""Retention: rows of web events that are older than a table may keep are removed for good.

A row's age is that of its event, where the table says which column that is, else that of its
load. Whole days are removed, counted back from the day that counts as today. Rows that arrive too
old are removed before they are landed. Files of the lake that are too old as a whole are deleted,
others are written anew without their old rows; both happen with the load's commit, so that a load
that is killed is finished by the next one, and each removed row is counted once.

Quarantined rows have no time of their own: they count by the time they were set apart. Their text
and reason are removed; the row itself stays, so that received = loaded + rejected still holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dagster_project.connectors import duck
from dagster_project.connectors.problems import Words
from dagster_project.connectors.receipts import (
    REMOVED_ROWS_SCHEMA,
    naive_utc,
    write_parquet,
)

REMOVED = Words(
    "Text and reason were removed: older than `retention_days`.",
    "文本与原因已按 retention_days 删除。",
)


@dataclass
class Removal:
    """What one load removes: files to replace (from → to), files to delete, rows by day."""

    moves: dict[Path, Path] = field(default_factory=dict)
    deleted: list[Path] = field(default_factory=list)
    days: dict[date | None, int] = field(default_factory=dict)
    texts: int = 0

    @property
    def rows(self) -> int:
        return sum(self.days.values())


def first_kept(as_of: date, days: int) -> datetime:
    """The first moment (UTC) whose rows are kept."""
    return datetime.combine(as_of - timedelta(days=days), time())


class Retention:
    """One table of one load. ``work`` takes the new files until they are moved into place."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, work: Path, table: str, kept_from: datetime
    ) -> None:
        self._connection = connection
        self._work = work
        self._table = table
        self._kept_from = kept_from
        self._count_files = 0

    def of_new_rows(self, files: Iterable[Path], column: str | None, removal: Removal) -> None:
        """Take too old rows out of files that are about to be landed."""
        for path in files:
            days = self._old_days([path], column).get(str(path), {})
            if days:
                self._write_kept(path, column).replace(path)
                _add(removal, days)

    def of_lake(self, files: Iterable[Path], column: str | None, removal: Removal) -> None:
        """Find what is too old in landed files; one file stays, as it tells the columns."""
        present = sorted(files)
        old = self._old_days(present, column) if present else {}
        whole = {
            path
            for path in present
            if str(path) in old and sum(old[str(path)].values()) == pq.read_metadata(path).num_rows
        }
        spared = present[-1] if len(whole) == len(present) and present else None
        for path in present:
            days = old.get(str(path))
            if not days:
                continue
            _add(removal, days)
            if path in whole and path != spared:
                removal.deleted.append(path)
            else:
                removal.moves[self._write_kept(path, column)] = path

    def of_quarantine(self, folder: Path, removal: Removal) -> None:
        """Find quarantined rows, in full, that are too old."""
        for path in sorted(folder.glob("*.parquet")):
            newest = pc.max(pq.read_table(path, columns=["quarantined_at"])["quarantined_at"])
            if newest.as_py() is not None and newest.as_py() < self._kept_from:
                removal.deleted.append(path)

    def of_listed_quarantine(self, files: Iterable[Path], system: str, removal: Removal) -> None:
        """Find quarantined rows, as the pages list them, whose text is to be removed."""
        for path in sorted(files):
            target = removal_target(removal, path)
            rows = pq.read_table(target or path)
            is_old = pc.and_(
                pc.and_(
                    pc.equal(rows["system"], system), pc.equal(rows["table_name"], self._table)
                ),
                pc.less(rows["quarantined_at"], pa.scalar(self._kept_from, pa.timestamp("us"))),
            )
            is_old = pc.fill_null(pc.and_(is_old, pc.is_valid(rows["raw_text"])), False)
            count = pc.sum(is_old).as_py() or 0
            if not count:
                continue
            for name, text in (
                ("raw_text", None),
                ("reason_en", REMOVED.en),
                ("reason_zh", REMOVED.zh),
            ):
                made = pc.if_else(is_old, pa.scalar(text, pa.string()), rows[name])
                index = rows.schema.get_field_index(name)
                rows = rows.set_column(index, rows.schema.field(index), made)
            new = self._new_file()
            write_parquet(rows, new)
            removal.moves[new] = path
            removal.texts += count

    def _old_days(
        self, files: Iterable[Path], column: str | None
    ) -> dict[str, dict[date | None, int]]:
        """Rows that are too old, by file and day."""
        relation = duck.parquet(files).replace(
            "union_by_name = true", "union_by_name = true, filename = '_lake_file'"
        )
        moment = self._moment(relation, column)
        found: dict[str, dict[date | None, int]] = {}
        for name, day, count in self._connection.execute(
            f"select _lake_file, cast({moment} as date), count(*) from {relation} "
            f"where {self._is_old(moment)} group by all"
        ).fetchall():
            found.setdefault(name, {})[day] = count
        return found

    def _write_kept(self, path: Path, column: str | None) -> Path:
        target = self._new_file()
        relation = duck.parquet([path])
        moment = self._moment(relation, column)
        self._connection.execute(
            f"copy (select * from {relation} where not coalesce({self._is_old(moment)}, false)) "
            f"to {duck.text(target)} (format parquet, compression zstd)"
        )
        return target

    def _new_file(self) -> Path:
        self._count_files += 1
        return self._work / f"{self._table}.kept.{self._count_files}.parquet"

    def _is_old(self, moment: str) -> str:
        return f"{moment} < timestamp {duck.text(self._kept_from.isoformat(sep=' '))}"

    def _moment(self, relation: str, column: str | None) -> str:
        """When the event of a row was, as SQL; of a row that does not tell, its load."""
        kinds = {
            name: kind
            for name, kind, *_ in self._connection.execute(
                f"describe select * from {relation}"
            ).fetchall()
        }
        if column is None or column not in kinds:
            return "_loaded_at"
        name, kind = duck.name(column), kinds[column]
        if kind == "TIMESTAMP":
            # As it is, so that files and row groups without old rows are not read.
            return name
        if kind in {"BIGINT", "DOUBLE"} or kind.startswith("DECIMAL"):
            return f"coalesce({_from_epoch(name)}, _loaded_at)"
        if kind == "VARCHAR":
            number = _from_epoch(f"try_cast({name} as double)")
            return f"coalesce(try_cast({name} as timestamp), {number}, _loaded_at)"
        return f"coalesce(try_cast({name} as timestamp), _loaded_at)"


def _from_epoch(number: str) -> str:
    """Seconds, milliseconds or microseconds since 1970, told apart by their size."""
    return (
        f"case when abs({number}) < 1e11 then make_timestamp(cast({number} * 1e6 as bigint)) "
        f"when abs({number}) < 1e14 then make_timestamp(cast({number} * 1e3 as bigint)) "
        f"when abs({number}) < 1e17 then make_timestamp(cast({number} as bigint)) end"
    )


def _add(removal: Removal, days: Mapping[date | None, int]) -> None:
    for day, count in days.items():
        removal.days[day] = removal.days.get(day, 0) + count


def removal_target(removal: Removal, path: Path) -> Path | None:
    """The new file that stands ready for ``path``, of which another table's rows were removed."""
    return next((new for new, old in removal.moves.items() if old == path), None)


def removed_table(
    system: str, load_id: str, removed: Mapping[str, Removal], now: datetime
) -> pa.Table:
    """Removed rows by table and day, for the models that are built of them."""
    rows = [
        {
            "system": system,
            "table_name": table,
            "load_id": load_id,
            "event_date": day,
            "rows_removed": count,
            "removed_at": naive_utc(now),
        }
        for table, removal in removed.items()
        for day, count in sorted(removal.days.items(), key=lambda item: str(item[0]))
    ]
    return pa.Table.from_pylist(rows, schema=REMOVED_ROWS_SCHEMA)
