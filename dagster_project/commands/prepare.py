"""Everything that must exist before Dagster loads: compiled rule rows and dbt's manifest."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

from dagster_project.connectors.sources_file import SourcesFileError, load_sources
from dagster_project.mapping import MappingError, compile_mapping
from dagster_project.settings import (
    Settings,
    export_dbt_environment,
    process_environment,
    utc_now,
)


class PreparationError(RuntimeError):
    """The pipeline cannot start; the message says which file and what to do."""


def as_of_date(settings: Settings) -> date:
    """The day that counts as today: setting, then sources file, then the clock (UTC)."""
    return settings.as_of or load_sources(settings).as_of or utc_now().date()


def prepare(settings: Settings) -> Path:
    """Check the sources file and the rule tables, compile them, parse dbt; return the manifest.

    Raises:
        PreparationError: with every problem that was found.
    """
    try:
        as_of = as_of_date(settings)
        compile_mapping(settings)
    except (SourcesFileError, MappingError) as error:
        raise PreparationError(str(error)) from error
    export_dbt_environment(settings, as_of)
    result = subprocess.run(
        [
            str(Path(sys.executable).with_name("dbt")),
            "--quiet",
            "parse",
            "--project-dir",
            str(settings.dbt_project),
            "--target",
            settings.dbt_target,
        ],
        env=process_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise PreparationError(
            f"dbt could not read the project {settings.dbt_project}:\n{result.stdout}"
            f"{result.stderr}\nCorrect the model or rule table that it names, then run again."
        )
    return settings.dbt_artifacts / "manifest.json"


def prepare_command(settings: Settings) -> int:
    try:
        manifest = prepare(settings)
    except PreparationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"Rule rows compiled to {settings.generated_models}; dbt manifest: {manifest}")
    return 0
