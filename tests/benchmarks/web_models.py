"""`make bench-web`, second part: what sessions, signals and scores cost, beside one scan-and-sort.

The log is made by SQL straight into the lake: a hundred thousand lines a day, of which about half
are page views, from visitors of whom a few come often. The yardstick is one DuckDB process that
reads the same Parquet and sorts all its columns by visitor and time. Both are measured by the
operating system: CPU seconds and peak memory of a process of its own, with dbt's own start in it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from dagster_project.mapping import compile_mapping
from dagster_project.settings import REPO_ROOT, Settings, process_environment, program

AS_OF = date(2026, 6, 30)
SYSTEM = "bench_web"
CHUNK = 2_000_000
LINES_A_DAY = 100_000
SESSIONS = ("+int_web__built_days", "+mart_web_session")
"""What cuts the log into sessions and says whose they are."""
SIGNALS = ("+fct_intent_score_factor", "+fct_intent_score_day", "+bridge_intent_signal_evidence")
"""What is made of sessions."""
NO_TESTS = ("resource_type:test", "resource_type:unit_test")
SOURCES = f"""
as_of = {AS_OF}

[[source]]
system = "{SYSTEM}"
kind = "access_log"
mapping_set = "access_log"
location = "."
glob = "access.log*"
format = "combined"
time_zone = "UTC"
"""
LINES = """
copy (
    with steps as (
        select
            line,
            line // 12 as visit,
            line % 12 as step,
            hash(line // 12) as visit_chance,
            hash(line * 31 + 7) as chance
        from range({first}, {last}) as numbers (line)
    ),
    visits as (
        select
            *,
            cast(
                pow((visit_chance % 1000000) / 1000000.0, 2) * {visitors} as bigint
            ) as visitor
        from steps
    )
    select
        (11 + visitor % 79) || '.' || (visitor // 79 % 251) || '.' || (visitor * 7 % 253) || '.'
        || (visitor * 13 % 249 + 1) as client_address,
        null::varchar as identity,
        null::varchar as user_name,
        timestamp '2025-01-01' + to_microseconds(
            cast(visit * 12 / {lines_a_day} * 86400000000 as bigint)
        ) + to_seconds(cast(step * (2 + visit_chance % 22) as bigint)) as requested_at,
        'GET' as method,
        case
            when chance % 100 < 22 then '/'
            when chance % 100 < 27 then '/pricing'
            when chance % 100 < 32 then '/compare/service-plans'
            when chance % 100 < 36 then '/compare/competitor-x'
            when chance % 100 < 46 then '/products/item-' || (chance % 3000)
            when chance % 100 < 49 then '/docs/paper-' || (chance % 40) || '.pdf'
            when chance % 100 < 52
                then '/?utm_source=mail&utm_campaign=c' || (chance % 50)
                    || '&cid=ck' || (chance % 100000)
            when chance % 100 < 60 then '/resources/' || (chance % 500)
            when chance % 100 < 61 then '/search?q=%E7%9B%91' || (chance % 5000)
            when chance % 100 < 75 then '/static/app.js'
            when chance % 100 < 89 then '/static/app.css'
            else '/img/logo' || (chance % 20) || '.png'
        end as url,
        'HTTP/1.1' as protocol,
        cast(case
            when chance % 1000 < 20 then 404
            when chance % 1000 < 34 then 301
            when chance % 1000 < 37 then 500
            when chance % 1000 < 87 then 304
            else 200
        end as bigint) as status,
        cast(chance % 50000 as bigint) as count_bytes,
        case
            when chance % 20 < 9 then null
            when chance % 20 < 16 then 'https://www.ourcompany.example/'
            else 'https://www.google.com/'
        end as referrer,
        case
            when visitor % 300 = 0
                then 'Mozilla/5.0 (compatible; Bot' || (visitor % 7) || '/2.1; +http://example.com)'
            else 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like '
                || 'Gecko) Chrome/' || (60 + visitor % 80) || '.0.'
                || (visitor % 20 * 7919 % 9000) || '.0 Safari/537.36'
        end as user_agent,
        null::varchar as request_line,
        'access.log-' || (line // 700000) as _source_file,
        line % 700000 + 1 as _source_row,
        'bench' as _load_id,
        timestamp '2026-06-30 12:00:00' as _loaded_at,
        false as _is_deleted
    from visits
    order by requested_at
) to '{file}' (format parquet, compression zstd)
"""
SORT = """
import duckdb, sys
files, rows = sys.argv[1], int(sys.argv[2])
connection = duckdb.connect()
connection.execute("set threads = 2")
# The limit keeps the sort, the hash all columns.
connection.execute(
    "select bit_xor(hash(lines)) from (select * from read_parquet($files) "
    "order by client_address, user_agent, requested_at limit " + str(rows) + ") as lines",
    {"files": files},
).fetchall()
"""


@dataclass(frozen=True)
class Cost:
    """CPU seconds (user and system) and peak memory of one process with its children."""

    step: str
    cpu_seconds: float
    wall_seconds: float
    peak_gb: float


def measure(step: str, command: Sequence[str], settings: Settings) -> Cost:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; its last output is in the message.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command,
            cwd=REPO_ROOT,
            env=process_environment() | settings.dbt_environment(AS_OF),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        if os.waitstatus_to_exitcode(status):
            output.seek(0)
            raise RuntimeError(f"{step} failed:\n{output.read()[-3000:]}")
    return Cost(step, usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024**2)


def write_lines(settings: Settings, count: int) -> None:
    """Land ``count`` lines in files of two million, and what the mapping needs to read them."""
    folder = settings.raw / SYSTEM / "requests"
    folder.mkdir(parents=True, exist_ok=True)
    settings.sources_file.write_text(SOURCES, encoding="utf-8")
    with duckdb.connect() as connection:
        connection.execute("set threads = 2")
        for first in range(0, count, CHUNK):
            connection.execute(
                LINES.format(
                    first=first,
                    last=min(count, first + CHUNK),
                    visitors=max(300, count // 40),
                    lines_a_day=LINES_A_DAY,
                    file=folder / f"{first:012d}.parquet",
                )
            )
    compile_mapping(settings)
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)


def measure_models(settings: Settings, *, signals: bool = True) -> list[Cost]:
    """Costs of one scan-and-sort of the landed log, of the session models, and of the signals.

    The log must have landed as system ``bench_web``; the warehouse may not exist yet.
    """
    files = str(settings.raw / SYSTEM / "requests" / "*.parquet")
    found = duckdb.sql(f"select count(*) from read_parquet('{files}')").fetchone()
    assert found is not None
    costs = [measure("scan and sort", [sys.executable, "-c", SORT, files, str(found[0])], settings)]
    dbt = [program("dbt"), "build", "--project-dir", str(settings.dbt_project)]
    costs.append(
        measure("sessions", [*dbt, "--select", *SESSIONS, "--exclude", *NO_TESTS], settings)
    )
    if signals:
        # What the first step has built is not built again.
        models = ["--select", *SIGNALS, "--exclude", *NO_TESTS, *SESSIONS]
        costs.append(measure("signals and scores", [*dbt, *models], settings))
    return costs


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Sessions, signals and scores of a web log.")
    parser.add_argument("--millions", nargs="+", type=float, default=[10], help="millions of lines")
    parser.add_argument(
        "--home", type=Path, help="folder for the files; by default a temporary one"
    )
    options, _ = parser.parse_known_args(argv)
    for millions in options.millions:
        lines = round(millions * 1_000_000)
        with tempfile.TemporaryDirectory(dir=options.home) as folder:
            settings = Settings(home=Path(folder))
            write_lines(settings, lines)
            print(f"{table(measure_models(settings), lines)}\n", flush=True)
    return 0


def table(costs: Sequence[Cost], lines: int) -> str:
    """Rows of a Markdown table; ratios to the first cost, the scan-and-sort."""
    models = costs[1:]
    rows = [
        *costs,
        Cost(
            "all models",
            sum(cost.cpu_seconds for cost in models),
            sum(cost.wall_seconds for cost in models),
            max(cost.peak_gb for cost in models),
        ),
    ]
    head = (
        f"{lines:,} lines\n\n"
        "| step | CPU s | wall s | peak GB | CPU ÷ scan and sort |\n"
        "| --- | ---: | ---: | ---: | ---: |\n"
    )
    return head + "\n".join(
        f"| {cost.step} | {cost.cpu_seconds:.1f} | {cost.wall_seconds:.1f} | {cost.peak_gb:.2f} "
        f"| {cost.cpu_seconds / costs[0].cpu_seconds:.1f} |"
        for cost in rows
    )


if __name__ == "__main__":
    sys.exit(main())
