"""What the readers of web interfaces share: increments by time, records to rows, calls made again.

An increment asks the source for its newest change *first* and moves the cursor no further than
that, whatever it meets while it reads: what changes during the reading comes with the next load.
The next load begins an overlap earlier, with ``>=``, so that rows of the same second and rows that
a source shows late are read again; those that are known already are not landed twice.
"""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Generic, Literal, Self, TypeVar
from zoneinfo import ZoneInfo

import requests
import urllib3
from pydantic import Field
from urllib3.exceptions import DecodeError, InvalidHeader, ProtocolError, SSLError
from urllib3.util.retry import Retry

from dagster_project.connectors.check import Finding, limited
from dagster_project.connectors.extract import (
    CURSOR_COLUMN,
    Batch,
    Extract,
    check_names,
    chunks,
    write_rows,
)
from dagster_project.connectors.kinds import Window
from dagster_project.connectors.problems import SourceError, Words, one_line
from dagster_project.connectors.redirects import RedirectRefused, StaysAtHome, told_redirect
from dagster_project.connectors.secrets import masked
from dagster_project.connectors.source_models import Columns, Source, Table
from dagster_project.settings import utc_now

S = TypeVar("S", bound=Source)
T = TypeVar("T")

BATCH_ROWS = 5_000
TRIES = 5
LONGEST_PAUSE_SECONDS = 120
# A source that wants a longer pause ends the load.
LONGEST_WAIT_SECONDS = 600
TIMEOUT_SECONDS = (10, 120)
_UTC = ZoneInfo("UTC")
_YEAR_SECONDS = 366 * 86_400
# The answer broke off, or is no whole text: :class:`PoliteRetry` has seen its head only.
HALF: tuple[type[BaseException], ...] = (
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
    ProtocolError,
    DecodeError,
    http.client.IncompleteRead,
    ValueError,
)
# No answer came, or it broke off: nothing was changed at the source, so it can be asked anew.
BROKEN: tuple[type[BaseException], ...] = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    ConnectionError,
    TimeoutError,
)


class ApiTable(Table):
    """One table of a web interface."""

    load: Literal["incremental", "snapshot"] = "incremental"
    cursor: Columns = Field(
        default=(), max_length=1, description="Field with the time of the last change."
    )
    overlap_seconds: int = Field(
        default=300, ge=0, description="Read again this far behind the cursor: late changes."
    )
    sweep: Literal["every_load", "daily", "weekly"] = Field(
        default="daily", description="How often all keys are listed, to find deleted rows."
    )
    expects: Columns = Field(
        default=(), description="Fields that the mapping needs; the check tells which are hidden."
    )

    @property
    def cursor_field(self) -> str | None:
        """The field with the time of the last change; None for a table that is read whole."""
        return self.cursor[0] if self.cursor and self.load == "incremental" else None


class ApiReader(Generic[S]):
    """What the readers of web interfaces have in common: source, window, calls and cursor."""

    reads_windows = True

    def __init__(self, source: S, window: Window | None = None) -> None:
        self._source = source
        self._window = window
        self._retry = PoliteRetry.counting()
        self._calls = 0

    @property
    def spent(self) -> tuple[int, int]:
        """Calls made so far, and those of them that were made again."""
        return self._calls, self._retry.counts[0]

    @contextlib.contextmanager
    def _reading(
        self,
        table: ApiTable | None,
        state: Mapping[str, Any],
        newest: Callable[[], datetime | None],
    ) -> Iterator[Extract]:
        """An extract to fill; its cursor is at ``newest``, asked for before the reading.

        ``table`` is None where the source knows no times of changes.
        """
        extract = Extract()
        moment = newest() if table and table.cursor_field else None
        taken_at = utc_now().replace(tzinfo=None)
        yield extract
        if not (table and table.cursor_field):
            if table and extract.gap:
                raise _no_copy(f"{self._source.system}.{table.name}", extract.gap)
            # A copy of the whole table is as new as the moment at which it was taken.
            extract.newest_at = taken_at
        elif not self._window:
            move_cursor(extract, table, state, moment, taken_at)


