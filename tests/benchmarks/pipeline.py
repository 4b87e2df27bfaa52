"""`make bench`: CPU seconds, wall seconds, rows and peak memory of each step of the pipeline.

Every step is a process of its own on a fresh temporary workspace, measured by the operating
system (`wait4`); peak memory is that of its largest process. The last two have nothing new to do.
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

from dagster_project.settings import REPO_ROOT, Settings, process_environment, program

AS_OF = date(2026, 6, 30)  # the demo company's own


@dataclass(frozen=True)
class Measurement:
    """One finished process. ``cpu`` = user + system seconds of it and its children."""

    step: str
    cpu_seconds: float
    wall_seconds: float
    peak_mb: float
    rows: int | None


def measure(step: str, command: Sequence[str], settings: Settings) -> tuple[float, float, float]:
    """Run ``command`` to its end.

    Returns:
        CPU seconds, wall seconds, peak resident memory in MB of the largest process.

    Raises:
        RuntimeError: the command failed; its last output is in the message.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command,
            cwd=REPO_ROOT,
            env={
                **process_environment(),
                **settings.dbt_environment(AS_OF),
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        if os.waitstatus_to_exitcode(status):
            output.seek(0)
            raise RuntimeError(f"{step} failed:\n{output.read()[-3000:]}")
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024


def count_rows(files: Path) -> int | None:
    """Rows of all Parquet files below ``files``; None where there are none."""
    paths = [str(path) for path in files.rglob("*.parquet")]
    if not paths:
        return None
    counted = duckdb.sql(
        f"select sum(num_rows) from (select distinct file_name, num_rows "
        f"from parquet_file_metadata({paths!r}))"
    ).fetchone()
    return int(counted[0]) if counted and counted[0] is not None else None


PUBLISH = (
    "from dagster_project.publishing import publish; "
    "from dagster_project.settings import load_settings, utc_now; "
    "publish(load_settings(), 'benchmark', utc_now())"
)


def steps(settings: Settings, size: str) -> list[tuple[str, list[str], Path]]:
    """Name, command and the folder whose rows the step leaves."""
    module = [sys.executable, "-m"]
    home = str(settings.home)
    company = [*module, "dagster_project.demo_company", "--size", size, "--home", home]
    build = [program("dbt"), "build", "--exclude", "resource_type:unit_test"]
    build += ["--project-dir", str(settings.dbt_project)]
    published = settings.published / "objects"
    # Dagster in one process: only children that a process has waited for are counted with it.
    whole = [*module, "dagster_project", "run", "--in-process"]
    return [
        ("demo company", company, settings.home / "demo"),
        ("load sources", [*module, "dagster_project.connectors"], settings.raw),
        ("compile, parse", [*module, "dagster_project", "prepare"], settings.raw),
        ("check landed", [*module, "dagster_project.quality", "--layer", "landed"], settings.raw),
        ("dbt build", build, settings.raw),
        ("check marts", [*module, "dagster_project.quality", "--layer", "mart"], settings.raw),
        ("publish", [sys.executable, "-c", PUBLISH], published),
        ("publish, no news", [sys.executable, "-c", PUBLISH], published),
        ("whole run, no news", whole, published),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=["small", "medium", "large"], default="small")
    size = parser.parse_args().size
    measured: list[Measurement] = []
    with tempfile.TemporaryDirectory(prefix="smh-bench-") as folder:
        settings = Settings(home=Path(folder))
        for step, command, result in steps(settings, size):
            print(f"{step} …", file=sys.stderr, flush=True)
            cpu, wall, peak = measure(step, command, settings)
            measured.append(Measurement(step, cpu, wall, peak, count_rows(result)))
    print(
        f"{'step':20} {'CPU s':>8} {'wall s':>8} {'peak MB':>8} {'rows':>12} {'CPU s/M rows':>13}"
    )
    for m in measured:
        rows = f"{m.rows:,}" if m.rows else "–"
        per_million = f"{m.cpu_seconds / m.rows * 1e6:.1f}" if m.rows else "–"
        print(
            f"{m.step:20} {m.cpu_seconds:8.1f} {m.wall_seconds:8.1f} {m.peak_mb:8.0f} "
            f"{rows:>12} {per_million:>13}"
        )
    cpu_of = {m.step: m.cpu_seconds for m in measured}
    ratio = cpu_of["publish, no news"] / cpu_of["publish"]
    print(f"publish without news ÷ first publish, CPU: {ratio:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
