"""Reads tables of a REST interface: increments, searches cut by time, nested lists, keys.

What keeps rows from being lost:

- The cursor moves to the newest change that was seen, but never past the source's own clock at the
  begin of the reading: what changes meanwhile comes with the next load. The next load begins an
  overlap behind the cursor; rows that come again are landed once.
- A list that shifts while it is read is noticed and repaired (see `paging`).
- A search that shows only so many results (``cap``) is cut by time until each part is below it.
- Where the source says how many rows there are and fewer come, the list is read once more. If rows
  are still missing, an increment keeps its cursor and the receipt tells the gap; a snapshot is not
  landed, as its missing rows would count as deleted.
"""

from __future__ import annotations

import contextlib
import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import requests
from dlt.common import jsonpath

from dagster_project.connectors.check import Finding, from_problem, limited, missing, ok
from dagster_project.connectors.extract import Batch, Extract, check_names, write_rows
from dagster_project.connectors.kinds import Coverage, Load, Window
from dagster_project.connectors.problems import SourceError, Words
from dagster_project.connectors.receipts import RejectedRow, naive_utc
from dagster_project.connectors.rest_api import moments
from dagster_project.connectors.rest_api.client import Answer, NotThereError, RestClient
from dagster_project.connectors.rest_api.moments import Cursor
from dagster_project.connectors.rest_api.paging import ListReader, ListShifted, Page
from dagster_project.connectors.rest_api.rows import (
    BATCH_ROWS,
    RowStore,
    content_hash,
    json_text,
    landed,
    types_of,
)
from dagster_project.connectors.rest_api.settings import (
    SINCE,
    UNTIL,
    RestSource,
    RestTable,
    Variant,
)
from dagster_project.connectors.values import arrow_type
from dagster_project.settings import utc_now

# A list without a key that shifts is begun anew so often.
MAX_PASSES = 5
SMALLEST_SPAN = timedelta(seconds=1)
_FIELD = re.compile(r"\{(\w[\w.]*)\}")
_UTC = ZoneInfo("UTC")


@dataclass
class _Reading:
    """Rows of one list as read in one go, and what is known of them."""

    store: RowStore
    asked: int | None = 0
    gap: int = 0
    newest: Cursor | None = None
    began_at: datetime | None = None
    rejected: list[RejectedRow] = field(default_factory=list)
    without_cursor: int = 0


class _CappedError(Exception):
    """The source does not show all results of a search; ``seen`` are cursors of those it shows."""

    def __init__(self, seen: list[Cursor]) -> None:
        super().__init__()
        self.seen = seen


@contextlib.contextmanager
def open_source(source: RestSource, load: Load) -> Iterator[RestReader]:
    """A reader of ``source``; its first call is made when a table is read.

    Raises:
        SourceError: a secret that the source names is not there.
    """
    client = RestClient(source)
    reader = RestReader(source, client, load.window)
    try:
        yield reader
    finally:
        reader.close()
        client.close()


