"""Reads what is new in access logs, each line exactly once, and writes it as it is landed.

A log grows, is renamed when it is rotated, and is compressed later. So a log is known by its
content, not by its name: by a digest of its beginning and of the bytes before the place up to which
it has been read. The state keeps that place and the number of lines before it.

How lines are read:

- A byte that is no text of the encoding is written ``\\xNN``, as the web servers do; the line is
  kept. Lines of binary content do not fit the format and are quarantined.
- ``-`` means "not given" (NULL); for the size it means 0 bytes, as the format defines.
- The closing quote of the last field may be missing.
- A request that is not ``METHOD url PROTOCOL`` (TLS on a plain port, probes) is a real request that
  was answered: it is kept, with method, url and protocol NULL and its text in ``request_line``.
- Times are brought to UTC. Everything else is quarantined with the part that does not fit, so that
  lines = landed + quarantined + headers (of W3C logs) always holds.
- The last line of a file that still grows may be half written: where it has no line end and is not
  complete up to its closing mark, it waits, for an hour at most; in a compressed file it is final.
- A file that cannot be read to its end (truncated archive), or of which most lines are of another
  format, is held back whole and told; it is read again at the next load.
"""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.connectors.access_log.blocks import (
    NUMBER,
    TOO_LONG,
    BlockParser,
    Parsed,
    Refused,
    open_parser,
)
from dagster_project.connectors.access_log.columns import Reading
from dagster_project.connectors.access_log.formats import (
    COLUMNS,
    LogFormat,
    compile_format,
    extra_columns,
)
from dagster_project.connectors.access_log.lines import line_ends
from dagster_project.connectors.access_log.settings import AccessLogSource, AccessLogTable
from dagster_project.connectors.extract import Extract
from dagster_project.connectors.kinds import Load
from dagster_project.connectors.places import (
    READ_ERRORS,
    FileVersion,
    cannot_read,
    check_encoding,
    is_decompressing,
    list_files,
)
from dagster_project.connectors.privacy import shorten_rejected
from dagster_project.connectors.problems import SourceError, Words, disk_full, is_disk_full
from dagster_project.connectors.receipts import RejectedRow, naive_utc, quarantined_table
from dagster_project.settings import utc_now

HEAD_BYTES = 4096
TAIL_BYTES = 1024
# Large enough that work per block does not count, small enough to stay near the processor.
BLOCK_BYTES = 8 * 1024 * 1024
MAX_LINE_BYTES = 2 * 1024 * 1024
# A file without a line end for so long is no text.
MAX_GIANT_BYTES = 32 * 1024 * 1024
ROWS_PER_GROUP = 120_000
ROWS_PER_FILE = 4_000_000
REFUSED_AT_ONCE = 20_000
# Fewer lines of another format never hold a file back.
MIN_UNFIT_LINES = 1000
UNFINISHED_LINE_WAITS = timedelta(hours=1)

# Columns in which a value often comes again; the others are cheaper and smaller without a list.
_REPEATED = {
    "client_address", "identity", "user_name", "method", "url", "protocol", "status", "referrer",
    "user_agent", "request_line", "host", "duration_seconds", "visitor_key", "_source_file",
    "_load_id", "_loaded_at",
}  # fmt: skip
_STATISTICS = ["requested_at", NUMBER, "status", "_load_id", "_loaded_at", "_source_file"]


@contextlib.contextmanager
def open_source(source: AccessLogSource, load: Load) -> Iterator[AccessLogReader]:
    """A reader of the logs of ``source``; its place is visited when a table is read."""
    yield AccessLogReader(source, load.load_id, load.now, load.as_of)


