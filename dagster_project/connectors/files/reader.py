"""Files: CSV, XLSX, JSON lines and Parquet, in a folder or anywhere fsspec reaches.

A *snapshot* is all files that fit the glob together. An *append* table takes each version of a
file once: of a file that grew or was written anew only the rows that it did not hold before. A file
that is gone and has come back under another name, with its content and its time, is the same file.

The last line of a file of JSON lines may be half written. One that is no JSON and has no end waits
until the file changes; if it is as it was at the next load, it is set apart. A CSV row cannot say
whether it is whole: the last line without an end of an append table waits where its file changed
within the last minute, and is taken at the next load if it is as it was.
"""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dagster_project.connectors import duck
from dagster_project.connectors.extract import (
    POSITION_FIELDS,
    Batch,
    Extract,
    changed_type,
    check_names,
    chunks,
    write_rows,
)
from dagster_project.connectors.files import csv_rows
from dagster_project.connectors.files.settings import FilesSource, FileTable
from dagster_project.connectors.kinds import Load
from dagster_project.connectors.places import (
    BLOCK_BYTES,
    READ_ERRORS,
    FileVersion,
    LocalCopy,
    cannot_read,
    check_encoding,
    copy_bytes,
    copy_text,
    has_invalid_bytes,
    list_files,
    text_lines,
    visible,
)
from dagster_project.connectors.problems import SourceError, Words, one_line
from dagster_project.connectors.receipts import RejectedRow
from dagster_project.connectors.values import (
    FINER_TIME,
    Misfit,
    arrow_type,
    as_text,
    common_type,
    naive_to_utc,
    type_of_arrow,
)
from dagster_project.settings import utc_now

BATCH_ROWS = 20_000
WRITTEN_NOW = timedelta(minutes=1)


@contextlib.contextmanager
def open_source(source: FilesSource, load: Load) -> Iterator[FilesReader]:
    """A reader of the files of ``source``; its place is visited when a table is read."""
    yield FilesReader(source)