class RestReader:
    """Reads the tables of one REST interface."""

    reads_windows = True

    def __init__(
        self, source: RestSource, client: RestClient, window: Window | None = None
    ) -> None:
        self._source = source
        self._client = client
        self._window = window
        self._zone = ZoneInfo(source.time_zone)
        # Lists with others nested in them are read once for all of them.
        self._kept: dict[tuple[str, str], _Reading] = {}

    def close(self) -> None:
        for reading in self._kept.values():
            reading.store.close()
        self._kept.clear()

    @property
    def spent(self) -> tuple[int, int]:
        """Calls made so far, and those of them that were made again."""
        return self._client.calls, self._client.retries

    def extract(
        self, table: RestTable, state: Mapping[str, Any], work: Path, *, full: bool
    ) -> Extract:
        """Read one table: everything, or from the cursor of ``state`` on.

        Raises:
            SourceError: the list cannot be read as it is described, or not in full.
        """
        extract = Extract()
        received = self._client.received_bytes
        root = self._source.table(table.of) if table.of else table
        since = self._since(root, state) if self._window or not full else None
        parent = self._read(root, since, work)
        self._refuse_gap(root, parent)
        reading = self._nested(table, parent, extract, work) if table.of else parent
        self._write(table, reading, extract, state, work, is_whole=since is None)
        if root.cursor:
            self._move_cursor(extract, root, parent, state, since)
        if root.load == "snapshot" or not root.cursor:
            extract.newest_at = naive_utc(parent.began_at)
        if table.of is None:
            extract.rows_asked = parent.asked
            extract.rows_gap = parent.gap if parent.asked is not None else None
        extract.count_bytes = self._client.received_bytes - received
        extract.quota_used = self._client.quota_used
        extract.quota_limit = self._client.quota_limit
        if parent.without_cursor and root.load == "incremental":
            extract.notes.append(_told_without_cursor(root, parent.without_cursor))
        return extract

    def read_keys(self, table: RestTable, columns: list[str], work: Path) -> Path:
        """Keys of every row that the source holds now, as a Parquet file, to find deleted rows.

        Raises:
            SourceError: the list did not come in full: its missing rows would count as deleted.
        """
        root = self._source.table(table.of) if table.of else table
        reading = self._read(root, None, work)
        if reading.gap:
            raise _gap(f"{self._source.system}.{root.name}", reading)
        if table.of:
            reading = self._nested(table, reading, Extract(), work)
        extract = Extract()
        path = work / f"{table.name}.keys.parquet"
        rows = self._renamed(table, reading.store)
        kinds = types_of(rows, {}, table.types)
        declared: dict[str, str | None] = {name: kinds.get(name, "text") for name in columns}
        write_rows(
            extract,
            self._batches(self._renamed(table, reading.store), columns, {}, None),
            path,
            frozen={},
            declared=declared,
            zone=self._zone,
            cut_times=table.cuts_times,
        )
        return path

    def coverage(self, table: RestTable) -> Coverage | None:
        """Which landed rows :meth:`read_keys` lists: not those before a `start`."""
        root = self._source.table(table.of) if table.of else table
        variants = root.variants or (None,)
        start = self._start(root)
        if start is None or not any(SINCE in self._asked_text(root, v) for v in variants):
            return None
        names = root.rename
        same = {column: column for column in table.primary_key}
        if table.of:
            held = ((column, name) for column, name in table.include.items() if column in same)
            same = {column: names.get(name, name) for column, name in held}
        # A field inside an object has landed as a part of that object.
        fields = [part for name in root.cursor for part in dict.fromkeys([name, _head(name)])]

        def holds(values: Sequence[Any]) -> bool:
            row = dict(zip(fields, values, strict=True))
            found = (v for name in root.cursor if (v := _landed_field(row, name)) is not None)
            moment = moments.parse(next(found, None), root.cursor_format, self._zone)
            return moment is not None and moment >= start  # type: ignore[operator]

        return Coverage(root.name, same, [names.get(name, name) for name in fields], holds)

    # Reading lists

    def _read(self, table: RestTable, since: Cursor | None, work: Path) -> _Reading:
        """Every row of a list from ``since`` on, each once, in its newest version."""
        name = (table.name, str(since))
        if name in self._kept:
            return self._kept[name]
        number = len(self._kept)
        fields = self._key_fields(table)
        reading = _Reading(RowStore(work / f"{table.name}.{number}.rows", fields))
        try:
            for variant in table.variants or (None,):
                self._read_variant(table, variant, since, reading)
        except BaseException:
            reading.store.close()
            raise
        self._kept[name] = reading
        return reading

    def _read_variant(
        self, table: RestTable, variant: Variant | None, since: Cursor | None, reading: _Reading
    ) -> None:
        """Read a list, in parts where it is capped."""
        if UNTIL not in self._asked_text(table, variant):
            self._read_list(table, variant, since, None, reading)
            return
        first, last = self._bounds(table, since)
        spans = [(first, last)]
        while spans:
            start, end = spans.pop()
            try:
                self._read_list(table, variant, start, end, reading)
            except _CappedError as capped:
                middle = _middle(start, end, capped.seen)
                if middle is None:
                    where = f"{self._source.system}.{table.name}"
                    raise _too_many(where, table.cap or 0, _shown(start)) from None
                # The earlier half is read first. Halves overlap, as a filter may leave out its end.
                spans += [(_before(middle), end), (start, middle)]

    def _bounds(self, table: RestTable, since: Cursor | None) -> tuple[Cursor, Cursor]:
        if table.cursor_format == "number":
            return since or Decimal(0), Decimal(2**63 - 1)
        first = since or self._start(table) or moments.BEGIN
        last: Cursor = utc_now() + timedelta(days=366)
        if self._window:
            last = self._moment(table, self._window.last)
        return first, last

    def _read_list(
        self,
        table: RestTable,
        variant: Variant | None,
        since: Cursor | None,
        until: Cursor | None,
        reading: _Reading,
    ) -> None:
        """Read one list, once more where the source says that it has more rows than came.

        Raises:
            _CappedError: the source does not show all of it.
        """
        seen: set[int] = set()
        total: int | None = None
        for _ in range(2):
            total = self._read_once(table, variant, since, until, reading, seen)
            if total is None or len(seen) >= total or not table.primary_key:
                break
        if total is None:
            reading.asked = None
            return
        if reading.asked is not None:
            reading.asked += total
        reading.gap += max(total - len(seen), 0)

    def _read_once(
        self,
        table: RestTable,
        variant: Variant | None,
        since: Cursor | None,
        until: Cursor | None,
        reading: _Reading,
        seen: set[int],
    ) -> int | None:
        """Read one list to its end; the number of rows that the source says there are."""
        where = f"{self._source.system}.{table.name}"
        total_path = variant.total if variant and variant.total else table.total
        is_first = not len(reading.store)
        for _ in range(MAX_PASSES):
            total: int | None = None
            received = 0
            cursors: list[Cursor] = []
            reader = self._list_reader(table, variant, where)
            try:
                for page in reader.pages(self._request(table, variant, since, until)):
                    if reading.began_at is None:
                        reading.began_at = page.answer.date or utc_now()
                    if total_path and page.answer.has_content:
                        total = self._total(page.answer, total_path, where)
                    elif total_path:
                        total = total or 0
                    received += len(page.rows)
                    if table.cap and (
                        received >= table.cap if total is None else total > table.cap
                    ):
                        raise _CappedError([*cursors, *self._cursors(table, page)])
                    if table.cap:
                        cursors += self._cursors(table, page)
                    self._take(table, page, reading, seen)
                    if not reader.has_shifted and received == total:
                        reader.stop()
                return total
            except ListShifted:
                if not is_first:
                    raise _unkeyed(where) from None
                reading.store.clear()
                seen.clear()
        raise _unkeyed(where)

    def _list_reader(self, table: RestTable, variant: Variant | None, where: str) -> ListReader:
        paths = (variant.rows if variant else ()) or table.rows

        fetched = 0

        def fetch(request: requests.Request) -> Page:
            nonlocal fetched
            try:
                answer = self._client.get(request, where)
            except NotThereError as problem:
                # Not a page behind the last one, nor a list of a row that was removed meanwhile.
                if not fetched and table.of is None:
                    path = (variant.path if variant else None) or table.path or table.name
                    problem.changes = [{"change": "table_gone", "from": path}]
                raise
            fetched += 1
            rows = self._rows(table, paths, answer, where)
            return Page(rows, [content_hash(row) for row in rows], answer)

        return ListReader(
            self._source.paging_of(table),
            fetch,
            where,
            self._source.hosts,
            may_repair=bool(table.primary_key),
        )

    def _rows(
        self, table: RestTable, paths: tuple[str, ...], answer: Answer, where: str
    ) -> list[Any]:
        if not answer.has_content:
            return []
        for path in paths or ("$",):
            found = jsonpath.find_values(path, answer.content)
            if not found:
                continue
            if len(found) == 1 and (isinstance(found[0], list) or found[0] is None):
                return list(found[0] or [])
            if "*" in path:
                return list(found)
            if len(found) == 1 and path != "$":
                return list(found)
        if table.may_lack_rows and paths and isinstance(answer.content, dict):
            return []
        raise _no_rows(where, paths, answer)

    def _total(self, answer: Answer, path: str, where: str) -> int:
        value = answer.value(path)
        try:
            return int(value)
        except (TypeError, ValueError) as error:
            raise SourceError(
                Words(
                    f'{where}: the answer has no number of rows at `total` = "{path}".',
                    f"{where}：响应中 total = “{path}” 处没有行数。",
                ),
                Words("Correct `total`, or leave it out.", "请更正 total，或将其删除。"),
            ) from error

    def _take(self, table: RestTable, page: Page, reading: _Reading, seen: set[int]) -> None:
        form = table.cursor_format
        for place, (row, content) in enumerate(zip(page.rows, page.hashes, strict=True)):
            is_row = isinstance(row, dict)
            # Without a key each row counts, also one that is the same as another.
            seen.add(
                reading.store.identity(row, content)
                if is_row and table.primary_key
                else hash((len(seen), place))
            )
            if not is_row:
                reading.rejected.append(_no_object(row, page.answer.url))
                continue
            if table.cursor:
                values = (
                    value for name in table.cursor if (value := _field(row, name)) is not None
                )
                moment = moments.parse(next(values, None), form, self._zone)
                if moment is None:
                    reading.without_cursor += 1
                elif self._is_outside(table, moment):
                    continue
                elif reading.newest is None or moment > reading.newest:  # type: ignore[operator]
                    reading.newest = moment
            reading.store.add(row, content)

    def _cursors(self, table: RestTable, page: Page) -> list[Cursor]:
        found = (
            moments.parse(_field(row, name), table.cursor_format, self._zone)
            for row in page.rows
            for name in table.cursor[:1]
            if isinstance(row, dict)
        )
        return [moment for moment in found if moment is not None]

    def _is_outside(self, table: RestTable, moment: Cursor) -> bool:
        """Whether a row is beyond the span that is to be read, where the source cannot end it."""
        if not self._window or table.of:
            return False
        return bool(moment >= self._moment(table, self._window.last))  # type: ignore[operator]

    # Requests

    def _request(
        self,
        table: RestTable,
        variant: Variant | None,
        since: Cursor | None,
        until: Cursor | None,
        row: Mapping[str, Any] | None = None,
    ) -> requests.Request:
        form = table.since_format or table.cursor_format
        if since is None:
            since = self._start(table)
        places = {
            SINCE: None
            if since is None
            else moments.write(
                moments.before_clocks_go_back(since, form, self._zone), form, self._zone
            ),
            UNTIL: None if until is None else moments.write(_ceiling(until), form, self._zone),
        }
        params = {**self._source.params, **table.params, **(variant.params if variant else {})}
        body = {**self._source.body, **table.body, **(variant.body if variant else {})}
        path = (variant.path if variant and variant.path else table.path) or table.name
        if row is not None:
            path = _FIELD.sub(lambda match: quote(str(_field(row, match[1])), safe=""), path)
        url = path
        if not re.match(r"^https?://", path):
            url = f"{self._source.url.rstrip('/')}/{path.lstrip('/')}" if path else self._source.url
        return requests.Request(
            method=table.method,
            url=url,
            params=_filled(params, places),
            json=_filled(body, places) if table.method == "POST" else None,
        )

    def _asked_text(self, table: RestTable, variant: Variant | None) -> str:
        asked: list[Any] = [table.params, table.body, table.path]
        if variant:
            asked += [variant.params, variant.body, variant.path]
        return json_text(asked)

    def _since(self, table: RestTable, state: Mapping[str, Any]) -> Cursor | None:
        if self._window:
            return self._moment(table, self._window.first)
        saved = state.get("cursor")
        if not saved:
            return None
        cursor = moments.restore(saved)
        if isinstance(cursor, Decimal):
            return cursor - table.overlap_numbers
        return cursor - timedelta(seconds=table.overlap_seconds)

    def _start(self, table: RestTable) -> Cursor | None:
        return self._moment(table, table.start) if table.start else None

    def _moment(self, table: RestTable, text: str) -> Cursor:
        """A time or number as people write it."""
        form = "number" if table.cursor_format == "number" else "iso"
        moment = moments.parse(text, form, self._zone)
        if moment is None:
            raise SourceError(
                Words(
                    f'{self._source.system}.{table.name}: "{text}" is no time or number.',
                    f"{self._source.system}.{table.name}：“{text}” 不是时间或数值。",
                ),
                Words("Write it as 2024-01-31 or 2024-01-31T08:00:00Z.", "请写成 2024-01-31。"),
            )
        return moment

    def _move_cursor(
        self,
        extract: Extract,
        table: RestTable,
        reading: _Reading,
        state: Mapping[str, Any],
        since: Cursor | None,
    ) -> None:
        saved = state.get("cursor")
        before = moments.restore(saved) if saved else None
        extract.cursor_from = None if since is None else _shown(since)
        newest = reading.newest
        if (
            newest is None
            and reading.without_cursor
            and reading.without_cursor == len(reading.store)
        ):
            raise _no_cursor(f"{self._source.system}.{table.name}", table)
        if isinstance(newest, datetime) and reading.began_at is not None:
            # Later changes may hide behind rows that were read already; clocks may run ahead.
            newest = min(newest, reading.began_at)
        if reading.gap:
            newest = before
            extract.notes.append(_told_gap(reading))
        if newest is None or (before is not None and newest < before):  # type: ignore[operator]
            newest = before
        if newest is None:
            return
        extract.state["cursor"] = moments.save(newest)
        extract.cursor_to = _shown(newest)
        if isinstance(newest, datetime):
            extract.newest_at = naive_utc(newest)

    def _refuse_gap(self, table: RestTable, reading: _Reading) -> None:
        if reading.gap and table.load == "snapshot":
            raise _gap(f"{self._source.system}.{table.name}", reading)

    # Nested lists

    def _nested(self, table: RestTable, parent: _Reading, extract: Extract, work: Path) -> _Reading:
        """Rows of the lists inside, or behind, the rows of another table."""
        fields = self._key_fields(table)
        name = (table.name, str(id(parent)))
        if name in self._kept:
            return self._kept[name]
        store = RowStore(work / f"{table.name}.{len(self._kept)}.rows", fields)
        reading = _Reading(store, asked=None, began_at=parent.began_at)
        self._kept[name] = reading
        where = f"{self._source.system}.{table.name}"
        for row in parent.store:
            for place, item in enumerate(self._items(table, row, where), start=1):
                nested = dict(item) if isinstance(item, dict) else {"value": item}
                for column, source_field in table.include.items():
                    if column in nested and nested[column] != _field(row, source_field):
                        raise _clash(where, column)
                    nested[column] = _field(row, source_field)
                if table.position:
                    nested[table.position] = place
                store.add(nested, content_hash(nested))
        if table.load == "incremental":
            extract.groups = self._groups(table, parent, work)
            extract.group_columns = [c for c in table.include if c in table.primary_key]
        return reading

    def _items(self, table: RestTable, row: Mapping[str, Any], where: str) -> Iterator[Any]:
        if table.is_nested:
            for path in table.rows:
                for found in jsonpath.find_values(path, dict(row)):
                    yield from (
                        found if isinstance(found, list) else [] if found is None else [found]
                    )
            return
        reader = self._list_reader(table, None, where)
        for page in reader.pages(self._request(table, None, None, None, row)):
            yield from page.rows

    def _groups(self, table: RestTable, parent: _Reading, work: Path) -> Path:
        """The rows whose nested lists came whole: what is not among them now was removed."""
        path = work / f"{table.name}.groups.parquet"
        values = [
            {column: _field(row, name) for column, name in table.include.items()}
            for row in parent.store
        ]
        kinds = types_of(iter(values), {}, table.types)
        schema = pa.schema([(name, arrow_type(kinds.get(name, "text"))) for name in table.include])
        rows = [{name: landed(value, None) for name, value in row.items()} for row in values]
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
        return path

    # Checking

    def check(self, table: RestTable) -> list[Finding]:
        """Findings about one list, from its first page."""
        where = f"{self._source.system}.{table.name}"
        found: list[Finding] = []
        for variant in table.variants or (None,):
            reader = self._list_reader(table, variant, where)
            since = moments.BEGIN if table.cursor_format != "number" else Decimal(0)
            until = self._bounds(table, None)[1]
            try:
                pages = reader.pages(self._request(table, variant, since, until))
                page = next(pages)
                total_path = variant.total if variant and variant.total else table.total
                total = None
                if total_path and page.answer.has_content:
                    total = self._total(page.answer, total_path, where)
            except SourceError as problem:
                found.append(from_problem(problem))
                continue
            found.append(self._judged(table, page, total))
        return found

    def _judged(self, table: RestTable, page: Page, total: int | None) -> Finding:
        rows = [row for row in page.rows if isinstance(row, dict)]
        if not rows:
            return limited(
                Words(f"{table.name}: no rows are visible.", f"{table.name}：看不到任何行。"),
                Words(
                    "If the list is not empty at the source, the user of these credentials may "
                    "not see it, or an organisation has to be named (`headers`).",
                    "若数据源中该列表不为空，则该凭据的用户无权查看，或需在 headers 中指定组织。",
                ),
            )
        named = [*self._key_fields(table), *table.cursor[:1]]
        absent = [name for name in named if all(_field(row, name) is None for row in rows)]
        if absent:
            return missing(
                Words(
                    f"{table.name}: the rows have no field {', '.join(absent)}; they have "
                    f"{', '.join(sorted(rows[0])[:40])}.",
                    f"{table.name}：各行没有字段 {'、'.join(absent)}。",
                ),
                Words(
                    "Correct `primary_key` or `cursor`, or give the user the right to see the "
                    "field.",
                    "请更正 primary_key 或 cursor，或授予查看该字段的权限。",
                ),
            )
        values = [_field(row, name) for row in rows for name in table.cursor[:1]]
        if values and not any(moments.parse(v, table.cursor_format, self._zone) for v in values):
            return from_problem(_no_cursor(f"{self._source.system}.{table.name}", table))
        of = "" if total is None else f" of {total}"
        of_zh = "" if total is None else f"（共 {total} 行）"
        return ok(
            f"{table.name}: {len(rows)}{of} rows are readable on the first page.",
            f"{table.name}：首页可读取 {len(rows)} 行{of_zh}。",
        )

    # Landing

    def _key_fields(self, table: RestTable) -> list[str]:
        """Fields of the answer that are the columns of the key."""
        fields = {column: name for name, column in table.rename.items()}
        return [fields.get(column, column) for column in table.primary_key]

    def _renamed(self, table: RestTable, rows: RowStore) -> Iterator[dict[str, Any]]:
        for row in rows:
            yield {table.rename.get(name, name): value for name, value in row.items()}

    def _write(
        self,
        table: RestTable,
        reading: _Reading,
        extract: Extract,
        state: Mapping[str, Any],
        work: Path,
        *,
        is_whole: bool,
    ) -> None:
        where = f"{self._source.system}.{table.name}"
        frozen: Mapping[str, str] = state.get("columns", {})
        types = types_of(self._renamed(table, reading.store), frozen, table.types)
        check_names(list(types), where)
        if is_whole and len(reading.store):
            extract.missing_columns = set(frozen) - set(types)
        else:
            # Few rows leave out fields that are empty; their columns are still there.
            types = {**types, **{name: kind for name, kind in frozen.items() if name not in types}}
        for name in (*table.primary_key, *table.types):
            if name not in types and not len(reading.store):
                types[name] = table.types.get(name, "text")
        columns = list(types)
        extract.rejected.extend(reading.rejected)
        extract.rows_read += len(reading.rejected)
        if not columns:
            return
        write_rows(
            extract,
            self._batches(self._renamed(table, reading.store), columns, types, table.name),
            work / f"{table.name}.extract.parquet",
            frozen=frozen,
            declared=dict(types),
            zone=self._zone,
            values_tell=True,
            cut_times=table.cuts_times,
        )
        for name, kind in table.types.items():
            if kind == "text":
                # Declared to hold values of any type.
                extract.type_changes.pop(name, None)

    def _batches(
        self,
        rows: Iterator[dict[str, Any]],
        columns: list[str],
        types: Mapping[str, str],
        file: str | None,
    ) -> Iterator[Batch]:
        batch: list[list[Any]] = []
        first = 1
        for row in rows:
            batch.append([landed(row.get(name), types.get(name)) for name in columns])
            if len(batch) == BATCH_ROWS:
                yield Batch(columns, batch, file, range(first, first + len(batch)))
                first += len(batch)
                batch = []
        yield Batch(columns, batch, file, range(first, first + len(batch)))


