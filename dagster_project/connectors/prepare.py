"""From extracted rows to the rows that are landed: keys, versions, tombstones, the shrink guard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.connectors import duck
from dagster_project.connectors.extract import CURSOR_COLUMN, Extract
from dagster_project.connectors.kinds import Coverage
from dagster_project.connectors.lake import Lake
from dagster_project.connectors.problems import Words
from dagster_project.connectors.receipts import RejectedRow, naive_utc
from dagster_project.connectors.source_models import Table
from dagster_project.connectors.values import arrow_type, as_text

# Of fewer rows than these a share of the keys says little.
FEW_ROWS = 20

_SQL_TYPES = {
    "text": "varchar",
    "integer": "bigint",
    "number": "double",
    "boolean": "boolean",
    "timestamp": "timestamp",
    "date": "date",
    "time": "time",
    "binary": "blob",
}


@dataclass(frozen=True)
class Guard:
    """Holds back a table that has shrunk. ``seen`` rows or keys are what someone has agreed to."""

    is_off: bool = False
    seen: int | None = None


@dataclass
class Prepared:
    """Rows ready to land. ``held_back`` says why they are not to be landed.

    ``count_seen`` rows or keys were there when they were held back.

    ``rows_merged`` of the loaded rows are newer versions of keys that were landed before.
    ``rows_absent`` keys of the source are neither in the lake nor among the rows of this load, None
    where keys were not compared; for ``rows_lost`` of them the table has to be read whole.
    ``absent`` is a Parquet file of such keys, to be remembered.
    """

    files: list[Path] = field(default_factory=list)
    rows_loaded: int = 0
    rows_merged: int = 0
    rows_deleted: int = 0
    rows_absent: int | None = None
    rows_lost: int = 0
    absent: Path | None = None
    rows_present: int | None = None
    rejected: list[RejectedRow] = field(default_factory=list)
    known_rows: Path | None = None
    content: str | None = None
    held_back: tuple[Words, Words] | None = None
    count_seen: int | None = None


def sql_type(name: str) -> str:
    """DuckDB's name of a landed type."""
    if name.startswith("decimal("):
        return str(arrow_type(name)).replace("decimal128", "decimal")
    return _SQL_TYPES[name]


