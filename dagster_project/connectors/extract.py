"""What a connector hands over: rows as Parquet with a fixed type per column, and the rejects."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dagster_project.connectors.problems import SourceError, Words
from dagster_project.connectors.receipts import RejectedRow
from dagster_project.connectors.source_models import RESERVED_COLUMNS
from dagster_project.connectors.values import (
    FINER_TIME,
    Misfit,
    arrow_type,
    as_text,
    common_type,
    to_array,
    type_name_zh,
    type_of_value,
)

T = TypeVar("T")

CURSOR_COLUMN = "_cursor"
POSITION_FIELDS = [pa.field("_source_file", pa.string()), pa.field("_source_row", pa.int64())]


@dataclass
class Extract:
    """Rows of one table as read in one load.

    ``columns`` maps each column of the source to its landed type, in the source's order.
    ``rows_read`` counts accepted and rejected rows. ``state`` is what the connector wants to find
    at the next load. ``failures`` are files that could not be read while others could.
    ``refused_parquet`` are refused rows as they are kept in quarantine, ``count_refused`` of them.
    ``lake_files`` are `_source_file` values of which an earlier version has been landed.
    ``groups`` is a Parquet file of values of ``group_columns``: of each of these groups (the lines
    of an order that was read) all rows came, so those that are landed and did not come are gone.
    ``rows_asked`` is how many rows the source says it has for this request; ``rows_gap`` those
    that did not come, by default ``rows_asked`` less ``rows_read``. ``count_retries`` are calls
    that were made again. ``quota_used`` of ``quota_limit`` calls are spent, as the source counts
    them. ``coverage_seen`` of ``coverage_all`` parts of the source (members, companies) could be
    seen; ``coverage_note`` says what they are. Whatever a source does not tell stays None.
    ``deleted_keys`` is a Parquet file with the keys of rows that the source itself calls deleted.
    ``described`` are the columns that the source says it has, whether or not rows have values in
    them; None where only the rows tell.
    """

    parquet: list[Path] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    described: list[str] | None = None
    missing_columns: set[str] = field(default_factory=set)
    type_changes: dict[str, tuple[str, str]] = field(default_factory=dict)
    rows_read: int = 0
    rejected: list[RejectedRow] = field(default_factory=list)
    refused_parquet: list[Path] = field(default_factory=list)
    count_refused: int = 0
    newest_at: datetime | None = None
    count_files: int = 0
    count_bytes: int = 0
    count_calls: int = 0
    count_retries: int = 0
    rows_asked: int | None = None
    rows_gap: int | None = None
    quota_used: int | None = None
    quota_limit: int | None = None
    coverage_seen: int | None = None
    coverage_all: int | None = None
    coverage_note: Words | None = None
    cursor_from: str | None = None
    cursor_to: str | None = None
    known_from: Any = None
    state: dict[str, Any] = field(default_factory=dict)
    notes: list[Words] = field(default_factory=list)
    failures: list[SourceError] = field(default_factory=list)
    lake_files: list[str] = field(default_factory=list)
    is_unchanged: bool = False
    deleted_keys: Path | None = None
    groups: Path | None = None
    group_columns: list[str] = field(default_factory=list)

    @property
    def gap(self) -> int | None:
        """Rows that the source has for this request and that did not come; None: not known."""
        if self.rows_gap is not None or self.rows_asked is None:
            return self.rows_gap
        return max(self.rows_asked - self.rows_read, 0)


@dataclass(frozen=True)
class Batch:
    """Rows of one piece of a source, all with the same columns.

    ``rows`` holds Python values; ``numbers`` the 1-based row or line of each, None for SQL.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    file: str | None = None
    numbers: Sequence[int] | None = None


def chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most ``size`` values, in order."""
    chunk: list[T] = []
    for value in values:
        chunk.append(value)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def check_names(columns: Sequence[str], where: str) -> None:
    """Refuse column names that the lake cannot tell apart or that it uses itself.

    Raises:
        SourceError: naming the columns.
    """
    seen: dict[str, str] = {}
    for name in columns:
        key = name.lower()
        if key in RESERVED_COLUMNS or key == CURSOR_COLUMN:
            raise SourceError(
                Words(
                    f'{where}: the column name "{name}" is used by the lake itself.',
                    f"{where}：列名“{name}”为数据湖保留。",
                ),
                Words(
                    "Rename the column, for SQL in a `query`.", "请重命名该列（SQL 可用 query）。"
                ),
            )
        if key in seen:
            raise SourceError(
                Words(
                    f'{where}: columns "{seen[key]}" and "{name}" have one name but for case.',
                    f"{where}：列“{seen[key]}”与“{name}”仅大小写不同。",
                ),
                Words("Rename one of them, for SQL in a `query`.", "请重命名其中一列。"),
            )
        seen[key] = name


def changed_type(where: str, column: str, expected: str, found: str) -> SourceError:
    """The problem of a column whose type is no longer the one it was first landed with."""
    return SourceError(
        Words(
            f'{where}: column "{column}" has changed its type: expected {expected}, found {found}.',
            f"{where}：列“{column}”的类型已改变：应为{type_name_zh(expected)}，"
            f"实际为{type_name_zh(found)}。",
        ),
        Words(
            f'Deliver "{column}" as {expected} again, or under a new name, or land it as a new '
            "table.",
            f"请恢复“{column}”的类型，或使用新列名，或作为新表加载。",
        ),
    )


def write_rows(
    extract: Extract,
    batches: Iterable[Batch],
    path: Path,
    *,
    frozen: Mapping[str, str],
    declared: Mapping[str, str | None],
    zone: ZoneInfo,
    raw_zone_columns: frozenset[str] = frozenset(),
    at_least: Mapping[str, str] | None = None,
    values_tell: bool = False,
    cut_times: bool = False,
) -> None:
    """Write Python rows to one Parquet file; rows that do not fit are added to the rejects.

    A column's type is the frozen one, else the declared one, else the narrowest that holds every
    value of this load (for which the rows are spooled to disk first). Columns without any value
    and type are left out. ``raw_zone_columns`` keep their clock (cursors). ``at_least`` are types
    that columns whose values tell have even where these values need less. ``values_tell`` is for
    sources that describe no columns: a changed type is seen by the values that came. ``cut_times``
    leaves out what a time has behind the microsecond.
    """
    others: dict[str, set[str]] | None = {} if values_tell else None
    with RowSpool(path.with_suffix(".spool")) as spool:
        columns: dict[str, None] = dict.fromkeys(declared)
        seen: dict[str, set[str]] = {name: {kind} for name, kind in (at_least or {}).items()}
        source: Iterable[Batch] = batches
        if not declared or any(not (frozen.get(c) or declared[c]) for c in declared):
            for batch in batches:
                columns.update(dict.fromkeys(batch.columns))
                for index, name in enumerate(batch.columns):
                    if not frozen.get(name):
                        kinds = seen.setdefault(name, set())
                        kinds.update(
                            kind
                            for kind in map(type_of_value, (row[index] for row in batch.rows))
                            if kind
                        )
                        if name in (at_least or {}):
                            kinds.discard("text")  # "not a number" among numbers
                spool.add(batch)
            source = spool
        types: dict[str, str] = {}
        for name in columns:
            kind = frozen.get(name) or declared.get(name) or common_type(seen.get(name, set()))
            if kind:
                types[name] = kind
        extract.columns.update(
            {name: kind for name, kind in types.items() if name != CURSOR_COLUMN}
        )
        schema = pa.schema(
            [pa.field(name, arrow_type(kind)) for name, kind in types.items()] + POSITION_FIELDS
        )
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for batch in source:
                table = _convert(
                    extract, batch, types, schema, zone, raw_zone_columns, others, cut_times
                )
                if table.num_rows:
                    writer.write_table(table)
        extract.parquet.append(path)
    if others:
        extract.type_changes.update(_changed_types(frozen, others))


def _changed_types(
    frozen: Mapping[str, str], others: Mapping[str, set[str]]
) -> dict[str, tuple[str, str]]:
    """Columns whose values are no longer of the type that they landed with.

    ``others`` are the types of values that did not fit their column, and of all values of a column
    of texts. A text that is no time says nothing: times come as texts.
    """
    changes: dict[str, tuple[str, str]] = {}
    for name, kinds in others.items():
        before, now = frozen.get(name), common_type(kinds)
        if not before or not now:
            continue
        if before == "text":
            has_changed = now != "text"
        elif before in ("timestamp", "date", "time") and now == "text":
            has_changed = False
        else:
            has_changed = common_type({before, now}) != before
        if has_changed:
            changes[name] = (before, now)
    return changes


def _convert(
    extract: Extract,
    batch: Batch,
    types: Mapping[str, str],
    schema: pa.Schema,
    zone: ZoneInfo,
    raw_zone_columns: frozenset[str],
    others: dict[str, set[str]] | None,
    cut_times: bool,
) -> pa.Table:
    count = len(batch.rows)
    by_name = dict(zip(batch.columns, zip(*batch.rows, strict=True), strict=True)) if count else {}
    arrays: list[pa.Array] = []
    misfits: dict[int, list[Misfit]] = {}
    for name, kind in types.items():
        if name not in by_name:
            arrays.append(pa.nulls(count, arrow_type(kind)))
            continue
        array, bad = to_array(
            name,
            by_name[name],
            kind,
            ZoneInfo("UTC") if name in raw_zone_columns else zone,
            # A cursor that is cut reads a row twice at worst.
            cut_times=cut_times or name == CURSOR_COLUMN,
        )
        arrays.append(array)
        for index, misfit in bad.items():
            misfits.setdefault(index, []).append(misfit)
        if others is not None:
            kinds: set[str | None] = {misfit.found for misfit in bad.values()}
            kinds.discard(FINER_TIME)  # a time all the same
            if kind == "text":
                one_of_each = {type(value): value for value in by_name[name]}
                kinds = {type_of_value(value) for value in one_of_each.values()}
            others.setdefault(name, set()).update(filter(None, kinds))
    arrays.append(pa.array([batch.file] * count, type=pa.string()))
    numbers = pa.nulls(count, pa.int64()) if batch.numbers is None else pa.array(batch.numbers)
    arrays.append(numbers.cast(pa.int64()))
    table = pa.Table.from_arrays(arrays, schema=schema)
    extract.rows_read += count
    if misfits:
        for index, found in sorted(misfits.items()):
            values = {n: array[index].as_py() for n, array in zip(types, arrays, strict=False)}
            extract.rejected.append(_reject(batch, index, found, values))
        keep = [index not in misfits for index in range(count)]
        table = table.filter(pa.array(keep))
    return table


def _reject(
    batch: Batch, index: int, misfits: Sequence[Misfit], values: Mapping[str, Any]
) -> RejectedRow:
    row = {
        name: value
        for name, value in zip(batch.columns, batch.rows[index], strict=True)
        if name != CURSOR_COLUMN
    }
    words = [misfit.words for misfit in misfits if misfit.column != CURSOR_COLUMN]
    return RejectedRow(
        source_file=batch.file,
        source_row=batch.numbers[index] if batch.numbers else None,
        reason_code="type_changed",
        reason_en="; ".join(word.en for word in words),
        reason_zh="；".join(word.zh for word in words),
        raw_text=as_text(row),
        values=values,
    )


def set_apart_new_columns(extract: Extract, added: Sequence[str], work: Path) -> None:
    """Leave columns out that nobody agreed to, and reject the rows that have values in them."""
    kept_files: list[Path] = []
    for number, path in enumerate(extract.parquet):
        source = pq.ParquetFile(path)
        kept_path = work / f"{path.stem}.agreed.{number}.parquet"
        schema = pa.schema([f for f in source.schema_arrow if f.name not in added])
        with source, pq.ParquetWriter(kept_path, schema, compression="zstd") as writer:
            for batch in source.iter_batches():
                rows = pa.Table.from_batches([batch])
                here = [name for name in added if name in rows.column_names]
                is_new = pa.array([False] * rows.num_rows)
                for name in here:
                    is_new = pc.or_(is_new, pc.is_valid(rows[name]))
                for row in rows.filter(is_new).to_pylist():
                    extract.rejected.append(_with_new_columns(row, here))
                writer.write_table(rows.filter(pc.invert(is_new)).select(schema.names))
        kept_files.append(kept_path)
    extract.parquet = kept_files
    for name in added:
        del extract.columns[name]


def _with_new_columns(row: dict[str, Any], added: Sequence[str]) -> RejectedRow:
    file, number = row.pop("_source_file"), row.pop("_source_row")
    row.pop(CURSOR_COLUMN, None)
    names = [name for name in added if row[name] is not None]
    return RejectedRow(
        source_file=file,
        source_row=number,
        reason_code="new_column",
        reason_en=f"values in columns that nobody agreed to yet: {', '.join(names)}; "
        'set `drift = "evolve"` to land them',
        reason_zh=f'尚未同意的新列中有值：{"、".join(names)}；设置 drift = "evolve" 即可入湖',
        raw_text=as_text(row),
        values=row,
    )


class RowSpool:
    """Batches kept on disk between finding the types and writing with them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w+b")

    def __enter__(self) -> RowSpool:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def add(self, batch: Batch) -> None:
        pickle.dump(batch, self._file, protocol=pickle.HIGHEST_PROTOCOL)

    def __iter__(self) -> Iterator[Batch]:
        self._file.seek(0)
        while True:
            try:
                yield pickle.load(self._file)
            except EOFError:
                return