def check(source: RestSource) -> list[Finding]:
    """Reads the first page of every table: address, credentials, rights, paths and key."""
    findings: list[Finding] = []
    client = RestClient(source)
    reader = RestReader(source, client)
    try:
        for table in source.tables:
            if table.of is None:
                findings.extend(reader.check(table))
    finally:
        reader.close()
        client.close()
    if client.quota_limit is not None:
        findings.append(
            ok(
                f"Calls: {client.quota_used} of {client.quota_limit} are spent.",
                f"调用配额：已用 {client.quota_used} / {client.quota_limit}。",
            )
        )
    return findings


def _field(row: Mapping[str, Any], name: str) -> Any:
    """A field of a row; a dotted name also reaches into objects. None where it is not there."""
    if name in row:
        return row[name]
    value: Any = row
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


def _head(name: str) -> str:
    return name.partition(".")[0]


def _landed_field(row: Mapping[str, Any], name: str) -> Any:
    """A field of a row that has landed, where objects are JSON and times are UTC."""
    value = row.get(name)
    if value is None and isinstance(row.get(_head(name)), str) and "." in name:
        value = _field(json.loads(row[_head(name)]), name.partition(".")[2])
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _filled(values: Mapping[str, Any], places: Mapping[str, str | None]) -> dict[str, Any]:
    """Values with times put in; an entry with a time that is not known is left out."""

    def put(value: Any) -> Any:
        if isinstance(value, str):
            for place, text in places.items():
                value = value.replace(place, text or "")
            return value
        if isinstance(value, dict):
            return {key: put(item) for key, item in value.items()}
        if isinstance(value, list):
            return [put(item) for item in value]
        return value

    unknown = [place for place, text in places.items() if text is None]
    return {
        name: put(copy.deepcopy(value))
        for name, value in values.items()
        if not any(place in json_text([value]) for place in unknown)
    }