class AccessLogReader:
    """Reads what is new in the logs of one source."""

    def __init__(
        self, source: AccessLogSource, load_id: str, loaded_at: datetime, as_of: date
    ) -> None:
        self._source = source
        self._load_id = load_id
        self._loaded_at = loaded_at
        self._as_of = as_of

    def extract(
        self, table: AccessLogTable, state: Mapping[str, Any], work: Path, *, full: bool
    ) -> Extract:
        """Read the lines that no load has seen. ``full`` changes nothing: no line comes twice.

        Raises:
            SourceError: no log there, an unknown encoding or format, or no room to write. A
                single file that cannot be read is among the extract's failures; the others are
                read.
        """
        where = f"{self._source.system}.{table.name}"
        encoding = check_encoding(table.encoding, where)
        if encoding != "utf-8-sig" and "\n".encode(encoding) != b"\n":
            raise SourceError(
                Words(
                    f"{where}: encoding {encoding} is not read in logs.",
                    f"{where}：日志不支持 {encoding} 编码。",
                ),
                Words("Use one that contains ASCII.", "请使用兼容 ASCII 的编码。"),
            )
        log = compile_format(
            table.format, where, json_fields=table.fields, cookie=table.visitor_cookie
        )
        midnight = datetime.combine(self._as_of, time())
        values = Reading(
            ZoneInfo(self._source.time_zone),
            _shifted(midnight, -table.oldest_days) if table.oldest_days else None,
            _shifted(midnight, table.newest_days + 1) if table.newest_days else None,
            table.anonymise_addresses,
        )
        files = list_files(self._source, table.glob)
        extract = Extract(columns={**COLUMNS, **extra_columns(log.fields)})
        # Columns of W3C logs, once known, stay in the table.
        extract.columns.update(state.get("columns", {}) if log.shape == "w3c" else {})
        streams = [dict(stream) for stream in state.get("streams", [])]
        by_path = {stream["path"]: stream for stream in streams}
        newest = state.get("newest_at")
        count_headers = 0
        for file in files:
            seen = by_path.get(file.path)
            version = (file.size, file.modified_at.isoformat())
            if seen and not seen["waits"] and (seen["size"], seen["modified_at"]) == version:
                continue
            writer = _Writer(self, table, file, work, values, log)
            reading = _Reading(file, encoding, writer, table.max_unfit_share)
            try:
                reading.run(streams, extract)
            except READ_ERRORS as error:
                writer.discard()
                extract.failures.append(_cannot_read(file, error, reading.count_lines))
            except SourceError as problem:
                writer.discard()
                if is_disk_full(problem):
                    raise
                extract.failures.append(_at(file, problem))
            else:
                newest = max(filter(None, (newest, writer.newest_at)), default=None)
                count_headers += reading.count_headers
        _unite(extract)
        extract.state.update(streams=streams, newest_at=newest)
        extract.cursor_to = newest
        if newest:
            extract.newest_at = datetime.fromisoformat(newest)
        extract.is_unchanged = not (extract.parquet or extract.count_refused or extract.failures)
        if full:
            extract.notes.append(
                Words(
                    "Lines that are in the lake are not loaded again.",
                    "已入湖的日志行不会重复加载。",
                )
            )
        if count_headers:
            extract.notes.append(
                Words(
                    f"{count_headers} header lines were read.", f"读取了 {count_headers} 行文件头。"
                )
            )
        return extract

    def constants(self, file: FileVersion) -> dict[str, pa.Scalar]:
        """The columns of the lake that are the same in all lines of a file."""
        loaded_at = pa.scalar(naive_utc(self._loaded_at), pa.timestamp("us"))
        return {
            "_source_file": pa.scalar(file.path),
            "_load_id": pa.scalar(self._load_id),
            "_loaded_at": loaded_at,
            "_is_deleted": pa.scalar(False),
        }

    def quarantined(self, table: AccessLogTable, rows: Sequence[RejectedRow]) -> pa.Table:
        """Refused lines as they are kept."""
        return quarantined_table(
            self._source.system, table.name, self._load_id, rows, self._loaded_at
        )


