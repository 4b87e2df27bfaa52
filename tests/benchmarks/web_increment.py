"""What five minutes of new log lines cost, and how long they take to the page.

Usage::

    python -m tests.benchmarks.web_increment                    # 1, 10 and 50 million lines
    python -m tests.benchmarks.web_increment --millions 1 10 --latency 3

A website of 100,000 lines a day is 10, 100 and 500 days old: only the length of its history
differs. Each history lies in a demo company of its own and is loaded and published whole, by the
pipeline's own command. Then come the lines of five minutes, again and again, each time followed by
the job that the sensor starts; its CPU seconds (user and system, all processes) are the cost. With
``--latency`` Dagster's daemon runs with the sensor on, a line is written, and the clock stops when
the version shown holds it. The first figure of each kind warms files up and is not counted.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from dagster_project.commands.instance import prepare_dagster_home
from dagster_project.commands.prepare import prepare
from dagster_project.publishing import current_version, open_version
from dagster_project.settings import REPO_ROOT, Settings, process_environment, program
from tests.benchmarks.pipeline import measure

AS_OF = date(2026, 6, 30)  # the demo company's own
SYSTEM = "demo_web"
LINES_PER_DAY = 100_000
LINES_PER_VISIT = 8
NEW_VISITORS_PER_DAY = 2_500
VISITORS_AT_A_TIME = 40_000
DAYS_PER_FILE = 10
LINES_IN_FIVE_MINUTES = LINES_PER_DAY // 288
LATENCY_LIMIT = 600


@dataclass
class Increments:
    """Figures of one history; ``latencies`` in seconds from line to page."""

    millions: int
    lines: int
    cpu_seconds: list[float] = field(default_factory=list)
    wall_seconds: list[float] = field(default_factory=list)
    peak_mb: float = 0.0
    latencies: list[float] = field(default_factory=list)


def write_history(folder: Path, lines: int, last: date) -> None:
    """Combined log lines of a site with the demo company's pages and browsers, a file per 10 days.

    A visit is eight views within minutes; a visitor comes back for some weeks.
    """
    days = max(1, lines // LINES_PER_DAY)
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        connection.execute(
            r"""
            create table seen as
            select
                row_number() over (order by line) - 1 as place,
                regexp_extract(line, '"(GET [^"]*)"', 1) as request,
                regexp_extract(line, '"([^"]*)"$', 1) as agent
            from read_csv(?, header = false, delim = e'\x01', quote = '', columns = {line: 'text'})
            where line like '%"GET /%HTTP/1.1" 200 %'
            limit 20000
            """,
            [str(folder / "access.log")],
        )
        (known,) = connection.execute("select count(*) from seen").fetchall()[0]
        for first in range(0, days, DAYS_PER_FILE):
            count = min(DAYS_PER_FILE, days - first)
            begin = last - timedelta(days=days - 1 - first)
            target = folder / f"access.log-history-{begin:%Y%m%d}"
            connection.execute(
                rf"""
                copy (
                    with numbers as (
                        select
                            i // {LINES_PER_DAY} as day,
                            i // {LINES_PER_VISIT} + {first} * {LINES_PER_DAY} as visit,
                            i % {LINES_PER_VISIT} as view,
                            i + {first} * {LINES_PER_DAY} as line
                        from range({count} * {LINES_PER_DAY}) as t(i)
                    ),
                    visits as (
                        select
                            *,
                            hash(visit) as luck,
                            ({first} + day) * {NEW_VISITORS_PER_DAY}
                            + hash(visit, 1) % {VISITORS_AT_A_TIME} as visitor
                        from numbers
                    ),
                    hits as (
                        select
                            *,
                            timestamp '{begin}' + to_days(day::int)
                            + to_seconds((luck % 86000)::bigint)
                            + to_seconds((view * (5 + luck % 40))::bigint) as at_time
                        from visits
                    )
                    select
                        format('{{}}.{{}}.{{}}.{{}}', 20 + visitor % 170, hash(visitor) % 250,
                            hash(visitor, 2) % 250, 1 + hash(visitor, 3) % 250)
                        || strftime(at_time, ' - - [%d/%b/%Y:%H:%M:%S +0000] "')
                        || page.request || '" 200 ' || (500 + hash(line) % 40000)
                        || ' "-" "' || browser.agent || '"'
                    from hits
                    join seen as page on page.place = (hash(line) % {known})::bigint
                    join seen as browser
                        on browser.place = (hash(visitor, 4) % {known})::bigint
                    order by at_time
                ) to '{target}' (format csv, header false, quote '', escape '', delimiter e'\x01')
                """
            )


def new_lines(count: int, number: int) -> list[str]:
    """Lines of the last minutes of the last day; ``number`` tells one increment from the next."""
    begin = datetime.combine(AS_OF, datetime.min.time(), UTC) + timedelta(hours=10)
    begin += timedelta(minutes=5 * number)
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"
    return [
        f"66.{number}.{place // 200}.{1 + place // 8 % 200} - - "
        f"[{begin + timedelta(seconds=300 * place / count):%d/%b/%Y:%H:%M:%S} +0000] "
        f'"GET /pricing?step={place % 8} HTTP/1.1" 200 {1000 + place} "-" "{agent}"'
        for place in range(count)
    ]


def append(settings: Settings, lines: Sequence[str]) -> None:
    with (settings.home / "demo" / "web" / "access.log").open("a", encoding="utf-8") as log:
        log.write("".join(f"{line}\n" for line in lines))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dagster_project", *arguments]


def build(home: Path, millions: int, size: str) -> Settings:
    """A demo company whose website has a history, loaded and published whole."""
    settings = Settings(home=home)
    company = [*command()[:2], "dagster_project.demo_company", "--size", size, "--home", str(home)]
    measure("demo company", company, settings)
    write_history(home / "demo" / "web", millions * 1_000_000, AS_OF - timedelta(days=1))
    note(f"{millions} M lines: the whole pipeline")
    # Steps of a whole run are processes that it does not wait for, so only its time is known.
    _, wall, _ = measure("whole run", command("run"), settings)
    note(f"{millions} M lines: whole run {wall:.0f} s")
    return settings


def count_requests(settings: Settings) -> int:
    """Requests in the version shown."""
    version = current_version(settings)
    if version is None:
        return 0
    connection = open_version(settings, version.version_id)
    try:
        row = connection.execute("select sum(count_requests) from mart_web_day").fetchone()
    finally:
        connection.close()
    return int(row[0]) if row and row[0] else 0


def increments(settings: Settings, millions: int, repeats: int) -> Increments:
    """Costs of ``repeats`` increments; the one before them is not counted."""
    found = Increments(millions, count_requests(settings))
    for number in range(repeats + 1):
        before = count_requests(settings)
        append(settings, new_lines(LINES_IN_FIVE_MINUTES, number))
        job = command("run", "--job", f"refresh_{SYSTEM}")
        cpu, wall, peak = measure("increment", job, settings)
        arrived = count_requests(settings) - before
        if arrived != LINES_IN_FIVE_MINUTES:
            raise RuntimeError(f"{arrived} of {LINES_IN_FIVE_MINUTES} new lines are on the page")
        note(f"{millions} M lines: increment {cpu:.1f} CPU s, {wall:.1f} s")
        if number:
            found.cpu_seconds.append(cpu)
            found.wall_seconds.append(wall)
            found.peak_mb = max(found.peak_mb, peak)
    return found


@contextmanager
def daemon(settings: Settings) -> Iterator[None]:
    """`dagster dev` on the home, with the sensor switched on."""
    prepare(settings)
    environment = {
        **process_environment(),
        "SMH_HOME": str(settings.home),
        "DAGSTER_HOME": str(prepare_dagster_home(settings)),
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }
    module = ["-m", "dagster_project.definitions"]
    switch = [program("dagster"), "sensor", "start", f"new_lines_{SYSTEM}", *module]
    subprocess.run(switch, cwd=REPO_ROOT, env=environment, check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    # A shell starts background commands with the interrupt ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with (settings.home / "logs" / "dev.log").open("w") as log:
        server = subprocess.Popen(
            [program("dagster"), "dev", "--host", "127.0.0.1", "--port", port, *module],
            cwd=REPO_ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(server.pid, signal.SIGINT)
            server.wait()


def wait_for(settings: Settings, requests: int) -> float:
    """Seconds until the version shown has so many requests; only new versions are counted."""
    started = time.monotonic()
    seen = None
    while True:
        version = current_version(settings)
        if version != seen and count_requests(settings) >= requests:
            return time.monotonic() - started
        seen = version
        if time.monotonic() - started > LATENCY_LIMIT:
            raise RuntimeError(f"The line is not on the page after {LATENCY_LIMIT} s")
        time.sleep(0.2)


def latencies(settings: Settings, repeats: int) -> list[float]:
    """From a written line to the page, with the sensor on; the first one starts the daemon."""
    found = []
    with daemon(settings):
        for number in range(repeats + 1):
            # Not in step with the sensor's own clock.
            time.sleep(1.7 * number)
            expected = count_requests(settings) + 1
            append(settings, new_lines(LINES_IN_FIVE_MINUTES, 100 + number)[:1])
            found.append(wait_for(settings, expected))
            note(f"line to page: {found[-1]:.1f} s")
    return found[1:]


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def table(rows: Sequence[Increments]) -> str:
    """Markdown, with the ratios to the shortest history."""
    lines = [
        "| history | increment, CPU s | ÷ first | wall s | peak MB | line to page, s |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    base = statistics.median(rows[0].cpu_seconds) if rows[0].cpu_seconds else 0.0
    for row in rows:
        cpu = statistics.median(row.cpu_seconds) if row.cpu_seconds else 0.0
        wall = statistics.median(row.wall_seconds) if row.wall_seconds else 0.0
        latency = (
            f"{statistics.median(row.latencies):.0f} (longest {max(row.latencies):.0f})"
            if row.latencies
            else "–"
        )
        ratio = f"{cpu / base:.2f}" if base else "–"
        lines.append(
            f"| {row.lines:,} lines | {cpu:.1f} | {ratio} | {wall:.1f} | {row.peak_mb:.0f} "
            f"| {latency} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--repeats", type=int, default=3, help="increments per history")
    parser.add_argument("--latency", type=int, default=0, help="lines to follow to the page")
    parser.add_argument("--size", default="small", help="of the demo company around the website")
    parser.add_argument("--homes", type=Path, help="keep, and use again, one home per history")
    options, _ = parser.parse_known_args(arguments)
    rows = []
    with tempfile.TemporaryDirectory(prefix="smh-bench-") as temporary:
        homes = options.homes or Path(temporary)
        for millions in options.millions:
            home = homes / f"history_{millions}"
            settings = (
                Settings(home=home)
                if current_version(Settings(home=home)) is not None
                else build(home, millions, options.size)
            )
            row = increments(settings, millions, options.repeats)
            if options.latency:
                row.latencies = latencies(settings, options.latency)
            rows.append(row)
            print(table(rows), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
