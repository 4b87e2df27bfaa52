"""Runs the pipeline's parts one after the other in a home of its own, without Dagster."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from dagster_project.connectors import load_source
from dagster_project.connectors.receipts import Receipt
from dagster_project.connectors.sources_file import as_of_date, load_sources
from dagster_project.mapping import compile_mapping
from dagster_project.settings import Settings, process_environment, program, utc_now


@dataclass(frozen=True)
class DbtRun:
    """Exit code and output of one dbt command."""

    code: int
    output: str


def load_all(settings: Settings) -> dict[tuple[str, str], Receipt]:
    """Load every table of the sources file; receipts by (system, table)."""
    receipts = [
        receipt
        for source in load_sources(settings).sources
        for receipt in load_source(source, settings)
    ]
    return {(receipt.system, receipt.table_name): receipt for receipt in receipts}


def dbt(settings: Settings, *arguments: str) -> DbtRun:
    """Run dbt on a home of its own."""
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    result = subprocess.run(
        [program("dbt"), *arguments, "--project-dir", str(settings.dbt_project)],
        env={**process_environment(), **settings.dbt_environment(as_of_date(settings, utc_now()))},
        capture_output=True,
        text=True,
        check=False,
    )
    return DbtRun(result.returncode, result.stdout + result.stderr)


def build(settings: Settings, *, select: Sequence[str] = ()) -> DbtRun:
    """Compile the rule rows and build the models; fails the test where dbt fails."""
    compile_mapping(settings)
    # Tests of models that were not selected would look for tables that are not there.
    selection = ["--select", *select, "--indirect-selection", "cautious"] if select else []
    run = dbt(settings, "build", *selection)
    assert run.code == 0, run.output
    return run