class _Writer:
    """What one file gives, written as it is landed."""

    def __init__(
        self,
        reader: AccessLogReader,
        table: AccessLogTable,
        file: FileVersion,
        work: Path,
        values: Reading,
        log: LogFormat,
    ) -> None:
        self._reader = reader
        self._table = table
        self._file = file
        self._values = values
        self._log = log
        stem = hashlib.sha256(file.path.encode()).hexdigest()[:16]
        self._target = work / f"{table.name}.{stem}"
        self._constants = reader.constants(file)
        self._pending: list[pa.Table] = []
        self._refused: list[Refused] = []
        self._parquet: pq.ParquetWriter | None = None
        self._schema: pa.Schema | None = None
        self._rows = 0
        self.files: list[Path] = []
        self.refused_files: list[Path] = []
        self.columns: dict[str, str] = {}
        self.count_refused = 0
        self.newest_at: str | None = None

    def parser(self, memory: Mapping[str, Any]) -> BlockParser:
        """A parser for this file."""
        return open_parser(self._log, self._values, memory)

    def add(self, parsed: Parsed) -> None:
        """Take the rows of a block.

        Raises:
            SourceError: there is no room to write them.
        """
        if parsed.newest is not None:
            self.newest_at = max(filter(None, (self.newest_at, parsed.newest.isoformat())))
        self._refused += parsed.refused
        try:
            for table in parsed.tables:
                if self._schema is not None and table.schema != self._schema:
                    self._flush()
                    self._close_file()
                self._schema = table.schema
                self._pending.append(table)
                self._rows += table.num_rows
            if sum(table.num_rows for table in self._pending) >= ROWS_PER_GROUP:
                self._flush()
            if self._rows >= ROWS_PER_FILE:
                self._close_file()
            if len(self._refused) >= REFUSED_AT_ONCE:
                self._flush_refused()
        except OSError as error:
            raise disk_full(self._target.parent, error) from error

    def finish(self, extract: Extract) -> None:
        """Complete the files and hand them over."""
        try:
            self._flush()
            self._close_file()
            self._flush_refused()
        except OSError as error:
            raise disk_full(self._target.parent, error) from error
        extract.parquet += self.files
        extract.refused_parquet += self.refused_files
        extract.count_refused += self.count_refused
        extract.columns.update({k: v for k, v in self.columns.items() if k not in extract.columns})

    def discard(self) -> None:
        """Forget what was written of a file that turned out to be unreadable."""
        if self._parquet is not None:
            # No room: the file is removed anyway.
            with contextlib.suppress(OSError):
                self._parquet.close()
            self._parquet = None
        for path in (*self.files, *self.refused_files):
            path.unlink(missing_ok=True)

    def _flush(self) -> None:
        if not self._pending:
            return
        table = pa.concat_tables(self._pending)
        self._pending = []
        for name, value in self._constants.items():
            table = table.append_column(name, pa.repeat(value, table.num_rows))
        if self._parquet is None:
            path = self._target.with_name(f"{self._target.name}.{len(self.files)}.parquet")
            self.files.append(path)
            self._parquet = pq.ParquetWriter(
                path,
                table.schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=[name for name in table.column_names if name in _REPEATED],
                column_encoding={
                    "requested_at": "DELTA_BINARY_PACKED",
                    NUMBER: "DELTA_BINARY_PACKED",
                },
                write_statistics=_STATISTICS,
                store_schema=False,
            )
            self.columns.update(_kinds(table.schema))
        self._parquet.write_table(table, row_group_size=table.num_rows)

    def _close_file(self) -> None:
        if self._parquet is not None:
            parquet, self._parquet = self._parquet, None
            parquet.close()
        self._rows = 0

    def _flush_refused(self) -> None:
        if not self._refused:
            return
        rows = [
            RejectedRow(
                source_file=self._file.path,
                source_row=refused.number,
                reason_code=refused.code,
                reason_en=refused.words.en,
                reason_zh=refused.words.zh,
                raw_text=refused.text,
            )
            for refused in self._refused
        ]
        if self._table.anonymise_addresses:
            rows = shorten_rejected(rows)
        self.count_refused += len(rows)
        self._refused = []
        name = f"{self._target.name}.refused.{len(self.refused_files)}.parquet"
        path = self._target.with_name(name)
        self.refused_files.append(path)
        pq.write_table(self._reader.quarantined(self._table, rows), path, compression="zstd")


