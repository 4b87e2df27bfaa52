"""Checks of files and web logs: can the place be listed, and does every table find files there."""

from __future__ import annotations

from typing import Any

from dagster_project.connectors.check import Finding, from_problem, ok
from dagster_project.connectors.places import list_files
from dagster_project.connectors.problems import SourceError


def check(source: Any) -> list[Finding]:
    """One finding per table; the newest file of each must open, as listing needs fewer rights."""
    findings = []
    for table in source.tables:
        try:
            files = list_files(source, table.glob)
            with files[-1].open() as stream:
                stream.read(1)
        except SourceError as problem:
            findings.append(from_problem(problem))
            continue
        newest = files[-1].modified_at.isoformat(sep=" ", timespec="minutes")
        findings.append(
            ok(
                f"{table.name}: files that fit {table.glob}: {len(files)}; "
                f"the newest is of {newest} UTC.",
                f"{table.name}：符合 {table.glob} 的文件：{len(files)} 个；最新为 {newest} UTC。",
            )
        )
    return findings