class FilesReader:
    """Reads the tables of one files source."""

    def __init__(self, source: FilesSource) -> None:
        self._source = source
        self._zone = ZoneInfo(source.time_zone)

    def extract(
        self, table: FileTable, state: Mapping[str, Any], work: Path, *, full: bool
    ) -> Extract:
        """Read the files of one table that have not been loaded in their present version.

        Raises:
            SourceError: no file, or (snapshot) a file that cannot be read. Of an append table
                the other files are read and the problem is among the extract's failures.
        """
        where = f"{self._source.system}.{table.name}"
        encoding = check_encoding(table.encoding, where)
        files = list_files(self._source, table.glob)
        known: Mapping[str, Any] = {} if full else state.get("files", {})
        extract = Extract(newest_at=max(file.modified_at for file in files))
        extract.state["files"] = versions = dict(state.get("files", {}))
        present = {file.path: _version(file) for file in files}
        if not table.is_snapshot:
            pending = [f for f in files if not _is_same(known.get(f.path), present[f.path])]
        elif set(known) == set(present) and all(
            _is_same(known[path], version) for path, version in present.items()
        ):
            pending = []
        else:
            pending = files
        # Content and time of files that were here, to know those again that have a new name.
        gone = {
            (version.get("digest"), version.get("modified_at")): version.get("name", path)
            for path, version in versions.items()
            if path not in present and not version.get("is_open")
        }
        for number, file in enumerate(pending):
            piece = Extract()
            target = work / f"{table.name}.{number}.parquet"
            try:
                version = self._read(piece, file, table, encoding, state, target, known, gone)
            except SourceError as problem:
                if table.is_snapshot:
                    raise
                extract.failures.append(problem)
                continue
            _merge(extract, piece, file.path)
            versions[file.path] = {**present[file.path], **version}
            if piece.parquet and (file.path in state.get("files", {})):
                extract.lake_files.append(version.get("name", file.path))
        if table.is_snapshot:
            extract.state["files"] = {path: versions[path] for path in present}
            same = {p: v.get("digest") for p, v in known.items()} == {
                path: versions[path]["digest"] for path in present
            }
            extract.is_unchanged = not pending or same
        elif not extract.parquet and not extract.failures:
            extract.is_unchanged = True
        if extract.parquet:
            extract.missing_columns = set(state.get("columns", {})) - set(extract.columns)
        return extract

    def _read(
        self,
        piece: Extract,
        file: FileVersion,
        table: FileTable,
        encoding: str,
        state: Mapping[str, Any],
        target: Path,
        known: Mapping[str, Any],
        gone: Mapping[tuple[str | None, str | None], str],
    ) -> dict[str, Any]:
        """Read one file into ``piece``; what is to be remembered of it.

        That is the ``digest`` of its content, the ``name`` that its rows have where that is not its
        path, and ``is_open`` where its last line is not finished.
        """
        copy_path = target.with_suffix(".copy")
        is_text = table.file_format in ("csv", "jsonl")
        try:
            copy = copy_text(file, encoding, copy_path) if is_text else copy_bytes(file, copy_path)
        except READ_ERRORS as error:
            raise cannot_read(file, error) from error
        except UnicodeError as error:
            raise SourceError(
                Words(
                    f"{file.path}: not text in encoding {encoding}: {one_line(error)}",
                    f"{file.path}：不是 {encoding} 编码的文本。",
                ),
                Words("Correct `encoding` of the table.", "请更正该表的 encoding。"),
            ) from error
        try:
            before = known.get(file.path, {})
            found: dict[str, Any] = {"digest": copy.digest}
            name = state.get("files", {}).get(file.path, {}).get("name")
            if not table.is_snapshot and file.path not in state.get("files", {}):
                name = gone.get((copy.digest, file.modified_at.isoformat()))
                before = {"digest": copy.digest} if name else before
            if name:
                found["name"] = name
            is_same = before.get("digest") == copy.digest
            if is_same and not before.get("is_open") and not table.is_snapshot:
                return found  # touched or renamed, not changed
            if table.is_snapshot or is_same:
                piece.state["is_final"] = True
            elif table.file_format == "csv" and file.modified_at > _now() - WRITTEN_NOW:
                finished = _without_open_line(copy)
                if finished is not None:
                    copy = finished
                    piece.state["is_open"] = True
            piece.count_files, piece.count_bytes = 1, file.size
            frozen: Mapping[str, str] = state.get("columns", {})
            readers: dict[str, Callable[..., None]] = {
                "csv": self._read_csv,
                "jsonl": self._read_jsonl,
                "xlsx": self._read_xlsx,
                "parquet": self._read_parquet,
            }
            readers[table.file_format](piece, copy, name or file.path, table, frozen, target)
            check_names(list(piece.columns), file.path)
            self._refuse_useless(piece, file.path, table)
            if piece.state.get("is_open"):
                found["is_open"] = True
                piece.notes.append(_unfinished(file.path))
            return found
        finally:
            copy_path.unlink(missing_ok=True)

    def _refuse_useless(self, piece: Extract, file: str, table: FileTable) -> None:
        """A file of which no row is readable is described wrongly; rejecting all would hide that.

        Rows whose types have changed are readable, and told as a change of the structure.
        """
        unreadable = [row for row in piece.rejected if row.reason_code != "type_changed"]
        if piece.rows_read and len(unreadable) == piece.rows_read:
            reason = unreadable[0]
            raise SourceError(
                Words(
                    f"{file}: none of its {piece.rows_read} rows can be read "
                    f"(row {reason.source_row}: {reason.reason_en}).",
                    f"{file}：{piece.rows_read} 行均无法读取"
                    f"（第 {reason.source_row} 行：{reason.reason_zh}）。",
                ),
                Words(
                    "Correct `encoding`, `delimiter` or `format` of the table.",
                    "请更正该表的 encoding、delimiter 或 format。",
                ),
            )

    def _read_csv(
        self,
        piece: Extract,
        copy: LocalCopy,
        file: str,
        table: FileTable,
        frozen: Mapping[str, str],
        target: Path,
    ) -> None:
        form = csv_rows.read_form(
            copy, file, delimiter=table.delimiter, names=table.names, quotes=table.quotes
        )
        columns = form.columns
        if not columns:
            return
        check_names(columns, file)
        with duck.connect(target.parent) as connection:
            count = csv_rows.read_clean(connection, copy, form, file, target)
        if count is not None:
            piece.parquet.append(target)
            piece.columns.update(dict.fromkeys(columns, "text"))
            piece.rows_read = count
            return

        rows = (
            (record.line, record.fields)
            for record in csv_rows.read_rows(copy, form, file, piece.rejected)
        )
        declared: dict[str, str | None] = dict.fromkeys(columns, "text")
        batches = _batches(columns, rows, file)
        write_rows(piece, batches, target, frozen={}, declared=declared, zone=self._zone)
        piece.rows_read += len(piece.rejected)

    def _read_jsonl(
        self,
        piece: Extract,
        copy: LocalCopy,
        file: str,
        table: FileTable,
        frozen: Mapping[str, str],
        target: Path,
    ) -> None:
        unreadable: list[RejectedRow] = []
        open_line = None if piece.state.get("is_final") else _open_line(copy)

        def rows() -> Iterator[tuple[int, dict[str, Any]]]:
            for number, line in enumerate(text_lines(copy.path), start=1):
                if not line.strip():
                    continue
                row = _parse_json(line, number, file, [] if number == open_line else unreadable)
                if row is not None:
                    yield number, row
                elif number == open_line:
                    piece.state["is_open"] = True

        batches = (_json_batch(chunk, file) for chunk in chunks(rows(), BATCH_ROWS))
        write_rows(
            piece,
            batches,
            target,
            frozen=frozen,
            declared={},
            zone=self._zone,
            values_tell=True,
            cut_times=table.cuts_times,
        )
        piece.rows_read += len(unreadable)
        piece.rejected.extend(unreadable)
        piece.rejected.sort(key=lambda row: row.source_row or 0)

    def _read_xlsx(
        self,
        piece: Extract,
        copy: LocalCopy,
        file: str,
        table: FileTable,
        frozen: Mapping[str, str],
        target: Path,
    ) -> None:
        import openpyxl
        from openpyxl.utils.exceptions import InvalidFileException

        try:
            with copy.path.open("rb") as handle:
                book = openpyxl.load_workbook(handle, read_only=True, data_only=True)
                if table.sheet is not None and table.sheet not in book.sheetnames:
                    raise SourceError(
                        Words(
                            f'{file}: there is no sheet "{table.sheet}".',
                            f"{file}：没有工作表“{table.sheet}”。",
                        ),
                        Words(
                            f"Set `sheet` to one of: {', '.join(book.sheetnames)}.",
                            f"请将 sheet 设为：{'、'.join(book.sheetnames)}。",
                        ),
                    )
                sheet = book[table.sheet] if table.sheet else book.worksheets[0]
                rows = enumerate(sheet.iter_rows(values_only=True), start=1)
                header = next((row for _, row in rows if any(c is not None for c in row)), None)
                if header is None:
                    return
                width = max(i for i, cell in enumerate(header, 1) if cell is not None)
                columns = csv_rows.unique_names(
                    ["" if cell is None else as_text(cell) for cell in header[:width]]
                )
                check_names(columns, file)

                filled = (
                    (number, (*row[:width], *(None,) * (width - len(row))))
                    for number, row in rows
                    if any(cell is not None for cell in row[:width])
                )
                batches = _batches(columns, filled, file)
                write_rows(
                    piece,
                    batches,
                    target,
                    frozen=frozen,
                    declared={},
                    zone=self._zone,
                    cut_times=table.cuts_times,
                )
        except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError) as error:
            raise SourceError(
                Words(
                    f"{file}: not a readable XLSX workbook: {one_line(error)}",
                    f"{file}：不是可读取的 XLSX 工作簿。",
                ),
                Words(
                    "Save it again as .xlsx, or correct `format`.",
                    "请重新另存为 .xlsx，或更正 format。",
                ),
            ) from error

    def _read_parquet(
        self,
        piece: Extract,
        copy: LocalCopy,
        file: str,
        table: FileTable,
        frozen: Mapping[str, str],
        target: Path,
    ) -> None:
        try:
            source = pq.ParquetFile(copy.path)
        except (pa.ArrowInvalid, OSError) as error:
            raise SourceError(
                Words(
                    f"{file}: not a readable Parquet file: {one_line(error)}",
                    f"{file}：不是可读取的 Parquet 文件。",
                ),
                Words(
                    "Write the file again, or correct `format`.",
                    "请重新生成文件，或更正 format。",
                ),
            ) from error
        with source:
            fields = source.schema_arrow
            types: dict[str, str] = {}
            for field in fields:
                expected = frozen.get(field.name)
                found = self._type_of(source, field, expected, cut_times=table.cuts_times)
                if expected and found and found != expected:
                    # A whole column has changed: there is no row to set apart.
                    if common_type({expected, found}) != expected:
                        raise changed_type(file, field.name, expected, found)
                    piece.type_changes[field.name] = (expected, found)
                if kind := (expected or found):
                    types[field.name] = kind
            piece.columns.update(types)
            schema = pa.schema(
                [pa.field(name, arrow_type(kind)) for name, kind in types.items()] + POSITION_FIELDS
            )
            check_names(list(types), file)
            nested = [field.name for field in fields if _is_plain_nest(field.type)]
            with (
                duck.connect(target.parent) as connection,
                pq.ParquetWriter(target, schema, compression="zstd") as writer,
            ):
                for batch in source.iter_batches(batch_size=4 * BATCH_ROWS):
                    as_json = _nests_as_json(connection, batch, nested)
                    arrays: list[pa.Array] = []
                    misfits: dict[int, list[Misfit]] = {}
                    for name, kind in types.items():
                        if name in as_json and kind == "text":
                            arrays.append(as_json[name])
                            continue
                        column = batch.column(batch.schema.get_field_index(name))
                        if table.cuts_times:
                            column = _cut_times(column)
                        array, bad = self._fitting(column, name, kind)
                        arrays.append(array)
                        for index, misfit in bad.items():
                            misfits.setdefault(index, []).append(misfit)
                    start = piece.rows_read + 1
                    piece.rows_read += batch.num_rows
                    arrays.append(pa.array([file] * batch.num_rows, type=pa.string()))
                    arrays.append(pa.array(range(start, piece.rows_read + 1), type=pa.int64()))
                    rows = pa.Table.from_arrays(arrays, schema=schema)
                    if misfits:
                        for index, found_here in sorted(misfits.items()):
                            piece.rejected.append(_misfit_row(rows, index, found_here))
                        keep = [index not in misfits for index in range(batch.num_rows)]
                        rows = rows.filter(pa.array(keep))
                    writer.write_table(rows)
            piece.parquet.append(target)

    def _type_of(
        self,
        source: pq.ParquetFile,
        field: pa.Field,
        expected: str | None,
        *,
        cut_times: bool,
    ) -> str | None:
        """Landed type of a Parquet column: text where it holds times finer than the lake's."""
        kind = type_of_arrow(field.type)
        if kind is None or cut_times or not _is_finer(field.type):
            return kind
        if expected == "text":
            return expected  # landed as text before, for the same reason
        if expected is None:
            for batch in source.iter_batches(columns=[field.name]):
                try:
                    self._cast(batch.column(0), kind)
                except pa.ArrowInvalid:
                    return "text"
        return kind

    def _fitting(self, array: pa.Array, name: str, kind: str) -> tuple[pa.Array, dict[int, Misfit]]:
        """A Parquet column as its landed type, and the values that it cannot hold exactly."""
        try:
            return self._cast(array, kind), {}
        except pa.ArrowInvalid:
            exact: list[pa.Array] = []
            misfits: dict[int, Misfit] = {}
            for index in range(len(array)):
                value = array.slice(index, 1)
                try:
                    exact.append(self._cast(value, kind))
                except pa.ArrowInvalid:
                    shown = value.cast(pa.string())[0].as_py()
                    found = FINER_TIME if _is_finer(array.type) else str(array.type)
                    misfits[index] = Misfit(name, kind, found, shown)
                    exact.append(pa.nulls(1, arrow_type(kind)))
            return pa.concat_arrays(exact), misfits

    def _cast(self, array: pa.Array, kind: str) -> pa.Array:
        """A Parquet column as its landed type, exactly.

        Raises:
            ArrowInvalid: the type cannot hold one of the values.
        """
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if kind == "timestamp" and pa.types.is_timestamp(array.type):
            unit = array.cast(pa.timestamp("us", array.type.tz))
            return (
                naive_to_utc(unit, self._zone)
                if array.type.tz is None
                else unit.cast(pa.timestamp("us"))
            )
        is_plain = pa.types.is_primitive(array.type) or pa.types.is_string(array.type)
        if kind == "text" and not (is_plain or pa.types.is_large_string(array.type)):
            return pa.array(
                [None if value is None else as_text(value) for value in array.to_pylist()],
                type=pa.string(),
            )
        return array.cast(arrow_type(kind))


