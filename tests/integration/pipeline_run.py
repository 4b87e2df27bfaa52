"""Runs the pipeline's parts one after the other in a home of its own, without Dagster."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from dagster_project.connectors import load_source
from dagster_project.connectors.receipts import Receipt
from dagster_project.connectors.sources_file import as_of_date, load_sources
from dagster_project.mapping import compile_mapping
from dagster_project.publishing import publish, publisher
from dagster_project.publishing.dbt_artifacts import Project, read_project
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


PAGES = (
    "mart_lead", "mart_opportunity", "mart_funnel_stage", "mart_order", "mart_order_line",
    "mart_activity", "mart_object_coverage", "mart_code_usage", "mart_unmatched_reference",
    "mart_unconverted_value", "mart_data_freshness", "mart_load_receipt", "mart_quarantined_row",
    "mart_schema_change",
)  # fmt: skip
"""Marts of the overview and of the page of sources."""


def build_and_publish(settings: Settings, also: Sequence[str] = ()) -> str:
    """Build :data:`PAGES`, the rule tables and the models ``also``, and publish them.

    All other marts are left out to save time: pages say of a mart that it is not published. The
    id of the version is returned.
    """
    compile_mapping(settings)
    models = [f"+{name}" for name in (*PAGES, *also)]
    run = dbt(
        settings, "build", "--select", "resource_type:seed", *models,
        "--exclude", "resource_type:test", "resource_type:unit_test",
    )  # fmt: skip
    assert run.code == 0, run.output

    def read_built(settings: Settings) -> Project:
        project = read_project(settings)
        left_out = {node.unique_id for node in project.marts if node.name not in PAGES}
        nodes = {name: node for name, node in project.nodes.items() if name not in left_out}
        return replace(project, nodes=nodes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publisher, "read_project", read_built)
        return publish(settings, "test", utc_now()).version_id
