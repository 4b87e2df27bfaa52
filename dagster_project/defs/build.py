"""Puts the definitions together for one installation."""

from __future__ import annotations

import dagster as dg

from dagster_project import web_days
from dagster_project.connectors.sources_file import (
    AccessLogSource,
    as_of_date,
    load_sources,
)
from dagster_project.defs import dbt_process, keys
from dagster_project.defs.automation import JobBuilder, build_automation, landed_keys
from dagster_project.defs.backfill import build_day_requests
from dagster_project.defs.dbt_command import DbtCommand
from dagster_project.defs.ingestion import build_source_assets
from dagster_project.defs.quality import build_expectations
from dagster_project.defs.selection import (
    NOTHING,
    models_fed_by,
    models_in,
    sources_of_model,
)
from dagster_project.defs.serving import build_publication
from dagster_project.defs.transform import (
    build_dbt_step,
    build_mapping_step,
    last_models,
    models_below,
    operations_tables,
    read_manifest,
    seeds,
)
from dagster_project.settings import Settings, export_dbt_environment, utc_now


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
    sources_file = load_sources(settings)
    sources = sources_file.sources
    as_of = as_of_date(settings, utc_now())
    export_dbt_environment(settings, as_of)
    manifest = read_manifest(manifest_file)
    operations = operations_tables(manifest)
    landed = sorted(landed_keys(sources))
    web_sources = sources_of_model(manifest, web_days.FIRST_MODEL)
    loads = [build_source_assets(source, settings) for source in sources]
    days = build_day_requests(
        settings,
        [key for key in landed if key.path[0] in web_sources],
        settings.as_of or sources_file.as_of,
    )
    mapping = build_mapping_step(settings, [*landed, days.key], operations)
    models = build_dbt_step(settings, manifest, as_of)
    expectations = [
        build_expectations(
            settings,
            "landed",
            as_of,
            gates={f"{keys.OPERATIONS}.{name}" for name in operations},
        ),
        build_expectations(settings, "mart", as_of, gates=last_models(manifest)),
    ]
    assets = dg.Definitions(
        assets=[
            *loads,
            days,
            mapping,
            models,
            build_publication(
                settings, models_below(manifest, "marts"), seeds(manifest), landed, as_of
            ),
        ],
        asset_checks=expectations,
        resources={
            "dbt": DbtCommand(
                project_dir=str(settings.dbt_project),
                profiles_dir=str(settings.dbt_project),
                dbt_executable=dbt_process.COMMAND[0],
                global_config_flags=dbt_process.COMMAND[1:],
            )
        },
    )
    jobs = JobBuilder(
        settings,
        sources,
        operations=mapping.keys,
        checks=[key for step in (*loads, models, *expectations) for key in step.check_keys],
    )
    automation = build_automation(
        settings,
        jobs,
        parts={
            source.system: models_fed_by(manifest, {source.system})
            for source in sources
            if isinstance(source, AccessLogSource)
        },
        web_part=models_fed_by(manifest, web_sources) if web_sources else NOTHING,
        proof=models_in(manifest, "proof"),
    )
    return dg.Definitions.merge(assets, *automation)