def _is_finer(kind: pa.DataType) -> bool:
    is_time = pa.types.is_timestamp(kind) or pa.types.is_time(kind)
    return bool(is_time and kind.unit == "ns")


def _cut_times(array: pa.Array) -> pa.Array:
    """Times of nanoseconds without what is behind the microsecond; other columns as they are."""
    if not _is_finer(array.type):
        return array
    is_time = pa.types.is_time(array.type)
    whole = pc.floor_temporal(array, unit="microsecond")
    return whole.cast(pa.time64("us") if is_time else pa.timestamp("us", array.type.tz))


def _misfit_row(rows: pa.Table, index: int, misfits: Sequence[Misfit]) -> RejectedRow:
    """A row with values that their columns cannot hold; ``rows`` has NULL in their place."""
    (values,) = rows.slice(index, 1).to_pylist()
    file, number = values.pop("_source_file"), values.pop("_source_row")
    return RejectedRow(
        source_file=file,
        source_row=number,
        reason_code="type_changed",
        reason_en="; ".join(misfit.words.en for misfit in misfits),
        reason_zh="；".join(misfit.words.zh for misfit in misfits),
        raw_text=as_text({**values, **{misfit.column: misfit.value for misfit in misfits}}),
        values=values,
    )


def _is_plain_nest(kind: pa.DataType) -> bool:
    """Whether a column holds lists or records of nothing but texts, numbers and booleans."""

    def is_plain(inner: pa.DataType) -> bool:
        if pa.types.is_struct(inner):
            return all(is_plain(inner.field(i).type) for i in range(inner.num_fields))
        if pa.types.is_list(inner) or pa.types.is_large_list(inner):
            return is_plain(inner.value_type)
        checks = (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_integer,
            pa.types.is_floating,
            pa.types.is_boolean,
            pa.types.is_null,
        )
        return any(check(inner) for check in checks)

    return pa.types.is_nested(kind) and not pa.types.is_map(kind) and is_plain(kind)


