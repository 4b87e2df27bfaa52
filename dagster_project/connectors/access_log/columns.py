"""From the texts of logged fields to landed columns, a block of lines at a time.

Every way of splitting a line ends here, so that a line gives the same row however it was split.
Texts are Arrow arrays; what is slow to read is read once per distinct text.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dagster_project.connectors.access_log.formats import COLUMNS, Field, LogFormat
from dagster_project.connectors.privacy import shorten_column, shorten_in_text
from dagster_project.connectors.problems import Words

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

REASONS = {
    "bad_address": Words("the client's address is none", "客户端地址无效"),
    "bad_timestamp": Words("the time is not written as the format says", "时间写法与格式不符"),
    "time_too_old": Words(
        "the time is before what `oldest_days` allows: a clock that was not set",
        "时间早于 oldest_days 允许的范围：时钟未校准",
    ),
    "time_too_new": Words(
        "the time is after what `newest_days` allows: a clock that is wrong",
        "时间晚于 newest_days 允许的范围：时钟错误",
    ),
    "bad_status": Words("the status is no three-digit number", "状态码不是三位数字"),
    "bad_size": Words("the size is neither a number nor -", "字节数既不是数字也不是 -"),
    "bad_duration": Words("the duration is no number", "耗时不是数字"),
    "no_address": Words("the line has no client address", "该行没有客户端地址"),
    "no_timestamp": Words("the line has no time", "该行没有时间"),
    "no_status": Words("the line has no status", "该行没有状态码"),
}

_UNKNOWN = np.iinfo(np.int64).min
_MONTHS = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6}
_MONTHS |= {"jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12}
_CLOCK = re.compile(
    r"(\d{1,2})/([A-Za-z]{3})/(\d{4}):(\d{1,2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})"
)
_CLOCK_WIDTH = 26
_ADDRESS_BYTES = np.zeros(256, dtype=bool)
_ADDRESS_BYTES[np.frombuffer(b"0123456789.:_%[]-", np.uint8)] = True
_ADDRESS_BYTES[ord("a") : ord("z") + 1] = _ADDRESS_BYTES[ord("A") : ord("Z") + 1] = True
_OLD_REQUEST = re.compile(r"[A-Z]+ /\S*", re.ASCII)
_DASH = pa.scalar("-")


@dataclass(frozen=True)
class Reading:
    """What a source says about its values. The limits are naive UTC; None is no limit."""

    zone: ZoneInfo
    oldest: datetime | None = None
    newest: datetime | None = None
    shortens_addresses: bool = False


@dataclass
class Rows:
    """Columns of some lines; ``reasons`` holds why a line is not to be landed, by its index."""

    columns: dict[str, pa.Array]
    reasons: dict[int, str] = field(default_factory=dict)

    def refuse(self, indexes: Iterable[int], code: str) -> None:
        """Give lines a reason; the first one stands."""
        for index in indexes:
            self.reasons.setdefault(int(index), code)


def read_columns(
    fields: Sequence[Field], texts: Sequence[pa.Array], log: LogFormat, reading: Reading, count: int
) -> Rows:
    """The columns of ``count`` lines from the text of each of their fields.

    The columns are those of :data:`COLUMNS` and the text columns of ``fields``.
    """
    rows = Rows({})
    by_column: dict[str, list[tuple[Field, pa.Array]]] = {}
    for entry, text in zip(fields, texts, strict=True):
        by_column.setdefault(entry.column, []).append((entry, text))

    def only(column: str) -> pa.Array | None:
        """The given texts of a column; of several the first that is given."""
        given = [_given(text) for _, text in by_column.pop(column, [])]
        return pc.coalesce(*given) if len(given) > 1 else given[0] if given else None

    columns = rows.columns
    addresses = [text for _, text in by_column.pop("client_address", [])]
    columns["client_address"] = _address(addresses, rows, count)
    columns["requested_at"] = _time(by_column.pop("requested_at", []), rows, reading, count)
    columns["status"] = _number(only("status"), rows, "bad_status", count, least=100, most=999)
    rows.refuse(_where(pc.is_null(columns["status"])), "no_status")
    size = _number(only("count_bytes"), rows, "bad_size", count)
    columns["count_bytes"] = size
    if any(entry.kind == "size" for entry in fields):
        columns["count_bytes"] = pc.fill_null(size, 0)
    _read_request(by_column, only, columns, log, count)
    agent = only("user_agent")
    columns["user_agent"] = _decoded_agent(agent, log)
    referrer = only("referrer")
    if referrer is not None and log.agent_decoding == "percent":
        referrer = pc.replace_substring(referrer, "%25", "%")
    columns["referrer"] = referrer
    columns["duration_seconds"] = _duration(by_column.pop("duration_seconds", []), rows, count)
    for column in list(by_column):
        columns[column] = only(column)
    for column, kind in COLUMNS.items():
        if columns.get(column) is None:
            columns[column] = pa.nulls(count, _ARROW[kind])
    if reading.shortens_addresses:
        _shorten_addresses(columns)
    return rows


def _shorten_addresses(columns: dict[str, pa.Array]) -> None:
    """Keep the network of each address, also in fields of their own such as X-Forwarded-For."""
    columns["client_address"] = shorten_column(columns["client_address"])
    for name, values in columns.items():
        if name not in COLUMNS:
            columns[name] = shorten_column(values, shorten_in_text)


_ARROW = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "timestamp": pa.timestamp("us"),
}


def arrow_type(kind: str) -> pa.DataType:
    """The Arrow type of a landed type of access logs."""
    return _ARROW[kind]


def by_value(text: pa.Array, function: Callable[[str], Any], kind: pa.DataType) -> pa.Array:
    """``function`` of each text, called once per distinct text."""
    encoded = text.dictionary_encode()
    values = pa.array([function(value) for value in encoded.dictionary.to_pylist()], kind)
    return values.take(encoded.indices)


def _given(text: pa.Array) -> pa.Array:
    """``-`` means that nothing was given."""
    if text.null_count == len(text):
        return text
    is_dash = pc.equal(text, _DASH)
    count = pc.sum(is_dash).as_py()
    if not count:
        return text
    if count == len(text):
        return pa.nulls(len(text), pa.string())
    return pc.if_else(is_dash, pa.scalar(None, pa.string()), text)


def _where(mask: pa.Array) -> Numbers:
    return np.flatnonzero(mask.to_numpy(zero_copy_only=False))


def _offsets(text: pa.Array) -> npt.NDArray[np.int32]:
    _, offsets, _ = text.buffers()
    if offsets is None:
        return np.zeros(1, np.int32)
    return np.frombuffer(offsets, np.int32)[text.offset : text.offset + len(text) + 1]


def _bytes(text: pa.Array, offsets: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    data = text.buffers()[2]
    if data is None:
        return np.zeros(0, np.uint8)
    return np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]


def _misfits(text: pa.Array, allowed: Mask) -> Numbers:
    """Indexes of texts that are empty or have a byte that is not allowed."""
    offsets = _offsets(text)
    is_wrong = ~allowed[_bytes(text, offsets)]
    lengths = np.diff(offsets)
    wrong = lengths == 0
    if is_wrong.any():
        places = np.flatnonzero(is_wrong) + offsets[0]
        wrong[np.searchsorted(offsets, places, side="right") - 1] = True
    if text.null_count:
        wrong &= text.is_valid().to_numpy(zero_copy_only=False)
    return np.flatnonzero(wrong)


def _address(texts: Sequence[pa.Array], rows: Rows, count: int) -> pa.Array:
    text = pc.coalesce(*texts) if texts else pa.nulls(count, pa.string())
    if text.null_count:
        rows.refuse(_where(pc.is_null(text)), "no_address")
    rows.refuse(_misfits(text, _ADDRESS_BYTES), "bad_address")
    return text


_DIGITS = np.zeros(256, dtype=bool)
_DIGITS[ord("0") : ord("9") + 1] = True


def _number(
    text: pa.Array | None,
    rows: Rows,
    code: str,
    count: int,
    *,
    least: int = 0,
    most: int = 10**18 - 1,
) -> pa.Array:
    if text is None:
        return pa.nulls(count, pa.int64())
    wrong = _misfits(text, _DIGITS)
    long = np.flatnonzero(np.diff(_offsets(text)) > len(str(most)))
    if len(wrong) or len(long):
        wrong = np.union1d(wrong, long)
        keep = np.ones(len(text), dtype=bool)
        keep[wrong] = False
        text = pc.if_else(pa.array(keep), text, pa.scalar(None, pa.string()))
        rows.refuse(wrong, code)
    numbers = text.cast(pa.int64())
    if least:
        low = pc.fill_null(pc.less(numbers, least), False)
        if pc.any(low).as_py():
            rows.refuse(_where(low), code)
    return numbers


_UNITS = {"milliseconds": 1e-3, "microseconds": 1e-6}


def _duration(entries: Sequence[tuple[Field, pa.Array]], rows: Rows, count: int) -> pa.Array | None:
    total: pa.Array | None = None
    for entry, text in entries:
        factor = _UNITS.get(entry.kind, 1.0)
        given = _given(text)
        number = by_value(given, functools.partial(_seconds, factor=factor), pa.float64())
        rows.refuse(_where(pc.and_(pc.is_null(number), pc.is_valid(given))), "bad_duration")
        # -1: the load balancer had no answer to time.
        number = pc.if_else(pc.less(number, 0), pa.scalar(None, pa.float64()), number)
        if total is None:
            total = number
        elif entry.kind == "part_seconds":
            total = pc.round(pc.add(total, number), 6)
        else:
            total = pc.coalesce(total, number)
    return total


def _seconds(text: str, factor: float) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return round(number * factor, 6) if abs(number) < 1e12 else None


def _decoded_agent(agent: pa.Array | None, log: LogFormat) -> pa.Array | None:
    if agent is None or not log.agent_decoding:
        return agent
    if log.agent_decoding == "plus":
        return pc.replace_substring(agent, "+", " ")
    # CloudFront has encoded twice for years and now encodes once.
    return by_value(agent, lambda value: unquote(unquote(value)), pa.string())


# --- the request -----------------------------------------------------------------------------


def _read_request(
    by_column: dict[str, list[tuple[Field, pa.Array]]],
    only: Callable[[str], pa.Array | None],
    columns: dict[str, pa.Array],
    log: LogFormat,
    count: int,
) -> None:
    """Method, url, protocol and request_line, of one request field or of fields of their own."""
    requests = [text for _, text in by_column.pop("request", [])]
    urls = by_column.pop("url", [])
    method, protocol = only("method"), only("protocol")
    if urls:
        url = _joined_url(urls)
    if requests:
        request = pc.coalesce(*requests) if len(requests) > 1 else requests[0]
        split = _split_request(request)
        columns["request_line"] = split[3]
        method = split[0] if method is None else pc.coalesce(method, split[0])
        protocol = split[2] if protocol is None else pc.coalesce(protocol, split[2])
        url = pc.coalesce(url, split[1]) if urls else split[1]
    if log.has_full_urls:
        hosts = by_value(url, lambda value: _host_of(value)[0], pa.string())
        url = by_value(url, lambda value: _host_of(value)[1], pa.string())
        logged = only("host")
        columns["host"] = hosts if logged is None else pc.coalesce(logged, hosts)
    columns.update(method=method, url=url, protocol=protocol)


def _joined_url(urls: Sequence[tuple[Field, pa.Array]]) -> pa.Array:
    url: pa.Array | None = None
    for entry, text in urls:
        if entry.kind == "path":
            given = _given(text)
            url = given if url is None else pc.coalesce(url, given)
    for entry, text in urls:
        if entry.kind == "query":
            given = pc.fill_null(text, "")
        elif entry.kind == "bare_query":
            given = pc.fill_null(_given(text), "")
            marked = pc.binary_join_element_wise("?", given, "")
            given = pc.if_else(pc.equal(given, ""), "", marked)
        else:
            continue
        # A url that has its query already keeps it.
        plain = given if url is None else pc.binary_join_element_wise(url, given, "")
        has_query = None if url is None else pc.fill_null(pc.match_substring(url, "?"), False)
        url = plain if has_query is None else pc.if_else(has_query, url, plain)
    return url


_FULL_URL = re.compile(r"(?:https?|wss?)://([^/?#]*)(.*)", re.DOTALL)


def _host_of(url: str) -> tuple[str | None, str]:
    match = _FULL_URL.fullmatch(url)
    if not match:
        return None, url
    host = re.sub(r":\d*$", "", match[1])
    return host or None, match[2] or "/"


def _split_request(request: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array, pa.Array]:
    """``METHOD url PROTOCOL`` in three; what is none of that is kept as its text."""
    count = len(request)
    offsets = _offsets(request)
    data = _bytes(request, offsets)
    starts, ends = offsets[:-1], offsets[1:]
    blanks = np.flatnonzero(data == 32).astype(np.int32) + offsets[0]
    first = np.searchsorted(blanks, starts)
    after = np.searchsorted(blanks, ends)
    is_simple = after - first == 2
    rows = np.flatnonzero(is_simple)
    one, two = blanks[first[rows]], blanks[first[rows] + 1]
    tail = two - offsets[0] + 1
    good = (one > starts[rows]) & (ends[rows] - two > 5)
    for place, byte in enumerate(b"HTTP/"):
        good[good] = data[tail[good] + place] == byte
    if request.null_count:
        good &= request.is_valid().to_numpy(zero_copy_only=False)[rows]
    if not good.all():
        is_simple[rows[~good]] = False
        rows, one, two = rows[good], one[good], two[good]
    buffer = request.buffers()[2]
    method = slices(buffer, starts[rows], one)
    url = slices(buffer, one + 1, two)
    protocol = slices(buffer, two + 1, ends[rows])
    if len(rows) == count:
        return method, url, protocol, pa.nulls(count, pa.string())
    odd = np.flatnonzero(~is_simple)
    parts = [_odd_request(text) for text in request.take(pa.array(odd)).to_pylist()]
    order = np.empty(count, np.int64)
    order[rows] = np.arange(len(rows))
    order[odd] = np.arange(len(rows), count)
    take = pa.array(order)
    odds = [pa.array([part[place] for part in parts], pa.string()) for place in range(4)]
    simple = (method, url, protocol, pa.nulls(len(rows), pa.string()))
    merged = [
        pa.concat_arrays([array, rest]).take(take) for array, rest in zip(simple, odds, strict=True)
    ]
    return merged[0], merged[1], merged[2], merged[3]


def _odd_request(
    request: str | None,
) -> tuple[str | None, str | None, str | None, str | None]:
    if request is None:
        return None, None, None, None
    words = request.split(" ")
    if len(words) >= 3 and words[-1].startswith("HTTP/") and words[0]:
        return words[0], " ".join(words[1:-1]), words[-1], None
    if len(words) == 2 and _OLD_REQUEST.fullmatch(request):
        return words[0], words[1], None, None
    return None, None, None, None if request in ("-", "") else request


def slices(
    buffer: pa.Buffer | None, starts: npt.NDArray[np.int32], ends: npt.NDArray[np.int32]
) -> pa.Array:
    """The texts from ``starts`` to ``ends``, both ascending, copied out of one buffer."""
    count = len(starts)
    if not count:
        return pa.array([], pa.string())
    # An array in which texts and the gaps between them take turns needs no copy of its own.
    offsets = np.empty(2 * count, np.int32)
    offsets[0::2], offsets[1::2] = starts, ends
    turns = pa.StringArray.from_buffers(2 * count - 1, pa.py_buffer(offsets), buffer)
    return turns.take(pa.array(np.arange(0, 2 * count, 2, dtype=np.int32)))


# --- the time --------------------------------------------------------------------------------


def _time(
    entries: Sequence[tuple[Field, pa.Array]], rows: Rows, reading: Reading, count: int
) -> pa.Array:
    if not entries:
        rows.refuse(range(count), "no_timestamp")
        return pa.nulls(count, pa.timestamp("us"))
    kinds = {entry.kind for entry, _ in entries}
    if {"date", "time"} <= kinds:
        texts = {entry.kind: text for entry, text in entries}
        joined = pc.binary_join_element_wise(texts["date"], texts["time"], " ")
        micros, missing = _read_time("utc", "", joined, reading)
    elif kinds == {"strftime"}:
        text = entries[0][1]
        for _, more in entries[1:]:
            text = pc.binary_join_element_wise(text, more, " ")
        pattern = " ".join(entry.pattern for entry, _ in entries)
        micros, missing = _read_time("strftime", pattern, text, reading)
    else:
        micros, missing = np.full(count, _UNKNOWN), np.ones(count, dtype=bool)
        for entry, text in entries:
            if entry.kind in ("date", "time") or not missing.any():
                continue
            read, absent = _read_time(entry.kind, entry.pattern, text, reading)
            micros = np.where(missing, read, micros)
            missing &= absent
    rows.refuse(np.flatnonzero(missing), "no_timestamp")
    unknown = micros == _UNKNOWN
    if unknown.any():
        rows.refuse(np.flatnonzero(unknown & ~missing), "bad_timestamp")
    for limit, code in ((reading.oldest, "time_too_old"), (reading.newest, "time_too_new")):
        if limit is not None:
            bound = _micros(limit)
            beyond = micros < bound if code == "time_too_old" else micros > bound
            if beyond.any():
                rows.refuse(np.flatnonzero(beyond & ~unknown), code)
    return pa.array(micros, mask=unknown if unknown.any() else None).cast(pa.timestamp("us"))


def _read_time(kind: str, pattern: str, text: pa.Array, reading: Reading) -> tuple[Numbers, Mask]:
    """Microseconds since 1970, UTC, or _UNKNOWN; and where no time is given."""
    missing = np.zeros(len(text), dtype=bool)
    if text.null_count:
        missing = pc.is_null(text).to_numpy(zero_copy_only=False)
    if kind == "clock":
        return _clock(text), missing
    read = _READERS[kind]
    values = by_value(text, lambda value: read(value, pattern, reading.zone), pa.int64())
    return pc.fill_null(values, _UNKNOWN).to_numpy(), missing


def _micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001 - naive UTC


def _clock(text: pa.Array) -> Numbers:
    """Times as servers write them. Their digits stand at fixed places, so they are added up."""
    offsets = _offsets(text)
    widths = np.diff(offsets)
    fits = widths == _CLOCK_WIDTH
    if fits.all():
        return _clock_grid(_bytes(text, offsets).reshape(-1, _CLOCK_WIDTH))
    micros = np.full(len(text), _UNKNOWN)
    if fits.any():
        fitting = text.filter(pa.array(fits))
        grid = _bytes(fitting, _offsets(fitting)).reshape(-1, _CLOCK_WIDTH)
        micros[fits] = _clock_grid(grid)
    for index in np.flatnonzero(~fits):
        micros[index] = _one_clock(text[int(index)].as_py() or "")
    return micros


def _clock_grid(grid: npt.NDArray[np.uint8]) -> Numbers:
    # dd/Mon/yyyy:HH:MM:SS +zzzz: the day and zone of lines in a row are read once.
    count = len(grid)
    data = np.ascontiguousarray(grid).reshape(-1)
    changes = np.ones(count, dtype=np.bool_)
    changes[1:] = False
    for kind, place in (("u8", 0), ("u4", 8), ("u4", 20), ("u2", 24)):
        part: npt.NDArray[Any] = np.ndarray(
            (count,), kind, data, offset=place, strides=(_CLOCK_WIDTH,)
        )
        changes[1:] |= part[1:] != part[:-1]
    first = np.flatnonzero(changes)
    days = []
    for index in first:
        text = grid[index].tobytes().decode("latin-1")
        days.append(_one_clock(f"{text[:12]}00:00:00{text[20:]}"))
    micros = np.repeat(np.array(days, np.int64), np.diff(np.append(first, count)))
    good = micros != _UNKNOWN
    good &= (grid[:, 14] == ord(":")) & (grid[:, 17] == ord(":"))
    seconds = np.zeros(count, np.int32)
    for place, limit in ((12, 24), (15, 60), (18, 60)):
        # Bytes before "0" wrap around to large numbers.
        tens, ones = grid[:, place] - np.uint8(48), grid[:, place + 1] - np.uint8(48)
        part = tens * np.uint8(10) + ones
        good &= (tens <= 9) & (ones <= 9) & (part < limit)
        seconds = seconds * 60 + part
    micros += seconds.astype(np.int64) * 1_000_000
    if not good.all():
        micros[~good] = _UNKNOWN
    return micros


@functools.lru_cache(maxsize=4096)
def _one_clock(text: str) -> int:
    match = _CLOCK.fullmatch(text)
    if not match or not text.isascii():
        return _UNKNOWN
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = match.groups()
    try:
        local = datetime(  # noqa: DTZ001 - brought to UTC below
            int(year), _MONTHS[month.lower()], int(day), int(hour), int(minute), int(second)
        )
    except (ValueError, KeyError):
        return _UNKNOWN
    minutes = (int(zone_hours) * 60 + int(zone_minutes)) * (-1 if sign == "-" else 1)
    return _micros(local) - minutes * 60_000_000


def _utc_micros(moment: datetime, zone: ZoneInfo) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _iso(text: str, _: str, zone: ZoneInfo) -> int | None:
    if len(text) < 19:
        return None
    try:
        return _utc_micros(datetime.fromisoformat(text), zone)
    except (ValueError, OverflowError):
        return None


def _utc(text: str, _: str, __: ZoneInfo) -> int | None:
    return _iso(text, "", ZoneInfo("UTC"))


def _strftime(text: str, pattern: str, zone: ZoneInfo) -> int | None:
    try:
        return _utc_micros(datetime.strptime(text, pattern), zone)  # noqa: DTZ007 - zone added
    except (ValueError, OverflowError):
        return None


def _epoch(text: str, factor: int) -> int | None:
    match = re.fullmatch(r"(\d{1,17})(?:\.(\d{1,9}))?", text, re.ASCII)
    if not match:
        return None
    whole = int(match[1]) * factor
    fraction = round(float(f"0.{match[2]}") * factor) if match[2] else 0
    # Beyond the year 9999 no engine has a timestamp.
    return whole + fraction if whole < 253_402_300_800_000_000 else None


def _any_time(text: str, _: str, zone: ZoneInfo) -> int | None:
    """A time as JSON logs write it: ISO 8601, the server's clock, or seconds since 1970."""
    if text[:1].isdigit() and text.replace(".", "", 1).isdigit():
        return _epoch(text, 1_000 if len(text.split(".")[0]) >= 12 else 1_000_000)
    value = _iso(text, "", zone)
    if value is not None:
        return value
    clock = _one_clock(text)
    return None if clock == _UNKNOWN else clock


_READERS: dict[str, Callable[[str, str, ZoneInfo], int | None]] = {
    "iso": _iso,
    "utc": _utc,
    "strftime": _strftime,
    "epoch": lambda text, _, __: _epoch(text, 1_000_000),
    "epoch_milliseconds": lambda text, _, __: _epoch(text, 1_000),
    "epoch_microseconds": lambda text, _, __: _epoch(text, 1),
    "any_time": _any_time,
}
