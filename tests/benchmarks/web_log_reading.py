"""What reading logs costs: raw combined lines to Parquet in the lake, beside GoAccess.

Usage::

    python -m tests.benchmarks.web_log_reading                      # 1, 2 and 10 million lines
    python -m tests.benchmarks.web_log_reading --millions 100 --pack zst

Each size is one log (of 100 million lines: ten, as a rotating server leaves them), loaded by the
command that an installation runs, in a fresh workspace. CPU is user and system time of the whole
process and its children; a load of a single line is what of that is start-up. GoAccess reads the
same file and writes its JSON report; it is slower, so larger logs than ``--goaccess`` are left out.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from dagster_project.settings import Settings
from tests.benchmarks.pipeline import count_rows, measure

LINES_PER_FILE = 10_000_000
VIEWS_PER_VISIT = 8
VISITS_AT_A_TIME = 500
AGENTS = [
    f"Mozilla/5.0 ({system}) {engine}"
    for system in (
        "Windows NT 10.0; Win64; x64",
        "Windows NT 6.1; WOW64",
        "Macintosh; Intel Mac OS X 10_15_7",
        "X11; Linux x86_64",
        "Linux; Android 14; Pixel 8",
        "iPhone; CPU iPhone OS 17_5 like Mac OS X",
    )
    for engine in (
        "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36 Edg/125.0.0.0",
        "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
        "Gecko/20100101 Firefox/127.0",
    )
] + [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "curl/8.5.0",
]


@dataclass(frozen=True)
class Reading:
    """One size measured; CPU in seconds."""

    lines: int
    megabytes: float
    cpu: float
    wall: float
    peak_mb: float
    start_up: float
    parquet_mb: float
    goaccess_cpu: float | None


def lines(count: int, first: int) -> Iterator[str]:
    """Combined lines of visits that overlap; ``first`` lines came before."""
    chance = random.Random(first)
    pages = [
        f"/{chance.choice(('products', 'blog', 'docs', 'img', 'static'))}/"
        f"{'-'.join(chance.choices(('pump', 'valve', 'seal', 'care', 'guide', 'price'), k=3))}-{n}"
        for n in range(1500)
    ]
    referrers = ["-", "-", "https://www.google.com/", *(f"https://shop.example{p}" for p in pages)]
    visits: list[tuple[str, str]] = []
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=first // 40)
    for number in range(first, first + count):
        if number % 40 == 0:
            moment += timedelta(seconds=1)
            stamp = moment.strftime("%d/%b/%Y:%H:%M:%S +0000")
        elif number == first:
            stamp = moment.strftime("%d/%b/%Y:%H:%M:%S +0000")
        if number % VIEWS_PER_VISIT == 0 or not visits:
            value = chance.getrandbits(32)
            address = f"{20 + value % 180}.{value >> 8 & 255}.{value >> 16 & 255}.{value >> 24}"
            visit = (address, chance.choice(AGENTS))
            if len(visits) < VISITS_AT_A_TIME:
                visits.append(visit)
            else:
                visits[value % VISITS_AT_A_TIME] = visit
        address, agent = visits[int(chance.random() * len(visits))]
        luck = chance.random()
        page = pages[int(luck * luck * 1500)]
        query = f"?utm_source=mail&id={number % 9973}" if luck > 0.93 else ""
        status = 200 if luck < 0.9 else 304 if luck < 0.96 else 404
        referrer = referrers[int(luck * 7919) % len(referrers)]
        yield (
            f'{address} - - [{stamp}] "GET {page}{query} HTTP/1.1" {status} {int(luck * 90000)} '
            f'"{referrer}" "{agent}"\n'
        )


def write_logs(folder: Path, count: int, pack: str) -> tuple[list[Path], float]:
    """Write ``count`` lines; the files and the megabytes of their content."""
    folder.mkdir(parents=True)
    paths: list[Path] = []
    size = 0
    for first in range(0, count, LINES_PER_FILE):
        path = folder / f"access.log.{first // LINES_PER_FILE:02}.{pack or 'log'}"
        codec = {"gz": "gzip", "zst": "zstd"}.get(pack)
        with pa.output_stream(path, compression=codec) as out:
            block: list[str] = []
            for line in lines(min(LINES_PER_FILE, count - first), first):
                block.append(line)
                if len(block) == 50_000:
                    size += out.write("".join(block).encode())
                    block = []
            size += out.write("".join(block).encode())
        paths.append(path)
    return paths, size / 1e6


def load(folder: Path, logs: Path) -> tuple[float, float, float, Settings]:
    """CPU seconds, wall seconds and peak MB of loading the logs into a fresh workspace."""
    home = folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    sources = home / "sources.toml"
    sources.write_text(
        f'as_of = {date(2026, 6, 30)}\n[[source]]\nsystem = "bench"\nkind = "access_log"\n'
        f'location = "{logs}"\nglob = "*"\n',
        encoding="utf-8",
    )
    settings = Settings(home=home, sources=sources)
    command = [sys.executable, "-m", "dagster_project.connectors"]
    cpu, wall, peak = measure("load", command, settings)
    return cpu, wall, peak, settings


def goaccess(folder: Path, log: Path) -> float:
    """CPU seconds of GoAccess for one log."""
    command = ["goaccess", str(log), "--log-format=COMBINED", "--no-progress"]
    output = folder / "report.json"
    cpu, _, _ = measure("goaccess", [*command, "-o", str(output)], Settings(home=folder))
    assert output.stat().st_size > 10_000
    return cpu


def read(folder: Path, millions: float, pack: str, most_for_goaccess: float) -> Reading:
    """Measure one size."""
    count = int(millions * 1e6)
    (folder / "one").mkdir(parents=True)
    (folder / "one" / "a.log").write_text(next(lines(1, 0)))
    start_up, _, _, _ = load(folder, folder / "one")
    started = time.perf_counter()
    paths, size = write_logs(folder / "logs", count, pack)
    print(f"{count:,} lines written in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    cpu, wall, peak, settings = load(folder, folder / "logs")
    landed = settings.raw / "bench" / "requests"
    assert count_rows(landed) == count
    parquet = sum(path.stat().st_size for path in landed.glob("*.parquet")) / 1e6
    slow = None
    if shutil.which("goaccess") and millions <= most_for_goaccess and not pack:
        slow = goaccess(folder, paths[0])
    return Reading(count, size, cpu, wall, peak, start_up, parquet, slow)


def table(rows: Sequence[Reading]) -> str:
    """Markdown; all per million lines."""
    text = [
        "| lines | log, MB | CPU s per million | without start-up | wall s | peak MB "
        "| Parquet, MB | GoAccess, CPU s per million | ÷ ours |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        millions = row.lines / 1e6
        slow = "–" if row.goaccess_cpu is None else f"{row.goaccess_cpu / millions:.1f}"
        ratio = "–" if row.goaccess_cpu is None else f"{row.goaccess_cpu / row.cpu:.1f}"
        text.append(
            f"| {row.lines:,} | {row.megabytes:,.0f} | {row.cpu / millions:.2f} "
            f"| {(row.cpu - row.start_up) / millions:.2f} | {row.wall:.0f} | {row.peak_mb:,.0f} "
            f"| {row.parquet_mb:,.0f} | {slow} | {ratio} |"
        )
    return "\n".join(text)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 2, 10])
    parser.add_argument("--pack", choices=["", "gz", "zst"], default="", help="compress the logs")
    parser.add_argument("--goaccess", type=float, default=2, help="largest log for it, in millions")
    options, _ = parser.parse_known_args(arguments)
    version = ""
    if shutil.which("goaccess"):
        told = subprocess.run(["goaccess", "--version"], capture_output=True, text=True, check=True)
        version = told.stdout.split("\n")[0]
    rows: list[Reading] = []
    for millions in options.millions:
        with tempfile.TemporaryDirectory(prefix="smh-bench-") as temporary:
            rows.append(read(Path(temporary), millions, options.pack, options.goaccess))
    print(table(rows))
    print(f"\n{version or 'GoAccess is not installed: no comparison'}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