class _Reading:
    """One file read from where its stream was left."""

    def __init__(
        self, file: FileVersion, encoding: str, writer: _Writer, max_unfit_share: float
    ) -> None:
        self._file = file
        self._encoding = encoding
        self._writer = writer
        self._max_unfit_share = max_unfit_share
        self._count_unfit = 0
        self._waits = False
        self._next_line = 0
        self.count_lines = 0
        self.count_headers = 0

    def run(self, streams: list[dict[str, Any]], extract: Extract) -> None:
        """Read the file and update its stream.

        Raises:
            SourceError: most of its lines are of another format, or it is no text at all.
            OSError: the file cannot be read; see READ_ERRORS.
        """
        with self._file.open() as raw:
            head = _read_fully(raw, HEAD_BYTES)
            stream, position = self._find(streams, head, raw)
            if stream is None:
                stream = {"offset": 0, "lines": 0}
                position = _Position(head)
            elif position is None:
                return  # an unfinished copy of a log that has been read further
            self._next_line = int(stream["lines"])
            offset, tail = int(stream["offset"]), position.tail
            rest = position.rest or raw.read(1)
            if offset and not tail.endswith(b"\n"):
                # Its last line was complete but for the line end, which may have come since.
                rest += raw.read(1)
                end = re.match(rb"\r?\n|", rest)
                skipped = len(end.group()) if end else 0
                offset, tail, rest = offset + skipped, tail + rest[:skipped], rest[skipped:]
            parser = self._writer.parser(stream.get("memory", {}))
            for block in self._blocks(rest, raw, parser):
                offset += len(block)
                tail = (tail + block[-TAIL_BYTES:])[-TAIL_BYTES:]
                self._parse(parser, _clean(block, self._encoding))
        self._check_fit()
        self._writer.finish(extract)
        beginning = head[: min(HEAD_BYTES, offset)]
        stream.update(
            path=self._file.path,
            size=self._file.size,
            modified_at=self._file.modified_at.isoformat(),
            head_bytes=len(beginning),
            head=hashlib.sha256(beginning).hexdigest(),
            offset=offset,
            tail=hashlib.sha256(tail).hexdigest(),
            tail_bytes=len(tail),
            lines=self._next_line,
            waits=self._waits,
        )
        if parser.memory:
            stream["memory"] = parser.memory
        if offset and all(stream is not other for other in streams):
            streams.append(stream)
        if self.count_lines:
            extract.count_files += 1
            extract.count_bytes += self._file.size
            extract.rows_read += self.count_lines - self.count_headers

    def _parse(self, parser: BlockParser, block: bytes) -> None:
        """Read a block; lines too long to be requests are set apart before."""
        position = 0
        for start, end in _long_lines(block):
            if start > position:
                self._take(parser.parse(block[position:start], self._next_line))
            self._take(_too_long(block[start:end], self._next_line + 1))
            position = end + 1
        if position < len(block):
            rest = block[position:] if position else block
            self._take(parser.parse(rest, self._next_line))
        if self._count_unfit > 10 * MIN_UNFIT_LINES:
            self._check_fit()

    def _take(self, parsed: Parsed) -> None:
        self._next_line += parsed.count_lines
        self.count_lines += parsed.count_lines
        self.count_headers += parsed.count_headers
        self._count_unfit += parsed.count_unfit
        self._writer.add(parsed)

    def _check_fit(self) -> None:
        """Hold a file back that is of another format: it may be one that was not configured."""
        count = self.count_lines - self.count_headers
        few = max(MIN_UNFIT_LINES, self._max_unfit_share * count)
        if self._count_unfit > few and self._max_unfit_share < 1:
            raise SourceError(
                Words(
                    f"{self._count_unfit} of its first {count} new lines are not of the "
                    "configured format; the file is held back.",
                    f"前 {count} 行新内容中有 {self._count_unfit} 行不符合所配置的格式，已暂扣。",
                ),
                Words(
                    "Correct `format`, `encoding` or `glob` in the sources file; to quarantine the "
                    "lines and load the others, set `max_unfit_share = 1`.",
                    "请更正源文件中的 format、encoding 或 glob；若要隔离这些行并加载其余行，"
                    "请设置 max_unfit_share = 1。",
                ),
            )

    def _find(
        self, streams: list[dict[str, Any]], head: bytes, raw: IO[bytes]
    ) -> tuple[dict[str, Any] | None, _Position | None]:
        """The known stream that this file continues, and what has been read of the file.

        The position is None where the file is a shorter copy of a known stream.
        """
        # Load balancers leave thousands of small files: one digest per length, not per stream.
        lengths = {stream["head_bytes"] for stream in streams if stream["head_bytes"] <= len(head)}
        digests = {length: hashlib.sha256(head[:length]).hexdigest() for length in lengths}
        candidates = sorted(
            (stream for stream in streams if digests.get(stream["head_bytes"]) == stream["head"]),
            key=lambda stream: int(stream["offset"]),
        )
        if not candidates:
            return None, None
        position = _Position(head)
        matched: tuple[dict[str, Any], _Position] | None = None
        for stream in candidates:
            if not position.advance(raw, int(stream["offset"])):
                if matched is None and stream["head_bytes"] == HEAD_BYTES:
                    return stream, None
                break
            if hashlib.sha256(position.tail_of(stream["tail_bytes"])).hexdigest() == stream["tail"]:
                matched = (stream, position.at(int(stream["offset"])))
        if matched is None:
            raw.seek(len(head))
            return None, None
        stream, found = matched
        raw.seek(found.offset + len(found.rest))
        return stream, found

    def _blocks(self, rest: bytes, raw: IO[bytes], parser: BlockParser) -> Iterator[bytes]:
        """Whole lines from the position on, in blocks that end with a line end."""
        end = rest.rfind(b"\n") + 1
        if end:
            yield rest[:end]
        carry = rest[end:]
        while True:
            more, error = _read_block(raw, BLOCK_BYTES)
            end = more.rfind(b"\n") + 1
            if end:
                yield b"".join((carry, memoryview(more)[:end]))
                carry = more[end:]
            else:
                carry += more
            if error is not None:
                raise error
            if len(carry) > MAX_GIANT_BYTES:
                raise SourceError(
                    Words(
                        f"no line end within {MAX_GIANT_BYTES} bytes.",
                        f"{MAX_GIANT_BYTES} 字节内没有换行。",
                    ),
                    Words(
                        "This is no text log; correct `glob` in the sources file.",
                        "这不是文本日志，请更正源文件中的 glob。",
                    ),
                )
            if not more:
                break
        if carry and (self._is_complete(carry, parser) or self._is_finished()):
            yield carry
        else:
            self._waits = bool(carry)

    def _is_complete(self, line: bytes, parser: BlockParser) -> bool:
        return parser.is_complete(_clean(line, self._encoding).decode().removesuffix("\n"))

    def _is_finished(self) -> bool:
        if self._file.is_compressed:
            return True
        now = naive_utc(utc_now())
        return now is not None and now - self._file.modified_at > UNFINISHED_LINE_WAITS