def _middle(start: Cursor, end: Cursor, seen: list[Cursor]) -> Cursor | None:
    """A cut between two bounds, among the rows ``seen``; None where there is no room for one."""
    usual: Any = sorted(seen)[len(seen) // 2] if seen else None
    if isinstance(usual, datetime):
        usual = usual.replace(microsecond=0)
    lowest: Any = start
    highest: Any = end
    if usual is not None:
        for cut in (usual, _before(usual)):
            if _before(cut) > lowest and cut < highest:
                return cut
    if isinstance(start, datetime) and isinstance(end, datetime):
        seconds = int((end - start).total_seconds())
        return start + timedelta(seconds=seconds // 2) if seconds > 2 else None
    if isinstance(start, Decimal) and isinstance(end, Decimal):
        return start + (end - start) // 2 if end - start > 2 else None
    return None


def _before(value: Cursor) -> Cursor:
    return value - timedelta(seconds=1) if isinstance(value, datetime) else value - 1


def _ceiling(value: Cursor) -> Cursor:
    """The next whole second, as times are written without fractions."""
    if isinstance(value, datetime) and value.microsecond:
        return value.replace(microsecond=0) + timedelta(seconds=1)
    return value


def _shown(value: Cursor) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


def _no_object(row: Any, url: str) -> RejectedRow:
    return RejectedRow(
        source_file=url,
        source_row=None,
        reason_code="not_an_object",
        reason_en="the list holds something that is no object with fields",
        reason_zh="列表中的元素不是带字段的对象",
        raw_text=json_text(row),
    )


def _no_rows(where: str, paths: tuple[str, ...], answer: Answer) -> SourceError:
    content = answer.content
    keys = ", ".join(sorted(map(str, content))[:20]) if isinstance(content, dict) else "a list"
    named = " / ".join(paths) or "the answer itself"
    return SourceError(
        Words(
            f"{where}: {answer.url} has no list of rows at `rows` = {named}; it has: {keys}.",
            f"{where}：{answer.url} 在 rows = {named} 处没有行列表；现有：{keys}。",
        ),
        Words(
            "Correct `rows`; where the source leaves it out for an empty list, set "
            "`may_lack_rows = true`.",
            "请更正 rows；若空列表时数据源省略该键，请设置 may_lack_rows = true。",
        ),
    )


def _too_many(where: str, cap: int, at: str) -> SourceError:
    return SourceError(
        Words(
            f"{where}: more than {cap} rows have the time {at}, and the source shows no more of "
            "one search.",
            f"{where}：时间 {at} 的行超过 {cap} 条，而数据源单次搜索最多显示这么多。",
        ),
        Words(
            "Use keyset paging by id for this table, or filter it by one more field (`variant`).",
            "请对该表按 id 使用 keyset 分页，或用 variant 再加一个筛选条件。",
        ),
    )


def _unkeyed(where: str) -> SourceError:
    return SourceError(
        Words(
            f"{where}: the list changes while it is read, and its rows have no key.",
            f"{where}：读取时列表发生变化，且各行没有主键。",
        ),
        Words(
            "Name the `primary_key`, or load at a quieter time. Nothing was skipped.",
            "请指定 primary_key，或在空闲时加载；没有跳过任何数据。",
        ),
        is_transient=True,
    )


def _gap(where: str, reading: _Reading) -> SourceError:
    return SourceError(
        Words(
            f"{where}: the source says it has {reading.asked} rows, and {reading.gap} of them did "
            "not come, in two readings. Nothing was landed, as they would count as deleted.",
            f"{where}：数据源称有 {reading.asked} 行，但读取两次仍缺 {reading.gap} 行；"
            "未入湖，否则缺少的行会被视为已删除。",
        ),
        Words(
            "Find which rows the list leaves out (such as closed or converted ones) and add the "
            "call that gives them as `variant`; or leave out `total` if it counts rows that this "
            "user may not see.",
            "请查明列表遗漏了哪些行（如已关闭或已转化），并用 variant 补充相应请求；"
            "若 total 包含该用户无权查看的行，请删除 total。",
        ),
        is_transient=True,
    )


def _told_gap(reading: _Reading) -> Words:
    return Words(
        f"The source says it has {reading.asked} rows for this request; {reading.gap} did not "
        "come, in two readings. The next load asks for all of them again.",
        f"数据源称本次请求有 {reading.asked} 行，读取两次仍缺 {reading.gap} 行；"
        "下次加载会重新请求。",
    )


def _told_without_cursor(table: RestTable, count: int) -> Words:
    names = ", ".join(table.cursor)
    return Words(
        f"{count} rows have no time in {names}: changes of such rows come only with --full or "
        "with a call of their own (`variant`).",
        f"{count} 行的 {names} 没有时间：其变化只有 --full 或单独的 variant 请求才能读到。",
    )


def _no_cursor(where: str, table: RestTable) -> SourceError:
    names = ", ".join(table.cursor)
    return SourceError(
        Words(
            f"{where}: no row has a value of the form {table.cursor_format} in {names}.",
            f"{where}：没有一行的 {names} 符合格式 {table.cursor_format}。",
        ),
        Words(
            "Correct `cursor` or `cursor_format`.",
            "请更正 cursor 或 cursor_format。",
        ),
    )


def _clash(where: str, column: str) -> SourceError:
    return SourceError(
        Words(
            f'{where}: `include` names the column "{column}", which the rows have themselves with '
            "another value.",
            f"{where}：include 指定的列“{column}”已存在且值不同。",
        ),
        Words("Give it another name in `include`.", "请在 include 中改用其他列名。"),
    )