def _nests_as_json(
    connection: duckdb.DuckDBPyConnection, batch: pa.RecordBatch, names: Sequence[str]
) -> dict[str, pa.Array]:
    """Lists and records as JSON text, by DuckDB: six times as fast as by Python's json."""
    if not names:
        return {}
    connection.register("nested_batch", pa.table(batch.select(names)))
    columns = ", ".join(
        f"cast(to_json({duck.name(n)}) as varchar) as {duck.name(n)}" for n in names
    )
    made = connection.execute(f"select {columns} from nested_batch").to_arrow_table()
    connection.unregister("nested_batch")
    return {name: made[name].combine_chunks() for name in names}


def _version(file: FileVersion) -> dict[str, Any]:
    return {"size": file.size, "modified_at": file.modified_at.isoformat()}


def _is_same(known: Mapping[str, Any] | None, version: Mapping[str, Any]) -> bool:
    is_whole = known is not None and not known.get("is_open")
    return is_whole and all((known or {})[key] == value for key, value in version.items())


def _open_line(copy: LocalCopy) -> int | None:
    """Number of the last line where nothing ends it; None where it has its end."""
    with copy.path.open("rb") as stream:
        if not stream.seek(0, 2):
            return None
        stream.seek(-1, 2)
        return None if stream.read(1) == b"\n" else copy.count_lines