def _too_long(line: bytes, number: int) -> Parsed:
    words = Words(
        f"a line of {len(line)} bytes; requests have {MAX_LINE_BYTES} at most",
        f"该行长 {len(line)} 字节，超过上限 {MAX_LINE_BYTES}",
    )
    return Parsed(refused=[Refused(number, TOO_LONG, words, line.decode())], count_lines=1)


def _long_lines(block: bytes) -> list[tuple[int, int]]:
    """Start and end of the lines of more than MAX_LINE_BYTES."""
    # Such a line covers at least one whole stretch of half that length.
    half = MAX_LINE_BYTES // 2
    stretches = range(0, len(block), half)
    if all(block.find(b"\n", start, start + half) >= 0 for start in stretches[:-1]):
        return []
    ends = line_ends(block)
    starts = np.concatenate(([0], ends[:-1] + 1))
    long = np.flatnonzero(ends - starts > MAX_LINE_BYTES)
    return [(int(starts[index]), int(ends[index])) for index in long]


def _shifted(moment: datetime, days: int) -> datetime | None:
    """None where the calendar ends before."""
    try:
        return moment + timedelta(days=days)
    except OverflowError:
        return None


_COLUMN_KINDS = {
    pa.string(): "text",
    pa.int64(): "integer",
    pa.float64(): "number",
    pa.timestamp("us"): "timestamp",
}


def _kinds(schema: pa.Schema) -> dict[str, str]:
    """Columns of the source among those of a landed file."""
    return {entry.name: _COLUMN_KINDS[entry.type] for entry in schema if entry.name[0] != "_"}


