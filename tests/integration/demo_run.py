"""A demo company taken through the whole pipeline by its own command, as a user would."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.publishing import current_version, open_version
from dagster_project.settings import REPO_ROOT, Settings, process_environment

TIMEOUT_SECONDS = 900


@dataclass(frozen=True)
class CommandResult:
    """Exit code and what the command printed (both streams)."""

    code: int
    output: str


def command(settings: Settings, *arguments: str, **environment: str) -> CommandResult:
    """Run ``python -m dagster_project …`` on the workspace in ``settings``."""
    finished = subprocess.run(
        [sys.executable, "-m", "dagster_project", *arguments],
        cwd=REPO_ROOT,
        env={**process_environment(), "SMH_HOME": str(settings.home), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    return CommandResult(finished.returncode, finished.stdout)


def published(
    settings: Settings, sql: str, parameters: Sequence[Any] = ()
) -> list[tuple[Any, ...]]:
    """Rows of a query on the version that is shown."""
    version = current_version(settings)
    assert version is not None, "nothing is published"
    connection: duckdb.DuckDBPyConnection = open_version(settings, version.version_id)
    try:
        return connection.execute(sql, parameters).fetchall()
    finally:
        connection.close()


def answer_key(home: Path) -> dict[str, Any]:
    """What is planted in the demo company; only tests read it."""
    key: dict[str, Any] = json.loads((home / "demo_answer_key.json").read_text("utf-8"))
    return key