class WaitTooLong(Exception):  # noqa: N818 - told as a SourceError
    """A server wants a longer pause than a load can make."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.until = (utc_now() + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M UTC")


class PoliteRetry(Retry):
    """Asks again when a server is busy, as late as it wants; every repetition is counted.

    ``counts`` holds one number, shared by all copies that urllib3 makes.
    """

    counts: list[int]

    @classmethod
    def counting(cls, tries: int = TRIES) -> PoliteRetry:
        retry = cls(
            total=tries,
            backoff_factor=0.5,
            backoff_max=LONGEST_PAUSE_SECONDS,
            backoff_jitter=0.1,
            status_forcelist=(429, 500, 502, 503, 504),
            allowed_methods=None,
            respect_retry_after_header=True,
            retry_after_max=_YEAR_SECONDS,  # so that the pause is told as it was asked for
            raise_on_status=False,
        )
        retry.counts = [0]
        return retry

    def new(self, **kw: Any) -> Self:
        copy = super().new(**kw)
        copy.counts = self.counts
        return copy

    def increment(self, *args: Any, **kw: Any) -> Self:
        error = kw.get("error")
        if isinstance(error, SSLError):
            raise error  # the certificate will be the same the next time
        copy = super().increment(*args, **kw)
        self.counts[0] += 1
        return copy

    def parse_retry_after(self, retry_after: str) -> float:
        """Seconds to wait; 0 where the header is none that can be read.

        Raises:
            WaitTooLong: they are more than :data:`LONGEST_WAIT_SECONDS`.
        """
        try:
            seconds = super().parse_retry_after(retry_after)
        except InvalidHeader:
            return 0
        if seconds > LONGEST_WAIT_SECONDS:
            raise WaitTooLong(seconds)
        return seconds


def session(retry: PoliteRetry, ca_file: Path | None = None) -> requests.Session:
    """A session that asks again as ``retry`` says and has a time-out.

    Args:
        ca_file: certificates to trust instead of the usual ones, such as a company's own.
    """
    made = StaysAtHome()
    adapter = _Adapter(retry, ca_file)
    made.mount("https://", adapter)
    made.mount("http://", adapter)
    return made


class _Adapter(requests.adapters.HTTPAdapter):
    """Sets a time-out, without which clients wait for ever, and the certificates to trust.

    Certificates named in the session would give way to those of an environment variable.
    """

    def __init__(self, retry: Retry, ca_file: Path | None) -> None:
        super().__init__(max_retries=retry)
        self._ca_file = ca_file

    def send(self, request: Any, **kw: Any) -> requests.Response:  # type: ignore[override]
        kw["timeout"] = kw.get("timeout") or TIMEOUT_SECONDS
        if self._ca_file:
            kw["verify"] = str(self._ca_file)
        return super().send(request, **kw)


def again(
    call: Callable[[], T],
    retry: PoliteRetry,
    errors: tuple[type[BaseException], ...] = HALF,
) -> T:
    """The result of ``call``, made again where its answer broke off.

    An error that carries the answer's headers, as urllib's do, may say how late.

    Raises:
        BaseException: the error of the last of :data:`TRIES` tries.
    """
    for attempt in range(TRIES):
        try:
            return call()
        except errors as error:
            if attempt == TRIES - 1:
                raise
            retry.counts[0] += 1
            asked = (getattr(error, "headers", None) or {}).get("Retry-After")
            wanted = retry.parse_retry_after(asked) if asked else 0
            time.sleep(max(wanted, min(0.2 * 2**attempt, LONGEST_PAUSE_SECONDS)))
    raise AssertionError("unreachable")


@dataclass(frozen=True)
class Span:
    """What a load asks for, UTC without zone: changes from ``start`` on, and before ``end``."""

    start: datetime | None = None
    end: datetime | None = None


def span_of(
    table: ApiTable,
    state: Mapping[str, Any],
    *,
    full: bool,
    window: Window | None = None,
    zone: ZoneInfo = _UTC,
) -> Span:
    """What to ask for: a window that is read again, else all from the cursor's overlap on."""
    if not table.cursor_field:
        return Span()
    if window is not None:
        return Span(_bound(window.first, zone), _bound(window.last, zone))
    saved = None if full else state.get("cursor")
    if not saved:
        return Span()
    return Span(_moment(saved) - timedelta(seconds=table.overlap_seconds))