def _without_open_line(copy: LocalCopy) -> LocalCopy | None:
    """The copy cut behind its last end of a line; None where nothing stands behind that."""
    with copy.path.open("r+b") as stream:
        end = position = stream.seek(0, 2)
        while position:
            start = max(0, position - BLOCK_BYTES)
            stream.seek(start)
            found = stream.read(position - start).rfind(b"\n")
            if found >= 0:
                cut = start + found + 1
                if cut == end:
                    return None
                stream.truncate(cut)
                return replace(copy, count_lines=copy.count_lines - 1)
            position = start
    return None


def _now() -> datetime:
    """The present, naive UTC like the times of files."""
    return utc_now().replace(tzinfo=None)


def _unfinished(file: str) -> Words:
    return Words(
        f"{file}: its last line is not finished; it is taken once it is.",
        f"{file}：最后一行尚未写完，写完后再加载。",
    )


def _merge(extract: Extract, piece: Extract, file: str) -> None:
    """Add what one file brought."""
    for name, kind in piece.columns.items():
        before = extract.columns.setdefault(name, kind)
        if before != kind:
            raise changed_type(file, name, before, kind)
    extract.parquet += piece.parquet
    extract.type_changes.update(piece.type_changes)
    extract.rows_read += piece.rows_read
    extract.rejected += piece.rejected
    extract.notes += piece.notes
    extract.count_files += piece.count_files
    extract.count_bytes += piece.count_bytes
    extract.count_calls += 1