def _unite(extract: Extract) -> None:
    """Give all files the same columns: W3C logs may change theirs at any line."""
    for path in extract.parquet:
        schema = pq.read_schema(path)
        missing = [name for name in extract.columns if name not in schema.names]
        if not missing:
            continue
        table_names = [*extract.columns, *(n for n in schema.names if n[0] == "_")]
        partial = path.with_suffix(".partial")
        with pq.ParquetFile(path) as source:
            writer: pq.ParquetWriter | None = None
            for group in range(source.num_row_groups):
                table = source.read_row_group(group)
                for name in missing:
                    table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
                table = table.select(table_names)
                writer = writer or pq.ParquetWriter(
                    partial, table.schema, compression="zstd", store_schema=False
                )
                writer.write_table(table)
            if writer is not None:
                writer.close()
        partial.replace(path)


def _at(file: FileVersion, problem: SourceError) -> SourceError:
    return SourceError(
        Words(f"{file.path}: {problem.message.en}", f"{file.path}：{problem.message.zh}"),
        problem.remedy,
        is_transient=problem.is_transient,
    )


def _cannot_read(file: FileVersion, error: BaseException, count_lines: int) -> SourceError:
    problem = cannot_read(file, error)
    if not count_lines:
        return problem
    return SourceError(
        Words(
            f"{problem.message.en} {count_lines} new lines could be read before that place; they "
            "are loaded with the whole file.",
            f"{problem.message.zh} 此前可读取 {count_lines} 行新内容，将随完整文件一并加载。",
        ),
        problem.remedy,
        is_transient=problem.is_transient,
    )


def _read_block(raw: IO[bytes], count: int) -> tuple[bytes, BaseException | None]:
    """Up to ``count`` bytes, and the error that came after them."""
    if not is_decompressing(raw):
        return raw.read(count), None
    # A truncated archive gives what it holds before it tells so, if it is read piece by piece.
    parts: list[bytes] = []
    missing = count
    try:
        while missing > 0 and (part := raw.read1(missing)):  # type: ignore[attr-defined]
            parts.append(part)
            missing -= len(part)
    except READ_ERRORS as error:
        return b"".join(parts), error
    return b"".join(parts), None


class _Position:
    """How far a file has been read while looking for its stream, with the bytes around."""

    def __init__(self, head: bytes) -> None:
        self._seen = head  # bytes read without a gap, from TAIL_BYTES before `offset` on
        self._end = len(head)
        self.offset = 0

    def advance(self, raw: IO[bytes], offset: int) -> bool:
        """Move to ``offset``; False where the file ends before."""
        if offset - TAIL_BYTES > self._end:
            self._end = raw.seek(offset - TAIL_BYTES)
            self._seen = b""
        while self._end < offset:
            block = raw.read(min(BLOCK_BYTES, offset - self._end))
            if not block:
                return False
            self._end += len(block)
            self._seen += block
        self.offset = offset
        return True

    def tail_of(self, count: int) -> bytes:
        end = len(self._seen) - (self._end - self.offset)
        return self._seen[max(0, end - count) : end]

    @property
    def tail(self) -> bytes:
        return self.tail_of(TAIL_BYTES)

    @property
    def rest(self) -> bytes:
        """Bytes that have been read behind the position."""
        return self._seen[len(self._seen) - (self._end - self.offset) :]

    def at(self, offset: int) -> _Position:
        """A copy that stands at ``offset``."""
        copy = _Position(self._seen)
        copy._end, copy.offset = self._end, offset
        return copy


def _read_fully(raw: IO[bytes], count: int) -> bytes:
    parts: list[bytes] = []
    while count > 0 and (part := raw.read(count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _clean(block: bytes, encoding: str) -> bytes:
    """Whole lines as UTF-8 with ``\\n``; what a CSV reader takes for structure is escaped."""
    block = block.removeprefix(codecs.BOM_UTF8)
    if encoding in ("utf-8", "utf-8-sig", "ascii"):
        try:
            block.decode("utf-8")
        except UnicodeDecodeError:
            block = block.decode("utf-8", "backslashreplace").encode()
    else:
        block = block.decode(encoding, "backslashreplace").encode()
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
    for control in (b"\r", b"\0", b"\x1f"):
        if control in block:
            block = block.replace(control, b"\\x%02X" % control[0])
    return block if block.endswith(b"\n") else block + b"\n"