class Preparation:
    """One table of one load."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        lake: Lake,
        table: Table,
        state: Mapping[str, Any],
        extract: Extract,
        load_id: str,
        loaded_at: datetime,
    ) -> None:
        self._connection = connection
        self._lake = lake
        self._table = table
        self._state = state
        self._extract = extract
        self._load_id = load_id
        self._loaded_at = naive_utc(loaded_at)
        self._columns = list(extract.columns)
        self._key = list(table.primary_key)
        self._target = lake.work / f"{table.name}.landing.parquet"
        self._known_target = lake.work / f"{table.name}.known.parquet"
        self._absent_target = lake.work / f"{table.name}.absent.parquet"
        self._has_live_keys = False
        # Where the values tell its type, a cursor without values has no column.
        self._has_cursor = extract.known_from is not None and any(
            CURSOR_COLUMN in pq.read_schema(path).names for path in extract.parquet
        )

    def lines(self) -> Prepared:
        """Rows of which each is new and written as it is landed: lines of access logs."""
        paths = self._extract.parquet
        if not paths and not self._lake.has_rows(self._table.name):
            return self._no_lines()
        loaded = sum(pq.read_metadata(path).num_rows for path in paths)
        return Prepared(files=list(paths), rows_loaded=loaded)

    def _no_lines(self) -> Prepared:
        """A file without rows, so that the table has its columns from the start."""
        self._read_rows()
        self._copy("rows", self._target)
        return Prepared(files=[self._target])

    def snapshot(self, *, guard: Guard, full: bool) -> Prepared:
        """Rows of a table that was read whole."""
        prepared = self._read_rows()
        (count,) = self._one("select count(*) from rows where not is_rejected")
        prepared.rows_present = int(count)
        previous = self._state.get("rows") if guard.seen is None else guard.seen
        ratio = self._table.shrink_ratio
        if previous and not guard.is_off and count < ratio * previous:
            prepared.held_back = _shrunk(int(count), int(previous), ratio, guard)
            prepared.count_seen = int(count)
            return prepared
        if self._key:
            self._versions(prepared, full=full)
        else:
            self._whole(prepared, full=full)
        return prepared

    def increment(self, *, full: bool) -> Prepared:
        """Rows of a table that was read from a cursor on: without those already landed."""
        prepared = self._read_rows()
        # What is remembered of rows holds for the same columns and the same hash function only.
        is_comparable = (
            not full
            and self._state.get("hashed_by") == duck.VERSION
            and self._compared_columns() == set(self._columns)
        )
        if not is_comparable and self._lake.has_rows(self._table.name):
            known = self._landed_hashes()
        elif is_comparable and (path := self._lake.known_rows(self._state)):
            known = f"(select _hash from {duck.parquet([path])})"
        else:
            known = "(select 0::ubigint as _hash where false)"
        self._land_new(prepared, known)
        bound = self._extract.known_from if self._has_cursor else None
        window = (
            f"{CURSOR_COLUMN} is null or {CURSOR_COLUMN} >= $1" if bound is not None else "true"
        )
        self._connection.execute(
            f"copy (select _hash from rows where not is_rejected and ({window})) "
            f"to {duck.text(self._known_target)} (format parquet)",
            [bound] if bound is not None else None,
        )
        prepared.known_rows = self._known_target
        return prepared

    def _compared_columns(self) -> set[str]:
        """The columns that the last load had: what is remembered of its rows is made of them."""
        return set(self._state.get("columns", {})) - set(self._state.get("missing_columns", ()))

    def append(self) -> Prepared:
        """Rows of files: of files that were landed before only the rows that are new in them."""
        prepared = self._read_rows()
        known = "(select 0::ubigint as _hash where false)"
        if self._key and self._lake.has_rows(self._table.name):
            # The same event again, whatever file brings it.
            key = duck.names(self._key)
            known = (
                f"(select distinct {self._hash()} as _hash from {self._landed()} "
                f"where not _is_deleted and ({key}) in (select ({key}) from rows))"
            )
        elif self._extract.lake_files and self._lake.has_rows(self._table.name):
            files = ", ".join(duck.text(path) for path in self._extract.lake_files)
            known = self._landed_hashes(f"_source_file in ({files})", ["_source_file"])
        self._land_new(prepared, known)
        return prepared

    def sweep(
        self,
        prepared: Prepared,
        keys: Path,
        *,
        guard: Guard,
        coverage: Coverage | None,
        full: bool,
        is_one_moment: bool,
    ) -> None:
        """Compare with all keys of the source (``keys``): tombstones for those that are gone.

        A key that this load brought is there, whatever was read of the keys later. A source that
        suddenly shows far fewer keys may hide them: then nothing is to be landed.

        Args:
            coverage: the part of the landed rows that ``keys`` tell of; by default all.
            full: the rows of this load are all that the source has.
            is_one_moment: the rows and ``keys`` are of the same moment.
        """
        now, live = self._keys_of(keys), self._live_keys()
        covered = live if coverage is None else self._covered_keys(coverage)
        present, landed = self._one(
            f"select (select count(*) from {now}), (select count(*) from {covered})"
        )
        # A source without any key hides them, however few have landed.
        is_telling = landed >= FEW_ROWS or not present
        if is_telling and self._has_shrunk(prepared, guard, present, landed):
            return
        is_gone = f"not exists (select 1 from {now} as k where {self._same('k', 'l')})"
        if coverage is not None:
            is_gone += f" and exists (select 1 from {covered} as c where {self._same('c', 'l')})"
        self._bury(prepared, is_gone)
        self._connection.execute(
            f"""
            create temp table absent as
            select {duck.names(self._key)} from {now} as k
            where not exists (select 1 from rows as r
                where not is_rejected and {self._same("k", "r")})
            and not exists (select 1 from {live} as l where {self._same("k", "l")})
            """
        )
        (count,) = self._one("select count(*) from absent")
        prepared.rows_absent = int(count)
        if count:
            self._judge_absent(prepared, full=full, is_one_moment=is_one_moment)

    def _covered_keys(self, coverage: Coverage) -> str:
        """Name of a relation with the landed keys that the source would list."""
        live, key = self._live_keys(), duck.names(self._key)
        query, present = f"select {key} from {live} where false", set[str]()
        if self._lake.has_rows(coverage.table):
            landed = duck.parquet([self._lake.rows_glob(coverage.table)])
            described = self._connection.execute(f"describe select * from {landed}").fetchall()
            present = {row[0] for row in described}
        if present.issuperset(coverage.same.values()):
            values = ", ".join(
                f"o.{duck.name(c)}" if c in present else "null" for c in coverage.columns
            )
            same = " and ".join(
                f"l.{duck.name(own)}::varchar = o.{duck.name(other)}::varchar"
                for own, other in coverage.same.items()
            )
            # A tombstone has no values: the row before it tells.
            query = f"""
                select {", ".join(f"l.{duck.name(c)}" for c in self._key)}, {values}
                from {live} as l join (
                    select * from {landed} where not _is_deleted
                    qualify row_number() over (
                        partition by {duck.names(coverage.same.values())} order by _load_id desc
                    ) = 1
                ) as o on {same}
            """
        found = self._connection.execute(query).to_arrow_table()
        columns = [column.to_pylist() for column in found.columns[len(self._key) :]]
        holds = [coverage.holds(values) for values in zip(*columns, strict=True)]
        keys = found.select(list(range(len(self._key)))).filter(pa.array(holds, pa.bool_()))
        self._connection.register("covered_keys", keys.rename_columns(self._key))
        return "covered_keys"

    def _judge_absent(self, prepared: Prepared, *, full: bool, is_one_moment: bool) -> None:
        """Which of the absent keys are lost, and which are absent for good.

        A row that was quarantined, or that not even a whole reading brought, is absent for good. A
        row that came between the reading of rows and of keys is absent once; one that is absent
        again was committed later than the overlap, or was buried as a list of keys had skipped it.
        """
        before, apart = self._absent_before(), self._rejected_keys()
        same = self._same("b", "a", or_null=True)
        # Nothing lands without a key, or with one that does not fit its column.
        is_null = " or ".join(f"a.{duck.name(c)} is null" for c in self._key)
        is_settled = (
            f"(exists (select 1 from {before} as b where {same} and b._is_settled) "
            f"or exists (select 1 from {apart} as b where {same}) or {is_null})"
        )
        is_due = "true" if is_one_moment else f"exists (select 1 from {before} as b where {same})"
        if full:
            is_settled = f"({is_settled} or {is_due})"
        else:
            (lost,) = self._one(
                f"select count(*) from absent as a where {is_due} and not {is_settled}"
            )
            prepared.rows_lost = int(lost)
        self._copy_absent(
            prepared,
            f"select {duck.names(self._key)}, {is_settled} as _is_settled from absent as a",
        )

    def note_rejected(self, prepared: Prepared) -> None:
        """Remember the keys of quarantined rows until keys are compared again."""
        if any(self._key_of(row) for row in self._extract.rejected):
            before, apart = self._absent_before(), self._rejected_keys()
            key = duck.names(self._key)
            self._copy_absent(
                prepared,
                f"select {key}, _is_settled from {before} "
                f"union all select {key}, true from {apart}",
            )

    def _copy_absent(self, prepared: Prepared, query: str) -> None:
        key = duck.names(self._key)
        self._connection.execute(
            f"copy (select {key}, bool_or(_is_settled) as _is_settled from ({query}) "
            f"group by {key}) to {duck.text(self._absent_target)} (format parquet)"
        )
        prepared.absent = self._absent_target

    def _absent_before(self) -> str:
        """The keys that were remembered as absent, with ``_is_settled``."""
        path = self._lake.absent_keys(self._state)
        if path:
            return duck.parquet([path])
        nulls = ", ".join(
            f"cast(null as {sql_type(self._extract.columns[c])}) as {duck.name(c)}"
            for c in self._key
        )
        return f"(select {nulls}, false as _is_settled where false)"

    def _rejected_keys(self) -> str:
        """Name of a relation with the keys of rows that the reader set apart."""
        rows = [key for row in self._extract.rejected if (key := self._key_of(row))]
        schema = pa.schema([(c, arrow_type(self._extract.columns[c])) for c in self._key])
        self._connection.register("rejected_keys", pa.Table.from_pylist(rows, schema=schema))
        return "rejected_keys"

    def _key_of(self, row: RejectedRow) -> dict[str, Any] | None:
        """The key of a rejected row, NULL where it was the key that did not fit."""
        values = {c: row.values.get(c) for c in self._key}
        return values if set(self._key) <= set(row.values) else None

    def _has_shrunk(self, prepared: Prepared, guard: Guard, present: int, landed: int) -> bool:
        """Whether so few of the ``landed`` keys are ``present`` that nothing is to be landed."""
        expected = landed if guard.seen is None else guard.seen
        if guard.is_off or present >= self._table.shrink_ratio * expected:
            return False
        prepared.held_back = _keys_shrunk(present, expected, self._table.shrink_ratio, guard)
        prepared.count_seen = present
        return True

    def bury(self, prepared: Prepared, keys: Path, *, guard: Guard) -> None:
        """Add tombstones for landed keys that the source calls deleted (``keys``).

        Where these are most of what has landed, nothing is to be landed.
        """
        listed = self._keys_of(keys)
        is_listed = f"exists (select 1 from {listed} as k where {self._same('k', 'l')})"
        landed, gone = self._one(
            f"select count(*), count(*) filter ({is_listed}) from {self._live_keys()} as l"
        )
        if landed >= FEW_ROWS and self._has_shrunk(prepared, guard, landed - gone, landed):
            return
        self._bury(prepared, is_listed)

    def bury_within(self, prepared: Prepared, groups: Path, columns: Sequence[str]) -> None:
        """Add tombstones for landed keys of ``groups`` that did not come with their group.

        ``columns`` name the part of the key that tells the group.
        """
        listed = duck.parquet([groups])
        same = " and ".join(f"g.{duck.name(c)} = l.{duck.name(c)}" for c in columns)
        self._bury(prepared, f"exists (select 1 from {listed} as g where {same})")

    def _bury(self, prepared: Prepared, condition: str) -> None:
        if not self._lake.has_rows(self._table.name):
            return
        live = self._live_keys()
        self._connection.execute(
            f"""
            create or replace temp table gone as
            select {duck.names(self._key)} from {live} as l where {condition}
            and not exists (select 1 from rows as r
                where not is_rejected and {self._same("r", "l")})
            """
        )
        # A table may be told of deleted rows in two ways; each has a file of its own.
        number = len(prepared.files)
        target = self._lake.work / f"{self._table.name}.deleted.{number}.parquet"
        count = self._copy_deleted("select * from gone", target)
        if count:
            prepared.rows_deleted += count
            prepared.files.append(target)
            self._connection.execute(
                f"delete from {live} using gone where {self._same(live, 'gone')}"
            )

    def _keys_of(self, path: Path) -> str:
        """Keys of the source in the types of the landed ones; one that does not fit is NULL."""
        # Where values tell the type of a column, one without values is not in the file.
        written = set(pq.read_schema(path).names)
        keys = ", ".join(
            f"try_cast({duck.name(c) if c in written else 'null'} as "
            f"{sql_type(self._extract.columns[c])}) as {duck.name(c)}"
            for c in self._key
        )
        return f"(select {keys} from {duck.parquet([path])})"

    def _same(self, one: str, other: str, *, or_null: bool = False) -> str:
        equals = "is not distinct from" if or_null else "="
        return " and ".join(
            f"{one}.{duck.name(c)} {equals} {other}.{duck.name(c)}" for c in self._key
        )

    def _is_flagged(self) -> str:
        """Whether a row says of itself that it was deleted."""
        flag = self._table.deleted_flag
        if not flag or flag not in self._extract.columns:
            return "false"
        values = ", ".join(duck.text(value.lower()) for value in self._table.deleted_values)
        return f"coalesce(lower(cast({duck.name(flag)} as varchar)) in ({values}), false)"

    def _count_merged(self) -> int:
        """Rows to land whose keys were landed before; the file to land has been written."""
        if not self._key or not self._lake.has_rows(self._table.name):
            return 0
        (count,) = self._one(
            f"select count(*) from {duck.parquet([self._target])} as r "
            f"semi join (select distinct {duck.names(self._key)} from {self._landed()}) as l "
            f"on {self._same('r', 'l')}"
        )
        return int(count)

    def _live_keys(self) -> str:
        """Name of the table of landed keys that are not deleted, also not by this load."""
        if not self._has_live_keys:
            key = duck.names(self._key)
            self._connection.execute(
                f"""
                create temp table live_keys as
                select {key} from (
                    select {key}, _is_deleted from {self._landed()}
                    qualify row_number() over (partition by {key} order by _load_id desc) = 1
                )
                where not _is_deleted
                """
            )
            self._has_live_keys = True
        return "live_keys"

    def _landed_hashes(self, condition: str = "true", also: Sequence[str] = ()) -> str:
        """Content of landed rows; with a key only of its present version, so that a row that
        returns to an earlier content is landed again."""
        latest = ""
        if self._key:
            latest = (
                f"qualify row_number() over (partition by {duck.names(self._key)} "
                "order by _load_id desc) = 1"
            )
        # A row that is marked as deleted at the source is as it was; a tombstone has no content.
        is_row = "true" if self._table.deleted_flag else "not _is_deleted"
        return (
            f"(select _hash from (select {self._hash(also)} as _hash, _is_deleted "
            f"from {self._landed()} where {condition} {latest}) where {is_row})"
        )

    def _copy_deleted(self, query: str, target: Path) -> int:
        nulls = ", ".join(
            duck.name(c)
            if c in self._key
            else f"cast(null as {sql_type(self._extract.columns[c])}) as {duck.name(c)}"
            for c in self._columns
        )
        return self._copy(
            f"(select {nulls}, cast(null as varchar) as _source_file, "
            f"cast(null as bigint) as _source_row from ({query}))",
            target,
            is_deleted="true",
        )

    def _read_rows(self) -> Prepared:
        """Make table ``rows`` and set apart rows without a key and all but the last of a key."""
        prepared = Prepared()
        extra = [CURSOR_COLUMN] if self._has_cursor else []
        wanted = [*self._columns, "_source_file", "_source_row", *extra]
        if self._extract.parquet:
            relation = duck.parquet(self._extract.parquet)
        else:
            empty = ", ".join(
                f"cast(null as {sql_type(kind)}) as {duck.name(name)}"
                for name, kind in self._extract.columns.items()
            )
            relation = (
                f"(select {empty + ', ' if empty else ''}cast(null as varchar) as _source_file, "
                f"cast(null as bigint) as _source_row where false)"
            )
        hashed = ["_source_file"] if self._table.load == "append" and not self._key else []
        rejected = "false"
        if self._key:
            key = duck.names(self._key)
            is_null = " or ".join(f"{duck.name(c)} is null" for c in self._key)
            rejected = (
                f"case when {is_null} then 'missing_key' "
                f"when row_number() over (partition by {key} order by _n desc) > 1 "
                "then 'duplicate_key' end"
            )
        self._connection.execute(
            f"""
            create or replace temp table rows as
            with numbered as (
                select {duck.names(wanted)}, row_number() over () as _n from {relation}
            ),
            hashed as (select *, {self._hash(hashed)} as _hash from numbered)
            select *, {rejected if self._key else "cast(null as varchar)"} as _reason,
                coalesce(_reason is not null, false) as is_rejected
            from hashed
            """
        )
        if self._key:
            self._collect_rejected(prepared)
        return prepared

    def _collect_rejected(self, prepared: Prepared) -> None:
        wanted = [*self._columns, "_source_file", "_source_row", "_reason"]
        names = ", ".join(self._key)
        for row in self._connection.execute(
            f"select {duck.names(wanted)} from rows where is_rejected order by _n"
        ).fetchall():
            values = dict(zip(wanted, row, strict=True))
            code = values.pop("_reason")
            file, number = values.pop("_source_file"), values.pop("_source_row")
            key = ", ".join(as_text(values[c]) for c in self._key)
            words = (
                Words(f"the key ({names}) is empty", f"主键（{names}）为空")
                if code == "missing_key"
                else Words(
                    f"the key ({names}) = {key} comes more than once; the last row was kept",
                    f"主键（{names}）= {key} 重复；保留最后一行",
                )
            )
            prepared.rejected.append(
                RejectedRow(
                    source_file=file,
                    source_row=number,
                    reason_code=code,
                    reason_en=words.en,
                    reason_zh=words.zh,
                    raw_text=as_text(values),
                )
            )

    def _versions(self, prepared: Prepared, *, full: bool) -> None:
        """Land new and changed rows, and tombstones of keys that vanished."""
        key = [duck.name(c) for c in self._key]
        stored = [f"k{i}" for i in range(len(key))]
        known_path = self._lake.known_rows(self._state)
        same = " and ".join(f"k.{s} = r.{c}" for s, c in zip(stored, key, strict=True))
        known = duck.parquet([known_path]) if known_path else None
        is_new = (
            f"not exists (select 1 from {known} as k where {same} and k._hash = r._hash)"
            if known and not full
            else "true"
        )
        prepared.rows_loaded = self._copy(
            f"(select * from rows as r where not is_rejected and {is_new} order by _n)",
            self._target,
            is_deleted=self._is_flagged(),
        )
        is_first = not self._lake.has_rows(self._table.name)
        if prepared.rows_loaded:
            prepared.rows_merged = self._count_merged()
        if prepared.rows_loaded or is_first:
            prepared.files.append(self._target)
        # A rejected row may carry any key; no key counts as deleted because its row was broken.
        broken = list(self._extract.rejected) + [
            r for r in prepared.rejected if r.reason_code != "duplicate_key"
        ]
        kept = f"select {', '.join(stored)}, _hash from {known} as k" if known and broken else None
        if not known and not broken:
            # What was known belonged to other settings of the table: the lake itself tells.
            self._bury(prepared, "true")
        if known and not broken:
            target = self._lake.work / f"{self._table.name}.deleted.parquet"
            columns = ", ".join(f"k.{s} as {c}" for s, c in zip(stored, key, strict=True))
            prepared.rows_deleted = self._copy_deleted(
                f"select {columns} from {known} as k "
                f"where not exists (select 1 from rows as r where {same} and not is_rejected)",
                target,
            )
            if prepared.rows_deleted:
                prepared.files.append(target)
        present = ", ".join(f"{c} as {s}" for s, c in zip(stored, key, strict=True))
        query = f"select {present}, _hash from rows where not is_rejected"
        if kept:
            query += (
                f" union all {kept} where not exists "
                f"(select 1 from rows as r where {same} and not is_rejected)"
            )
        self._connection.execute(
            f"copy ({query}) to {duck.text(self._known_target)} (format parquet)"
        )
        prepared.known_rows = self._known_target

    def _whole(self, prepared: Prepared, *, full: bool) -> None:
        """Land a snapshot without a key whole, unless its content is that of the last one."""
        total, count = self._one(
            "select coalesce(sum(_hash::hugeint), 0)::varchar, count(*) from rows"
        )
        prepared.content = f"{total}:{count}:{','.join(sorted(self._columns))}"
        has_rows = self._lake.has_rows(self._table.name)
        if prepared.content == self._state.get("content") and has_rows and not full:
            return
        if not count and has_rows:
            # The newest load stands for the table: it needs a row that says "nothing".
            self._copy_empty()
            prepared.rows_deleted = int(self._state.get("rows") or 0)
        else:
            # Without a key nothing tells which rows are gone, only how many.
            prepared.rows_deleted = max(int(self._state.get("rows") or 0) - count, 0)
            prepared.rows_loaded = self._copy("(select * from rows order by _n)", self._target)
        prepared.files.append(self._target)

    def _copy_empty(self) -> None:
        nulls = ", ".join(
            f"cast(null as {sql_type(kind)}) as {duck.name(name)}"
            for name, kind in self._extract.columns.items()
        )
        self._copy(
            f"(select {nulls}, cast(null as varchar) as _source_file, "
            "cast(null as bigint) as _source_row)",
            self._target,
            is_deleted="true",
        )

    def _land_new(self, prepared: Prepared, known: str) -> None:
        """Land rows less those that are known, each as often as it is known (also without key)."""
        prepared.rows_loaded = self._copy(
            f"""
            (
                select r.* from (
                    select *, row_number() over (partition by _hash order by _n) as _occurrence
                    from rows where not is_rejected
                ) as r
                anti join (
                    select _hash, row_number() over (partition by _hash) as _occurrence
                    from {known}
                ) as k using (_hash, _occurrence)
                order by _n
            )
            """,
            self._target,
            is_deleted=self._is_flagged(),
        )
        if prepared.rows_loaded:
            prepared.rows_merged = self._count_merged()
        if prepared.rows_loaded or not self._lake.has_rows(self._table.name):
            prepared.files.append(self._target)

    def _landed(self) -> str:
        """All landed rows of the table, with every column of this load."""
        landed = duck.parquet([self._lake.rows_glob(self._table.name)])
        present = {
            row[0]
            for row in self._connection.execute(f"describe select * from {landed}").fetchall()
        }
        missing = [c for c in self._columns if c not in present]
        if not missing:
            return landed
        nulls = ", ".join(
            f"cast(null as {sql_type(self._extract.columns[c])}) as {duck.name(c)}" for c in missing
        )
        return f"(select *, {nulls} from {landed})"

    def _hash(self, also: Sequence[str] = ()) -> str:
        """An expression for the content of a row."""
        return f"hash({duck.names([*sorted(self._columns), *also]) or '0'})"

    def _copy(self, relation: str, target: Path, *, is_deleted: str = "false") -> int:
        names = f"{duck.names(self._columns)}, " if self._columns else ""
        (count,) = self._one(
            f"""
            copy (
                select
                    {names}
                    _source_file,
                    _source_row,
                    {duck.text(self._load_id)} as _load_id,
                    cast({duck.text(self._loaded_at)} as timestamp) as _loaded_at,
                    {is_deleted} as _is_deleted
                from {relation}
            ) to {duck.text(target)} (format parquet, compression zstd)
            """
        )
        return int(count)

    def _one(self, query: str) -> tuple[Any, ...]:
        row = self._connection.execute(query).fetchone()
        assert row is not None
        return row


_SHRUNK_REMEDY = Words(
    "If rows were really removed, `confirm` it, or load once with --accept-shrink; else repair the "
    "source. `shrink_ratio` of the table sets the limit.",
    "若确已删除，请运行 confirm，或用 --accept-shrink 加载一次；否则请修复数据源。"
    "阈值由该表的 shrink_ratio 设定。",
)


def _keys_shrunk(count: int, expected: int, ratio: float, guard: Guard) -> tuple[Words, Words]:
    before = Words(f"{expected} rows have landed", f"已入湖 {expected} 行")
    if guard.seen is not None:
        before = Words(f"{expected} were seen when it was held back", f"暂扣时为 {expected} 个")
    return (
        Words(
            f"The source shows {count} keys where {before.en}: below the allowed "
            f"share of {ratio:.0%}. Nothing was landed, and no row counts as deleted.",
            f"源中只有 {count} 个主键，而{before.zh}，低于允许比例 {ratio:.0%}。"
            "未入湖，也未将任何行视为已删除。",
        ),
        _SHRUNK_REMEDY,
    )


def _shrunk(count: int, previous: int, ratio: float, guard: Guard) -> tuple[Words, Words]:
    before = Words(f"the last one had {previous}", f"上次为 {previous} 行")
    if guard.seen is not None:
        before = Words(f"{previous} were seen when it was held back", f"暂扣时为 {previous} 行")
    return (
        Words(
            f"The snapshot has {count} rows where {before.en}: below the allowed "
            f"share of {ratio:.0%}. It was not landed; the last snapshot stays.",
            f"快照只有 {count} 行，{before.zh}，低于允许比例 {ratio:.0%}。未入湖，保留上次快照。",
        ),
        _SHRUNK_REMEDY,
    )