def move_cursor(
    extract: Extract,
    table: ApiTable,
    state: Mapping[str, Any],
    newest: datetime | None,
    asked_at: datetime,
) -> None:
    """Move the cursor to ``newest``, the newest change that the source had before the reading.

    It goes no further than ``asked_at``, when the reading began: one record with a date in the
    future would hide every change until that day. It stays where it was if rows are missing.
    """
    saved = state.get("cursor")
    before = _moment(saved) if saved else None
    if extract.gap:
        newest = None
        extract.notes.append(_told_gap(extract.gap))
    current = max((moment for moment in (before, newest) if moment), default=None)
    if current and current > asked_at:
        extract.notes.append(
            Words(
                f"A cursor lies in the future ({current}): its clock is ahead, or it was "
                "mistyped. Rows are read again from the present on.",
                f"有游标值位于未来（{current}）：源时钟偏快或录入有误。将从当前时间起重复读取。",
            )
        )
        current = asked_at
    if current is None:
        extract.state["cursor"] = None
        return
    extract.state["cursor"] = {"kind": "timestamp", "value": current.isoformat()}
    extract.cursor_to = str(current)
    extract.known_from = current - timedelta(seconds=table.overlap_seconds)
    extract.newest_at = current


def write_records(
    extract: Extract,
    records: Iterable[Mapping[str, Any]],
    path: Path,
    *,
    kinds: Mapping[str, str | None],
    state: Mapping[str, Any],
    where: str,
    cut_times: bool,
    cursor: str | None = None,
    zone: ZoneInfo = _UTC,
) -> None:
    """Write records to a Parquet file; what does not fit its column goes to the rejects.

    Args:
        kinds: landed type of each column, None where the values tell it.
        cut_times: whether times lose what they have behind the microsecond.
        cursor: column with the time of the last change; its values are in ``zone`` or carry one.
        zone: zone of times without one.
    """
    check_names(list(kinds), where)
    extract.described = sorted(kinds)
    frozen: Mapping[str, str] = state.get("columns", {})
    extract.missing_columns = set(frozen) - set(kinds)
    extract.type_changes = {
        name: (frozen[name], kind)
        for name, kind in kinds.items()
        if kind and name in frozen and frozen[name] != kind
    }
    names = list(kinds)
    declared = dict(kinds)
    if cursor:
        declared[CURSOR_COLUMN] = "timestamp"
    write_rows(
        extract,
        _batches(records, names, cursor, zone),
        path,
        frozen=frozen,
        declared=declared,
        zone=zone,
        raw_zone_columns=frozenset({CURSOR_COLUMN}),
        cut_times=cut_times,
    )


def tell_deleted(
    extract: Extract, table: ApiTable, deleted: Sequence[str], name: str, work: Path
) -> None:
    """Hand over the ids that the source itself calls deleted.

    A table with ``deletes = "flag"`` keeps their rows instead, marked as they are at the source.

    Args:
        name: the column with the id; it must be the table's whole key.
    """
    if deleted and tuple(table.primary_key) == (name,):
        keys = ((one,) for one in deleted)
        extract.deleted_keys = write_keys(keys, [name], {name: "text"}, work, "deleted")


def write_keys(
    keys: Iterable[Sequence[Any]],
    columns: list[str],
    kinds: Mapping[str, str],
    work: Path,
    name: str = "present",
) -> Path:
    """Keys of rows as a Parquet file, by default of those that a source holds now."""
    path = work / f"{name}.keys.parquet"
    batches = (Batch(columns, list(chunk)) for chunk in chunks(keys, BATCH_ROWS))
    declared: dict[str, str | None] = {name: kinds[name] for name in columns}
    write_rows(Extract(), batches, path, frozen={}, declared=declared, zone=_UTC)
    return path