def _parse_json(
    line: str, number: int, file: str, rejected: list[RejectedRow]
) -> dict[str, Any] | None:
    words: Words | None = None
    code = "invalid_json"
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        words = Words(f"not valid JSON: {one_line(error)}", "不是有效的 JSON")
    else:
        if has_invalid_bytes(line):
            code = "bad_encoding"
            words = Words("not text in the configured encoding", "不符合所配置的编码")
        elif not isinstance(row, dict):
            code = "not_an_object"
            words = Words("the line is no JSON object", "该行不是 JSON 对象")
    if words is None:
        return row
    rejected.append(
        RejectedRow(
            source_file=file,
            source_row=number,
            reason_code=code,
            reason_en=words.en,
            reason_zh=words.zh,
            raw_text=visible(line),
        )
    )
    return None


def _batches(
    columns: Sequence[str], rows: Iterable[tuple[int, Sequence[Any]]], file: str
) -> Iterator[Batch]:
    """Numbered rows as batches, one of them where there is no row."""
    chunk: list[tuple[int, Sequence[Any]]] = []
    for chunk in chunks(rows, BATCH_ROWS):
        yield Batch(columns, [row for _, row in chunk], file, [number for number, _ in chunk])
    if not chunk:
        yield Batch(columns, [], file, [])


def _json_batch(rows: Sequence[tuple[int, dict[str, Any]]], file: str) -> Batch:
    columns = list(dict.fromkeys(name for _, row in rows for name in row))
    values = [[row.get(name) for name in columns] for _, row in rows]
    return Batch(columns, values, file, [number for number, _ in rows])
