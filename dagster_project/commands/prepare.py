"""Everything that must exist before Dagster loads: compiled rule rows and dbt's manifest."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from dagster_project.connectors.sources_file import SourcesFileError, as_of_date
from dagster_project.mapping import MappingError, compile_mapping
from dagster_project.rule_tables import RuleTableError, check_rule_tables
from dagster_project.settings import (
    Settings,
    export_dbt_environment,
    process_environment,
    program,
    utc_now,
)

DBT_INPUTS = {".sql", ".yml", ".csv", ".md"}


class PreparationError(RuntimeError):
    """The pipeline cannot start; the message says which file and what to do."""


def dbt_inputs(settings: Settings) -> Iterator[Path]:
    """Every file that dbt's manifest is made from, in a fixed order."""
    project = settings.dbt_project
    yield from (project / "dbt_project.yml", project / "profiles.yml")
    for folder in (
        project / "models",
        project / "macros",
        project / "tests",
        settings.generated_models,
        settings.seeds,
    ):
        yield from sorted(path for path in folder.rglob("*") if path.suffix in DBT_INPUTS)


def fingerprint(settings: Settings, as_of: date) -> str:
    """Changes with whatever would change the manifest; saves parsing it again (5 s)."""
    parts = [
        f"{path} {status.st_size} {status.st_mtime_ns}"
        for path in dbt_inputs(settings)
        if (status := path.stat())
    ]
    parts.append(json.dumps(settings.dbt_environment(as_of)) + settings.dbt_target)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def prepare(settings: Settings) -> Path:
    """Check the sources file and the rule tables, compile them, parse dbt; return the manifest.

    Raises:
        PreparationError: with every problem that was found.
    """
    try:
        as_of = as_of_date(settings, utc_now())
        check_rule_tables(settings.seeds, settings.dbt_project / "models" / "marts")
        compile_mapping(settings)
    except (SourcesFileError, RuleTableError, MappingError) as error:
        raise PreparationError(str(error)) from error
    export_dbt_environment(settings, as_of)
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    manifest = settings.dbt_artifacts / "manifest.json"
    stamp = settings.dbt_artifacts / "prepared_from.txt"
    current = fingerprint(settings, as_of)
    if manifest.exists() and stamp.exists() and stamp.read_text("utf-8") == current:
        return manifest
    command = [
        program("dbt"),
        "--quiet",
        "parse",
        "--project-dir",
        str(settings.dbt_project),
        "--target",
        settings.dbt_target,
    ]
    result = subprocess.run(
        command, env=process_environment(), capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise PreparationError(
            f"dbt could not read the project {settings.dbt_project}:\n{result.stdout}"
            f"{result.stderr}\nCorrect the model or rule table that it names, then run again."
        )
    stamp.write_text(current, "utf-8")
    return manifest


def prepare_command(settings: Settings) -> int:
    """Prepare and say what was made; exit code 1 with every problem on standard error."""
    try:
        manifest = prepare(settings)
    except PreparationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(
        f"Rule rows compiled to {settings.generated_models}\ndbt manifest: {manifest}\n"
        "Next: make run, or make dev"
    )
    return 0