def utc(value: Any, zone: ZoneInfo = _UTC) -> datetime | None:
    """A time, or an ISO text, as UTC without zone; None for anything else."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    aware = value if value.tzinfo else value.replace(tzinfo=zone)
    return aware.astimezone(UTC).replace(tzinfo=None)


def nothing_seen(where: str, remedy: Words) -> Finding:
    """The finding that a table shows no rows: who may see none gets no error, but an empty list."""
    return limited(
        Words(f"{where}: no rows can be seen.", f"{where}：看不到任何数据行。"),
        Words(f"If it is not empty at the source: {remedy.en}", f"若数据源中不为空：{remedy.zh}"),
    )


def gone(name: str | None, is_gone: bool) -> list[dict[str, str]]:
    """The change to log where the source says that it does not have ``name`` any more."""
    return [{"change": "table_gone", "from": name}] if name and is_gone else []


@contextlib.contextmanager
def told(where: str, source: Source, errors: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Tell errors of the network, and ``errors`` of a client, as a :class:`SourceError`."""
    network: tuple[type[BaseException], ...] = (*BROKEN, requests.RequestException, OSError)
    try:
        yield
    except SourceError:
        raise
    except RedirectRefused as error:
        raise told_redirect(where, error) from error
    except WaitTooLong as error:
        raise SourceError(
            Words(
                f"{where}: the source limits its calls and wants a pause until {error.until}.",
                f"{where}：数据源限制调用次数，要求暂停至 {error.until}。",
            ),
            Words(
                "Load again after that time. Nothing was skipped.",
                "请在该时间之后重新加载；没有跳过任何数据。",
            ),
            is_transient=True,
        ) from error
    except requests.exceptions.SSLError as error:
        raise SourceError(
            Words(
                f"{where}: the server's certificate is not trusted: "
                f"{masked(one_line(error), source)}",
                f"{where}：服务器证书不受信任。",
            ),
            Words(
                "Give the company's certificates in `ca_file`, or have the server's corrected.",
                "请在 ca_file 中指定企业证书，或更正服务器证书。",
            ),
        ) from error
    except (*network, *errors) as error:
        text = masked(one_line(error), source)
        raise SourceError(
            Words(f"{where}: no answer: {text}", f"{where}：没有得到应答：{text}"),
            Words(
                "Check that the address in the sources file is right and that the system runs; "
                "then load again. Nothing was skipped.",
                "请检查源文件中的地址以及该系统是否在运行，然后重新加载；没有跳过任何数据。",
            ),
            is_transient=True,
        ) from error


def _batches(
    records: Iterable[Mapping[str, Any]], names: list[str], cursor: str | None, zone: ZoneInfo
) -> Iterator[Batch]:
    columns = [*names, CURSOR_COLUMN] if cursor else names
    for chunk in chunks(records, BATCH_ROWS):
        rows = []
        for record in chunk:
            row = [record.get(name) for name in names]
            if cursor:
                row.append(utc(record.get(cursor), zone))
            rows.append(tuple(row))
        yield Batch(columns, rows)


def _no_copy(where: str, gap: int) -> SourceError:
    return SourceError(
        Words(
            f"{where}: {gap} rows that the source announced did not come. Nothing was landed, as "
            "they would count as deleted.",
            f"{where}：数据源告知的行中有 {gap} 行没有返回；未入湖，否则缺少的行会被视为已删除。",
        ),
        Words(
            "Load again. If they stay away, see whether the user may read them.",
            "请重新加载。若一直缺少，请确认该用户是否有权读取这些行。",
        ),
        is_transient=True,
    )


def _told_gap(gap: int) -> Words:
    return Words(
        f"{gap} rows that the source announced did not come. The next load asks for all of them "
        "again. If they stay away, see whether they still exist and whether the user may read "
        "them; then read the table whole (resync).",
        f"数据源告知的行中有 {gap} 行没有返回，下次加载会重新请求。若一直缺少，"
        "请确认这些行是否仍存在、该用户是否有权读取，然后整表重读（resync）。",
    )


def _bound(text: str, zone: ZoneInfo) -> datetime:
    moment = utc(text, zone)
    if moment is None:
        raise SourceError(
            Words(f'"{text}" is no day and no time.', f"“{text}”不是日期或时间。"),
            Words(
                "Write 2026-01-31 or 2026-01-31T08:00.", "请写成 2026-01-31 或 2026-01-31T08:00。"
            ),
        )
    return moment


def _moment(saved: Mapping[str, str]) -> datetime:
    moment = utc(saved["value"])
    if moment is None:
        raise ValueError(f"not a time: {saved['value']!r}")
    return moment
