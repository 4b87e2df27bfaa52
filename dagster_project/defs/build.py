"""Puts the definitions together for one installation."""

from __future__ import annotations

import dagster as dg
from dagster_dbt import DbtCliResource

from dagster_project.connectors.sources_file import as_of_date, load_sources
from dagster_project.defs import keys
from dagster_project.defs.automation import build_automation
from dagster_project.defs.ingestion import build_source_assets
from dagster_project.defs.quality import build_expectations
from dagster_project.defs.serving import build_publication
from dagster_project.defs.transform import (
    build_dbt_step,
    build_mapping_step,
    last_models,
    models_below,
    operations_tables,
    read_manifest,
)
from dagster_project.settings import Settings, export_dbt_environment, program, utc_now


def build_definitions(settings: Settings) -> dg.Definitions:
    """Asset graph, checks, jobs, schedules and sensors of the installation in ``settings``.

    Raises:
        FileNotFoundError: the project has not been prepared; the message names the command.
        SourcesFileError: the sources file is not valid.
    """
    manifest_file = settings.dbt_artifacts / "manifest.json"
    if not manifest_file.exists():
        raise FileNotFoundError(
            f"{manifest_file} is missing: `python -m dagster_project prepare` makes it "
            "(`make run`, `make demo` and `make dev` do it by themselves)."
        )
    sources = load_sources(settings).sources
    as_of = as_of_date(settings, utc_now())
    export_dbt_environment(settings, as_of)
    manifest = read_manifest(manifest_file)
    operations = operations_tables(manifest)
    landed = [
        keys.landed_key(source.system, table.name) for source in sources for table in source.tables
    ]
    assets = dg.Definitions(
        assets=[
            *(build_source_assets(source, settings) for source in sources),
            build_mapping_step(settings, landed, operations),
            build_dbt_step(settings, manifest, as_of),
            build_publication(settings, models_below(manifest, "marts"), as_of),
        ],
        asset_checks=[
            build_expectations(
                settings,
                "landed",
                as_of,
                gates={f"{keys.OPERATIONS}.{name}" for name in operations},
            ),
            build_expectations(settings, "mart", as_of, gates=last_models(manifest)),
        ],
        resources={
            "dbt": DbtCliResource(
                project_dir=str(settings.dbt_project),
                profiles_dir=str(settings.dbt_project),
                dbt_executable=program("dbt"),
            )
        },
    )
    return dg.Definitions.merge(assets, *build_automation(settings, sources))
