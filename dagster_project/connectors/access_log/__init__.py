"""Web-server access logs in the combined format; every line is landed exactly once.

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
  lines = landed + quarantined always holds.
- The last line of a file that still grows may be half written: where it has no line end and is not
  complete up to its closing quote, it waits, for an hour at most; in a compressed file it is final.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import duckdb

from dagster_project.connectors import duck
from dagster_project.connectors.extract import Extract
from dagster_project.connectors.places import (
    READ_ERRORS,
    FileVersion,
    cannot_read,
    check_encoding,
    list_files,
)
from dagster_project.connectors.problems import SourceError, Words
from dagster_project.connectors.receipts import RejectedRow, naive_utc
from dagster_project.connectors.sources_file import AccessLogSource, AccessLogTable
from dagster_project.settings import utc_now

HEAD_BYTES = 4096
TAIL_BYTES = 1024
BLOCK_BYTES = 8 * 1024 * 1024
SEGMENT_BYTES = 128 * 1024 * 1024
MAX_LINE_BYTES = 2 * 1024 * 1024
# A byte becomes at most four characters (``\\xNN``).
MAX_CLEAN_LINE_BYTES = 4 * MAX_LINE_BYTES + 4
UNFINISHED_LINE_WAITS = timedelta(hours=1)

COLUMNS = {
    "client_address": "text",
    "identity": "text",
    "user_name": "text",
    "requested_at": "timestamp",
    "method": "text",
    "url": "text",
    "protocol": "text",
    "status": "integer",
    "count_bytes": "integer",
    "referrer": "text",
    "user_agent": "text",
    "request_line": "text",
}

# For lines that a plain split cannot be trusted with: escaped quotes, blanks in a user name.
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_PATTERN = (
    r"^(\S+) (\S+) (.*?) \[([^\]\s]+) ([^\]\s]+)\] "
    + _QUOTED
    + r" (\S+) (\S+) "
    + _QUOTED
    + " "
    + _QUOTED
    + r"?\s*$"
)
# A line that lacks nothing but its line end.
_COMPLETE = re.compile(_PATTERN.replace(r'"?\s*$', '"').encode())
_ADDRESS = r"[0-9A-Za-z.:_%\[\]-]+"
_GROUPS = "['a', 'i', 'u', 't', 'z', 'r', 's', 'b', 'f', 'g']"

_REASONS = {
    "not_combined_format": Words("not a line of the combined format", "不是 combined 格式的行"),
    "bad_timestamp": Words(
        "the time is not [day/Mon/year:hour:minute:second zone]",
        "时间不是 [日/月/年:时:分:秒 时区] 格式",
    ),
    "bad_status": Words("the status is no three-digit number", "状态码不是三位数字"),
    "bad_size": Words("the size is neither a number nor -", "字节数既不是数字也不是 -"),
}


class AccessLogReader:
    """Reads what is new in the logs of one source."""

    def __init__(self, source: AccessLogSource, load_id: str, loaded_at: datetime) -> None:
        self._source = source
        # Lines are written once, with the columns of the lake: writing costs a third of the load.
        self._load_columns = (
            f"{duck.text(load_id)} as _load_id, "
            f"cast({duck.text(naive_utc(loaded_at))} as timestamp) as _loaded_at, "
            "false as _is_deleted"
        )

    def extract(
        self, table: AccessLogTable, state: Mapping[str, Any], work: Path, *, full: bool
    ) -> Extract:
        """Read the lines that no load has seen. ``full`` changes nothing: no line comes twice.

        Raises:
            SourceError: no log there, or an unknown encoding. A single file that cannot be read
                is among the extract's failures; the others are read.
        """
        encoding = check_encoding(table.encoding, f"{self._source.system}.{table.name}")
        if "\n".encode(encoding) != b"\n":
            raise SourceError(
                Words(
                    f"{self._source.system}.{table.name}: encoding {encoding} is not read in logs.",
                    f"{self._source.system}.{table.name}：日志不支持 {encoding} 编码。",
                ),
                Words("Use one that contains ASCII.", "请使用兼容 ASCII 的编码。"),
            )
        files = list_files(self._source, table.glob)
        extract = Extract(columns=dict(COLUMNS))
        streams = [dict(stream) for stream in state.get("streams", [])]
        by_path = {stream["path"]: stream for stream in streams}
        newest = state.get("newest_at")
        with duck.connect(work) as connection:
            for file in files:
                seen = by_path.get(file.path)
                version = (file.size, file.modified_at.isoformat())
                if seen and not seen["waits"] and (seen["size"], seen["modified_at"]) == version:
                    continue
                reading = _Reading(connection, file, encoding, work, table.name, self._load_columns)
                try:
                    reading.run(streams, extract)
                except READ_ERRORS as error:
                    reading.discard(extract)
                    extract.failures.append(cannot_read(file, error))
                except SourceError as problem:
                    reading.discard(extract)
                    extract.failures.append(problem)
                else:
                    newest = max(filter(None, (newest, reading.newest_at)), default=None)
        extract.state.update(streams=streams, newest_at=newest)
        extract.cursor_to = newest
        if newest:
            extract.newest_at = datetime.fromisoformat(newest)
        extract.is_unchanged = not extract.parquet and not extract.rejected and not extract.failures
        if full:
            extract.notes.append(
                Words(
                    "Lines that are in the lake are not loaded again.",
                    "已入湖的日志行不会重复加载。",
                )
            )
        return extract


class _Reading:
    """One file read from where its stream was left."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        file: FileVersion,
        encoding: str,
        work: Path,
        table: str,
        load_columns: str,
    ) -> None:
        self._load_columns = load_columns
        self._connection = connection
        self._file = file
        self._encoding = encoding
        self._work = work
        self._table = table
        self._parquet: list[Path] = []
        self._rejected: list[RejectedRow] = []
        self._count_lines = 0
        self._first_line = 0
        self._waits = False
        self.newest_at: str | None = None

    def run(self, streams: list[dict[str, Any]], extract: Extract) -> None:
        with self._file.open() as raw:
            head = _read_fully(raw, HEAD_BYTES)
            stream, position = self._find(streams, head, raw)
            if stream is None:
                stream = {"offset": 0, "lines": 0}
                position = _Position(head)
            elif position is None:
                return  # an unfinished copy of a log that has been read further
            first_line = self._first_line = int(stream["lines"])
            offset, tail = int(stream["offset"]), position.tail
            rest = position.rest or raw.read(1)
            if offset and not tail.endswith(b"\n"):
                # Its last line was complete but for the line end, which may have come since.
                rest += raw.read(1)
                end = re.match(rb"\r?\n|", rest)
                skipped = len(end.group()) if end else 0
                offset, tail, rest = offset + skipped, tail + rest[:skipped], rest[skipped:]
            segment = self._work / f"{self._table}.segment.log"
            out = segment.open("wb")
            try:
                size = 0
                for block in self._blocks(rest, raw):
                    offset += len(block)
                    tail = (tail + block)[-TAIL_BYTES:]
                    clean = _clean(block, self._encoding)
                    self._count_lines += clean.count(b"\n")
                    size += out.write(clean)
                    if size >= SEGMENT_BYTES:
                        out.close()
                        self._parse(segment, first_line)
                        first_line = int(stream["lines"]) + self._count_lines
                        out, size = segment.open("wb"), 0
                out.close()
                if size:
                    self._parse(segment, first_line)
            finally:
                out.close()
                segment.unlink(missing_ok=True)
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
            lines=int(stream["lines"]) + self._count_lines,
            waits=self._waits,
        )
        if offset and all(stream is not other for other in streams):
            streams.append(stream)
        if self._count_lines:
            extract.count_files += 1
            extract.count_bytes += self._file.size
            extract.rows_read += self._count_lines
            extract.parquet += self._parquet
            extract.rejected += self._rejected

    def discard(self, extract: Extract) -> None:
        """Forget what was read of a file that turned out to be unreadable."""
        for path in self._parquet:
            path.unlink(missing_ok=True)

    def _find(
        self, streams: list[dict[str, Any]], head: bytes, raw: IO[bytes]
    ) -> tuple[dict[str, Any] | None, _Position | None]:
        """The known stream that this file continues, and what has been read of the file.

        The position is None where the file is a shorter copy of a known stream.
        """
        candidates = sorted(
            (
                stream
                for stream in streams
                if stream["head_bytes"] <= len(head)
                and hashlib.sha256(head[: stream["head_bytes"]]).hexdigest() == stream["head"]
            ),
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

    def _blocks(self, rest: bytes, raw: IO[bytes]) -> Iterator[bytes]:
        """Whole lines from the position on, in blocks that end with a line end."""
        carry = rest
        while True:
            more = raw.read(BLOCK_BYTES)
            block = carry + more
            end = block.rfind(b"\n") + 1
            if end:
                yield block[:end]
            carry = block[end:]
            if len(carry) > MAX_LINE_BYTES:
                raise SourceError(
                    Words(
                        f"{self._file.path}: no line end within {MAX_LINE_BYTES} bytes.",
                        f"{self._file.path}：{MAX_LINE_BYTES} 字节内没有换行。",
                    ),
                    Words(
                        "This is no text log; correct `glob` in the sources file.",
                        "这不是文本日志，请更正源文件中的 glob。",
                    ),
                )
            if not more:
                break
        if carry and (_COMPLETE.fullmatch(carry) or self._is_finished()):
            yield carry
        else:
            self._waits = bool(carry)

    def _is_finished(self) -> bool:
        if self._file.is_compressed:
            return True
        now = naive_utc(utc_now())
        return now is not None and now - self._file.modified_at > UNFINISHED_LINE_WAITS

    def _parse(self, segment: Path, first_line: int) -> None:
        expected = self._count_lines - (first_line - self._first_line)
        stem = hashlib.sha256(self._file.path.encode()).hexdigest()[:16]
        target = self._work / f"{self._table}.{stem}.{len(self._parquet)}.parquet"
        self._connection.execute(_parse_sql(segment, first_line))
        self._connection.execute(
            f"""
            copy (
                select {duck.names(COLUMNS)}, {duck.text(self._file.path)} as _source_file,
                    n as _source_row, {self._load_columns}
                from parsed
                where reason is null
            ) to {duck.text(target)} (format parquet, compression zstd)
            """
        )
        count, loaded, newest = self._connection.execute(
            "select count(*), count(*) filter (where reason is null), "
            "max(requested_at) filter (where reason is null) from parsed"
        ).fetchone() or (0, 0, None)
        if count != expected:
            # Never seen; a reader that drops or splits a line must not do so in silence.
            raise RuntimeError(f"{self._file.path}: {expected} lines went in, {count} came out")
        if loaded:
            self._parquet.append(target)
        else:
            target.unlink()
        if newest is not None:
            self.newest_at = max(filter(None, (self.newest_at, newest.isoformat())))
        for line, code, text in self._connection.execute(
            "select n, reason, line from parsed where reason is not null order by n"
        ).fetchall():
            words = _REASONS[code]
            self._rejected.append(
                RejectedRow(
                    source_file=self._file.path,
                    source_row=line,
                    reason_code=code,
                    reason_en=words.en,
                    reason_zh=words.zh,
                    raw_text=text or "",
                )
            )
        self._connection.execute("drop table parsed")


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
    block = block.replace(b"\r\n", b"\n")
    for control in (b"\r", b"\0", b"\x1f"):
        if control in block:
            block = block.replace(control, b"\\x%02X" % control[0])
    return block if block.endswith(b"\n") else block + b"\n"


def _parse_sql(segment: Path, first_line: int, *, may_split: bool = True) -> str:
    """A table ``parsed``: one row per line, with ``reason`` where it is not to be landed.

    Splitting at quotes and blanks costs less than half of a regular expression (1.8 against 4.2
    CPU-seconds per million lines); only lines that a split may misread pay for the expression.
    """
    return f"""
        create temp table parsed as
        with lines as (
            select row_number() over () + {first_line} as n, coalesce(line, '') as line
            from read_csv(
                {duck.text(segment)}, columns = {{'line': 'varchar'}}, auto_detect = false,
                delim = '\x1f', quote = '', escape = '', header = false, new_line = '\\n',
                max_line_size = {MAX_CLEAN_LINE_BYTES}, buffer_size = {4 * MAX_CLEAN_LINE_BYTES}
            )
        ),
        split as (
            select
                n,
                line,
                string_split(line, '"') as p,
                string_split(p[1], ' ') as h,
                string_split(p[3], ' ') as m,
                {str(may_split).lower()}
                and not contains(line, '\\') and not contains(line, '\t')
                and (len(p) = 6 or (len(p) = 7 and p[7] = ''))
                and p[5] = ' ' and len(h) = 6 and len(m) = 4 and h[6] = ''
                and m[1] = '' and m[4] = '' and h[2] <> ''
                and starts_with(h[4], '[') and ends_with(h[5], ']')
                and h[4][2] between '0' and '9'
                as simple
            from lines
        ),
        matched as (
            select
                *,
                case
                    when simple then null
                    else regexp_extract(line, {duck.text(_PATTERN)}, {_GROUPS})
                end as x
            from split
        ),
        fields as (
            select
                n,
                line,
                case when simple then h[1] else x.a end as address,
                case when simple then h[2] else x.i end as identity_text,
                case when simple then h[3] else x.u end as user_text,
                case when simple then h[4][2:] else x.t end as time_text,
                case when simple then h[5][:-2] else x.z end as zone_text,
                case when simple then p[2] else x.r end as request,
                case when simple then m[2] else x.s end as status_text,
                case when simple then m[3] else x.b end as size_text,
                case when simple then p[4] else x.f end as referrer_text,
                case when simple then p[6] else x.g end as agent_text,
                string_split(request, ' ') as r,
                len(r) >= 3 and starts_with(r[-1], 'HTTP/') and r[1] <> '' as is_request,
                case
                    when len(r) = 2 then regexp_full_match(request, '[A-Z]+ /\\S*')
                    else false
                end as is_old_request
            from matched
        ),
        typed as (
            select
                *,
                try_strptime(time_text, '%d/%b/%Y:%H:%M:%S') as local_at,
                case
                    when zone_text = '+0000' then 0
                    when regexp_full_match(zone_text, '[+-]\\d{{4}}')
                    then cast(zone_text[1] || '1' as integer)
                        * (cast(zone_text[2:3] as integer) * 60
                            + cast(zone_text[4:5] as integer))
                end as zone_minutes,
                try_cast(status_text as integer) as status_number,
                case when size_text = '-' then 0 else try_cast(size_text as bigint) end as size
            from fields
        )
        select
            n,
            line,
            address as client_address,
            nullif(identity_text, '-') as "identity",
            nullif(user_text, '-') as user_name,
            local_at - to_minutes(zone_minutes) as requested_at,
            case when is_request or is_old_request then r[1] end as "method",
            case
                when len(r) = 3 and is_request then r[2]
                when is_request then array_to_string(r[2:-2], ' ')
                when is_old_request then r[2]
            end as url,
            case when is_request then r[-1] end as protocol,
            cast(status_number as bigint) as status,
            size as count_bytes,
            nullif(referrer_text, '-') as referrer,
            nullif(agent_text, '-') as user_agent,
            case
                when not (is_request or is_old_request) then nullif(nullif(request, '-'), '')
            end as request_line,
            case
                when not coalesce(regexp_full_match(address, {duck.text(_ADDRESS)}), false)
                then 'not_combined_format'
                when local_at is null or zone_minutes is null then 'bad_timestamp'
                when status_number is null or status_number not between 100 and 999
                then 'bad_status'
                when size is null or size < 0 then 'bad_size'
            end as reason
        from typed
    """
