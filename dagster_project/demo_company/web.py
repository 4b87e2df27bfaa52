"""The web server's access logs: combined format, rotated, gzip, written in bounded memory.

One file per ``log_days_per_file`` days (Shanghai days, as the server's clock goes), named as
logrotate names them: ``access.log-20250108.gz`` holds the days before that day; ``access.log`` is
the file still being written. A file is made in chunks of at most ``lines_per_chunk`` lines, each a
slice of its time, so memory does not grow with the size of the company.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from .random_source import array_random
from .records import World
from .sizes import COUNT_DAYS, DAY, END, LOG_START, Size
from .web_journeys import AGENTS, Hit

SHANGHAI_SECONDS = 8 * 3_600
MAX_VISITORS = 200_000
OUT_OF_ORDER_RATIO = 0.005
BOTS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "python-requests/2.32.3",
)
STAFF_ADDRESS = "203.0.113.7"
HOUR_WEIGHTS = np.array(
    [2, 1, 1, 1, 1, 1, 2, 4, 8, 11, 12, 11, 8, 9, 11, 11, 10, 8, 6, 5, 6, 6, 5, 3], dtype=float
)
# (url, bytes, weight)
PAGES = (
    ("/", 14_200, 22.0),
    ("/pricing", 11_800, 5.0),
    ("/compare/competitor-x", 16_400, 2.0),
    ("/compare/service-plans", 15_100, 2.5),
    ("/products/patient", 21_000, 5.0),
    ("/products/factory", 20_400, 5.0),
    ("/products/retail", 19_800, 4.0),
    ("/products/cloud", 18_700, 4.0),
    ("/docs/interface-guide.pdf", 412_000, 1.2),
    ("/docs/roi-sheet.pdf", 190_000, 0.8),
    ("/resources/001", 17_000, 2.0),
    ("/resources/002", 16_000, 2.0),
    ("/careers", 9_100, 2.0),
    ("/contact", 7_300, 2.0),
    ("/search?q=%E7%9B%91%E6%8A%A4%E4%BB%AA", 6_000, 1.0),
    ("/static/app.js", 88_000, 14.0),
    ("/static/app.css", 23_000, 14.0),
    ("/img/logo.png", 4_100, 9.0),
    ("/favicon.ico", 1_100, 4.0),
)
STATUSES = (
    (200, 0.905),
    (304, 0.05),
    (404, 0.02),
    (301, 0.014),
    (206, 0.006),
    (500, 0.003),
    (403, 0.002),
)
REFERRERS = (
    ("-", 0.45),
    ("https://www.ourcompany.example/", 0.35),
    ("https://www.baidu.com/", 0.12),
    ("https://www.google.com/", 0.08),
)
BROKEN_LINES = (
    '60.12.7.3 - - [11/Feb/2025:10:02:17 +0800] "GET /pricing HTT',
    "Segmentation fault (core dumped)",
    '60.12.7.3 - - [99/Foo/2025:10:02:17 +0800] "GET / HTTP/1.1" 200 512 "-" "Mozilla/5.0"',
    '60.12.7.3 - - [11/Mar/2025:10:02:17 +0800] "GET / HTTP/1.1" abc 512 "-" "Mozilla/5.0"',
    '60.12.7.3 - - "GET / HTTP/1.1" 200 512 "-" "Mozilla/5.0"',
    "<html><body>502 Bad Gateway</body></html>",
    '60.12.7.3 - - [02/Apr/2025:23:59:59 +0800] "GET /contact HTTP/1.1" 200',
    "###### disk full, log truncated ######",
    '60.12.7.3 - [05/May/2025:08:00:00 +0800] "GET / HTTP/1.1" 200 512',
    '{"message": "json logger started by mistake"}',
    '60.12.7.3 - - [07/Jul/2025:08:00:00 +0800] "GET /products/retail HTTP/1.1" 200 12x "-" "curl"',
    '2025-09-01 12:00:00 [error] 812#0: *77 open() "/srv/www/x" failed',
)
"""Lines that are no combined-format lines; each goes into a file of its own."""

Objects = npt.NDArray[np.object_]
Integers = npt.NDArray[np.int64]


@dataclass
class LogTotals:
    """What the well-formed lines add up to."""

    lines: int = 0
    count_bytes: int = 0
    by_status: dict[int, int] = field(default_factory=dict)
    files: int = 0
    max_chunk_lines: int = 0

    def add(self, status: int, count: int, count_bytes: int) -> None:
        self.by_status[status] = self.by_status.get(status, 0) + count
        self.lines += count
        self.count_bytes += count_bytes


@dataclass(frozen=True)
class _Tails:
    """All request parts of a line (request, status, bytes, referrer) with their weights."""

    text: Objects
    status: Integers
    size: Integers
    cumulative: npt.NDArray[np.float64]


def _tails() -> _Tails:
    text, status, size, weight = [], [], [], []
    for url, count_bytes, page_weight in PAGES:
        for code, code_weight in STATUSES:
            for referrer, referrer_weight in REFERRERS:
                sent = {200: count_bytes, 206: count_bytes // 3}.get(code, 0)
                sent = 512 if code in (404, 500, 403, 301) else sent
                shown = str(sent) if sent else "-"
                text.append(f' +0800] "GET {url} HTTP/1.1" {code} {shown} "{referrer}" "')
                status.append(code)
                size.append(sent)
                weight.append(page_weight * code_weight * referrer_weight)
    weights = np.array(weight)
    return _Tails(
        np.array(text, dtype=object),
        np.array(status, dtype=np.int64),
        np.array(size, dtype=np.int64),
        np.cumsum(weights / weights.sum()),
    )


def _clock_texts() -> Objects:
    """``HH:MM:SS`` for each second of a day."""
    return np.array(
        [f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(DAY)], dtype=object
    )


def _day_text(day: int) -> str:
    """``02/Jan/2025:`` of a Shanghai day number (days since the epoch)."""
    return datetime.fromtimestamp(day * DAY, UTC).strftime("%d/%b/%Y:")


class Site:
    """The anonymous traffic: visitors, pages, and how a chunk of lines is drawn from them."""

    def __init__(self, seed: int, size: Size) -> None:
        self.seed = seed
        self.tails = _tails()
        self.clock = _clock_texts()
        count = min(MAX_VISITORS, max(300, size.log_lines // 60))
        rng = array_random(self.seed, "visitors")
        numbers = rng.permutation(count)
        is_bot = rng.random(count) < 0.07
        agent = rng.integers(0, len(AGENTS), count)
        bot = rng.integers(0, len(BOTS), count)
        self.heads = np.array(
            [
                f"{11 + n % 79}.{n // 79 % 251}.{n * 7 % 253}.{n * 13 % 249 + 1} - - ["
                for n in numbers.tolist()
            ],
            dtype=object,
        )
        self.agents = np.array(
            [
                f'{BOTS[b] if robot else AGENTS[a]}"'
                for a, b, robot in zip(agent.tolist(), bot.tolist(), is_bot.tolist(), strict=True)
            ],
            dtype=object,
        )
        # Our own people use the site as well: the first three visitors share the office address.
        self.heads[:3] = f"{STAFF_ADDRESS} - - ["
        self.agents[:3] = f'{AGENTS[0]}"'

    def draw(
        self, chunk: int, count: int, start: int, end: int, totals: LogTotals
    ) -> tuple[list[str], Integers]:
        """``count`` lines between two seconds (UTC), with the key they are written in order of."""
        rng = array_random(self.seed, "log", chunk)
        hours = np.arange(start, end + 1, 3_600)
        weights = HOUR_WEIGHTS[(hours[:-1] + SHANGHAI_SECONDS) // 3_600 % 24]
        cumulative = np.concatenate(([0.0], np.cumsum(weights / weights.sum())))
        count_sessions = count // 6 + 1
        lengths = rng.geometric(1 / 8, count_sessions)
        while int(lengths.sum()) < count:
            lengths = np.concatenate((lengths, rng.geometric(1 / 8, count_sessions)))
        sessions = np.repeat(np.arange(len(lengths)), lengths)[:count]
        first = np.concatenate(([0], np.cumsum(lengths)[:-1]))
        begin = np.interp(rng.random(len(lengths)), cumulative, hours)
        step = np.arange(count) - first[sessions]
        gaps = rng.integers(2, 25, len(lengths))
        times = (begin[sessions] + step * gaps[sessions]).astype(np.int64)
        times = start + (times - start) % (end - start)
        # A few visitors come often, most once: squared uniform numbers prefer small indices.
        visitors = (rng.random(len(lengths)) ** 2 * len(self.heads)).astype(np.int64)[sessions]
        tail = np.searchsorted(self.tails.cumulative, rng.random(count)).clip(
            max=len(self.tails.status) - 1
        )
        keys = times + np.where(
            rng.random(count) < OUT_OF_ORDER_RATIO, rng.integers(-90, 90, count), 0
        )
        self._count(tail, totals)
        local = times + SHANGHAI_SECONDS
        first_day = int(local.min()) // DAY
        days = np.array(
            [_day_text(day) for day in range(first_day, int(local.max()) // DAY + 1)],
            dtype=object,
        )
        pieces = (
            self.heads[visitors],
            days[local // DAY - first_day],
            self.clock[local % DAY],
            self.tails.text[tail],
            self.agents[visitors],
        )
        lines = list(map("".join, zip(*(piece.tolist() for piece in pieces), strict=True)))
        return lines, keys

    def _count(self, tail: Integers, totals: LogTotals) -> None:
        counts = np.bincount(tail, minlength=len(self.tails.status))
        for status in np.unique(self.tails.status).tolist():
            chosen = self.tails.status == status
            totals.add(
                int(status),
                int(counts[chosen].sum()),
                int((counts[chosen] * self.tails.size[chosen]).sum()),
            )


def hit_line(hit: Hit) -> str:
    local = hit.at + SHANGHAI_SECONDS
    stamp = f"{_day_text(local // DAY)}{datetime.fromtimestamp(local, UTC):%H:%M:%S}"
    return (
        f"{hit.browser.address} - {hit.user} [{stamp} +0800] "
        f'"GET {hit.url} HTTP/1.1" {hit.status} {hit.size} "{hit.referrer}" '
        f'"{hit.browser.agent}"'
    )


@contextmanager
def open_log(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """A plain or gzip file; gzip without name and time, so that the bytes are reproducible."""
    with path.open("wb") as raw:
        if path.suffix != ".gz":
            yield raw
            return
        with gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as packed:
            yield packed


def periods(size: Size) -> list[tuple[int, int, str]]:
    """(first second, end, file name) of each log file; the last one is still being written."""
    result = []
    for first in range(0, COUNT_DAYS, size.log_days_per_file):
        last = min(first + size.log_days_per_file, COUNT_DAYS)
        start, end = LOG_START + first * DAY, min(LOG_START + last * DAY, END)
        rotated = datetime.fromtimestamp(end + SHANGHAI_SECONDS, UTC)
        result.append((start, end, f"access.log-{rotated:%Y%m%d}.gz"))
    start, end, _ = result[-1]
    result[-1] = (start, end, "access.log")
    return result


def _shares(spans: list[tuple[int, int, str]], count: int) -> list[int]:
    """Anonymous lines per file: growing by 60 % over the time; they add up to ``count``."""
    weights = np.array(
        [(end - start) * (1 + 0.6 * n / len(spans)) for n, (start, end, _) in enumerate(spans)]
    )
    edges = np.round(np.cumsum(weights) / weights.sum() * count).astype(int)
    return np.diff(np.concatenate(([0], edges))).tolist()


def write_web(
    world: World,
    size: Size,
    folder: Path,
    hits: list[Hit],
    progress: Callable[[str], None] = lambda text: None,
) -> dict[str, int]:
    """Write all log files and add their totals to the answer key.

    ``hits`` are the requests of visitors that are told one by one, in the order they are written.
    """
    place = folder / "web"
    place.mkdir(parents=True, exist_ok=True)
    site = Site(world.seed, size)
    totals = LogTotals()
    spans = periods(size)
    shares = _shares(spans, size.log_lines - len(hits))
    broken_in: dict[str, str] = {}
    next_hit = chunk = 0
    for number, ((start, end, name), count) in enumerate(zip(spans, shares, strict=True)):
        broken = number * len(BROKEN_LINES) // len(spans)
        is_broken = number == -(-broken * len(spans) // len(BROKEN_LINES))
        with open_log(place / name) as file:
            slices = -(-count // size.lines_per_chunk) or 1
            for part in range(slices):
                left = start + (end - start) * part // slices // 3_600 * 3_600
                right = (
                    end
                    if part == slices - 1
                    else (start + (end - start) * (part + 1) // slices // 3_600 * 3_600)
                )
                amount = count * (part + 1) // slices - count * part // slices
                lines, keys = site.draw(chunk, amount, left, right, totals)
                own: list[Hit] = []
                while next_hit < len(hits) and hits[next_hit].order[0] < right:
                    own.append(hits[next_hit])
                    next_hit += 1
                _write_chunk(file, lines, keys, own, totals)
                chunk += 1
            if is_broken:
                file.write(f"{BROKEN_LINES[broken]}\n".encode())
                broken_in[name] = BROKEN_LINES[broken]
        totals.files += 1
        if size.log_lines >= 1_000_000 and number % (len(spans) // 10 or 1) == 0:
            progress(f"web log {totals.lines:,} of {size.log_lines:,} lines")
    _truths(world, totals, broken_in)
    return {"access_log_lines": totals.lines + len(broken_in), "access_log_files": totals.files}


def _write_chunk(
    file: IO[bytes] | gzip.GzipFile,
    lines: list[str],
    keys: Integers,
    own: list[Hit],
    totals: LogTotals,
) -> None:
    totals.max_chunk_lines = max(totals.max_chunk_lines, len(lines) + len(own))
    for hit in own:
        totals.add(hit.status, 1, hit.size)
    lines.extend(hit_line(hit) for hit in own)
    every_key = np.concatenate((keys, np.array([hit.order[0] for hit in own], dtype=np.int64)))
    order = np.argsort(every_key, kind="stable").tolist()
    file.write("\n".join([lines[position] for position in order]).encode())
    file.write(b"\n")


def _truths(world: World, totals: LogTotals, broken_in: dict[str, str]) -> None:
    world.totals["web"] = {
        "lines": totals.lines,
        "lines_by_status": {str(k): v for k, v in sorted(totals.by_status.items()) if v},
        "bytes": totals.count_bytes,
        "files": totals.files,
        "max_chunk_lines": totals.max_chunk_lines,
        "meaning": "Well-formed lines only.",
    }
    world.faults["broken_log_lines"] = {"count": len(broken_in), "line_by_file": broken_in}
    world.truths["web_traffic"] = {
        "staff_address": STAFF_ADDRESS,
        "bot_agents": list(BOTS),
        "first_day": (datetime.fromtimestamp(LOG_START, UTC) + timedelta(hours=8)).isoformat(),
    }
