"""What reading a database costs: PostgreSQL to Parquet, beside plain connectorx.

Usage::

    python -m tests.benchmarks.sql_reading                     # 1 million rows of 12 columns
    python -m tests.benchmarks.sql_reading --rows 3000000 --rounds 5

Three ways, in turn, each in a process of its own: `connectorx` reads the table into Arrow and
writes one Parquet file (zstd); `connector` is our reader doing the same (lz4, as the file is
temporary, and with a thirteenth column, the cursor); `load` is a whole first load of the table,
with keys, versions and receipt. CPU is user and system time of that process, without the server's.
Start-up is the same command for a table of one row. The types are those that connectorx gives
without a change.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg2

from dagster_project.settings import Settings
from tests.benchmarks.pipeline import measure
from tests.integration.conftest import BINARIES, _serve

CREATE = """
create table orders as select
    i::bigint as id,
    (i::bigint * 7919 % 100003) as customer_id,
    (i % 97)::integer as product_id,
    'SO-' || i as number,
    '客户 ' || (i % 5000) as customer_name,
    case when i % 3 = 0 then null else 'note ' || md5(i::text) end as note,
    (i % 100000) / 8.0::double precision as weight,
    (i % 11) / 4.0::double precision as discount,
    i % 2 = 0 as is_open,
    date '2020-01-01' + (i % 2000)::integer as ordered_on,
    timestamp '2020-01-01' + i * interval '37 second' as created_at,
    timestamp '2020-01-01' + i * interval '37.123456 second' as changed_at
from generate_series(1, {rows}) as i
"""
SOURCE = """
[[source]]
system = "bench"
kind = "sql"
url_env = "BENCH_URL"
  [[source.table]]
  name = "orders"
  table = "{table}"
  load = "incremental"
  cursor = "changed_at"
  primary_key = "id"
"""
CONNECTORX = """
import sys
import connectorx, pyarrow.parquet
rows = connectorx.read_sql(sys.argv[1], "select * from " + sys.argv[3], return_type="arrow")
pyarrow.parquet.write_table(rows, sys.argv[2], compression="zstd")
"""
CONNECTOR = """
import sys
from pathlib import Path
from dagster_project.connectors.sources_file import load_sources
from dagster_project.connectors.sql_database.reader import open_source
from dagster_project.settings import Settings
place = Path(sys.argv[1])
source = load_sources(Settings(home=place, sources=place / "sources.toml")).source("bench")
with open_source(source) as reader:
    extract = reader.extract(source.tables[0], {}, Path(sys.argv[1]), full=True)
assert extract.rows_read == int(sys.argv[2])
"""


def ways(home: Path, url: str, table: str, rows: int) -> dict[str, list[str]]:
    """Commands that are compared."""
    python = ["env", f"BENCH_URL={url}", sys.executable]
    return {
        "connectorx": [*python, "-c", CONNECTORX, url, str(home / "plain.parquet"), table],
        "connector": [*python, "-c", CONNECTOR, str(home), str(rows)],
        "load": [*python, "-m", "dagster_project.connectors"],
    }


def run(url: str, table: str, rows: int, rounds: int) -> dict[str, list[tuple[float, ...]]]:
    """CPU seconds, wall seconds and peak MB of each way in each round."""
    found: dict[str, list[tuple[float, ...]]] = {}
    for _ in range(rounds):
        for name in ways(Path(), url, table, rows):
            with tempfile.TemporaryDirectory(prefix="smh-bench-") as place:
                home = Path(place)
                (home / "sources.toml").write_text(SOURCE.format(table=table), encoding="utf-8")
                settings = Settings(home=home, sources=home / "sources.toml")
                command = ways(home, url, table, rows)[name]
                found.setdefault(name, []).append(measure(name, command, settings))
    return found


Measured = dict[str, list[tuple[float, ...]]]


def table(found: Measured, start_up: Measured, rows: int) -> str:
    """Markdown: the median of the rounds, and the ratio to plain connectorx."""

    def median(measured: Measured, name: str, index: int) -> float:
        return statistics.median(one[index] for one in measured[name])

    def reading(name: str, index: int) -> float:
        return median(found, name, index) - median(start_up, name, index)

    text = [
        "| way | CPU s | of it start-up | reading | ÷ connectorx | wall s | reading "
        "| ÷ connectorx | rows/s | peak MB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in found:
        cpu, wall = reading(name, 0), reading(name, 1)
        text.append(
            f"| {name} | {median(found, name, 0):.2f} | {median(start_up, name, 0):.2f} "
            f"| {cpu:.2f} | {cpu / reading('connectorx', 0):.2f} | {median(found, name, 1):.2f} "
            f"| {wall:.2f} | {wall / reading('connectorx', 1):.2f} | {rows / wall:,.0f} "
            f"| {median(found, name, 2):,.0f} |"
        )
    return "\n".join(text)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    if not BINARIES:
        print("PostgreSQL is not installed (Debian: apt-get install postgresql)", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="smh-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        if os.getuid() == 0:
            subprocess.run(["chown", "postgres", name], check=True)
        for place in _serve(folder):
            url = f"postgresql://owner:s3cret%2F%40word@{place}"
            with psycopg2.connect(url) as connection, connection.cursor() as cursor:
                cursor.execute(CREATE.format(rows=options.rows))
                cursor.execute("alter table orders add primary key (id)")
                cursor.execute("create table one_order as select * from orders limit 1")
            started = time.perf_counter()
            start_up = run(url, "one_order", 1, options.rounds)
            found = run(url, "orders", options.rows, options.rounds)
            print(table(found, start_up, options.rows))
            print(f"\n{options.rounds} rounds, {time.perf_counter() - started:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
