"""Looks at an installation and says, line by line, what is well and how to mend what is not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb

from dagster_project.commands.prepare import dbt_inputs
from dagster_project.connectors.sources_file import SourcesFileError, load_sources
from dagster_project.settings import REPO_ROOT, Settings


@dataclass(frozen=True)
class Finding:
    """One line of the report. ``remedy`` is empty where nothing needs to be done."""

    level: Literal["ok", "note", "problem"]
    text: str
    remedy: str = ""


def doctor(settings: Settings) -> int:
    """Print every finding; exit code 1 when one is a problem."""
    findings = list(examine(settings))
    for finding in findings:
        print(
            f"{finding.level:8} {finding.text}"
            + (f"\n         → {finding.remedy}" * bool(finding.remedy))
        )
    problems = sum(finding.level == "problem" for finding in findings)
    print(f"\n{len(findings)} points examined, {problems} problems.")
    return 1 if problems else 0


def examine(settings: Settings) -> Iterator[Finding]:
    """All findings, in the order in which they depend on each other."""
    yield from examine_python()
    yield from examine_lock(REPO_ROOT / "requirements.lock")
    yield from examine_programs()
    yield from examine_sources(settings)
    yield from examine_manifest(settings)
    yield from examine_warehouse(settings.warehouse)
    yield from examine_port(settings.dashboard_host, settings.dashboard_port)


def examine_python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] == (3, 11):
        yield Finding("ok", f"Python {version}")
    else:
        yield Finding(
            "problem",
            f"Python {version}",
            "Python 3.11 is needed: make clean setup PYTHON=python3.11",
        )


def examine_lock(lock: Path) -> Iterator[Finding]:
    """Compare what is installed with the lock; the compiled sqlglot must be absent."""
    if importlib.util.find_spec("sqlglotc"):
        yield Finding(
            "problem",
            "sqlglotc is installed; SQLMesh cannot start with it",
            "make clean setup (the lock is installed with --no-deps, which keeps it out)",
        )
    else:
        yield Finding("ok", "sqlglotc is absent")
    pinned = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock.read_text("utf-8"), re.M))
    different = []
    for name, version in pinned.items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            installed = "absent"
        if installed != version:
            different.append(f"{name} {installed} instead of {version}")
    if different:
        yield Finding(
            "problem",
            f"Packages differ from {lock.name}: {'; '.join(different)}",
            "make clean setup",
        )
    else:
        yield Finding("ok", f"{len(pinned)} packages as locked; home {sys.prefix}")


def examine_programs() -> Iterator[Finding]:
    for program, purpose in (
        ("chromium", "browser tests and screenshots"),
        ("java", "the Spark target"),
    ):
        found = shutil.which(program)
        if found:
            yield Finding("ok", f"{program}: {found}")
        else:
            yield Finding("note", f"{program} is absent; needed only for {purpose}")


def examine_sources(settings: Settings) -> Iterator[Finding]:
    if not settings.sources_file.exists():
        yield Finding(
            "note",
            f"No sources file at {settings.sources_file}",
            "make demo writes one for the demo company; make run SOURCES=file uses yours",
        )
        return
    try:
        sources = load_sources(settings)
    except SourcesFileError as error:
        yield Finding("problem", str(error), f"Correct {settings.sources_file}")
        return
    count_tables = sum(len(source.tables) for source in sources.sources)
    yield Finding(
        "ok", f"{settings.sources_file}: {len(sources.sources)} systems, {count_tables} tables"
    )


def examine_manifest(settings: Settings) -> Iterator[Finding]:
    """The manifest is stale when a model, macro or rule table is newer than it."""
    manifest = settings.dbt_artifacts / "manifest.json"
    if not manifest.exists():
        yield Finding("note", f"No dbt manifest at {manifest}", "make run writes it")
        return
    built = manifest.stat().st_mtime
    inputs = list(dbt_inputs(settings))
    newer = sorted(str(path) for path in inputs if path.stat().st_mtime > built)
    if newer:
        yield Finding(
            "note",
            f"The dbt manifest is older than {len(newer)} files, first {newer[0]}",
            "python -m dagster_project prepare (make run and make dev do it by themselves)",
        )
    else:
        yield Finding("ok", f"dbt manifest is newer than its {len(inputs)} inputs")


def examine_warehouse(warehouse: Path) -> Iterator[Finding]:
    if not warehouse.exists():
        yield Finding("note", f"No warehouse at {warehouse}", "make run builds it")
        return
    try:
        duckdb.connect(str(warehouse), read_only=True).close()
    except duckdb.IOException as error:
        yield Finding(
            "note",
            f"The warehouse is in use: {str(error).splitlines()[0]}",
            "A run is going on, or a program holds the file open; the dashboard is not affected",
        )
        return
    size = warehouse.stat().st_size / 1e6
    yield Finding("ok", f"Warehouse {warehouse} ({size:.1f} MB) is free")


def examine_port(host: str, port: int) -> Iterator[Finding]:
    with socket.socket() as probe:
        probe.settimeout(1)
        taken = probe.connect_ex((host, port)) == 0
    if taken:
        yield Finding(
            "note",
            f"Port {port} on {host} is taken (perhaps by the dashboard itself)",
            "SMH_DASHBOARD_PORT=8600 make dashboard chooses another",
        )
    else:
        yield Finding("ok", f"Port {port} on {host} is free for the dashboard")
