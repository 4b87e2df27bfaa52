"""Rule rows → models → tables: the mapping step, and dbt as the only warehouse writer."""

# Dagster reads the annotations of `context` itself: no postponed annotations here.
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets

from dagster_project.defs import keys
from dagster_project.defs.quality import hold_back_if_closed
from dagster_project.mapping import compile_mapping
from dagster_project.quality import dbt_check_results, gate, write_check_results
from dagster_project.settings import Settings, export_dbt_environment, utc_now


class Translator(DagsterDbtTranslator):
    """dbt source ``system.table`` is the landed asset; models are grouped by layer."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return keys.landed_key(dbt_resource_props["source_name"], dbt_resource_props["name"])
        return keys.model_key(dbt_resource_props["name"])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        if dbt_resource_props["resource_type"] == "seed":
            return "rules"
        return str(dbt_resource_props["fqn"][1])


def build_mapping_step(
    settings: Settings, landed: Sequence[dg.AssetKey], operations_tables: Sequence[str]
) -> dg.AssetsDefinition:
    """What must be known of the loads before dbt starts: receipts, quarantine, landed columns."""

    @dg.multi_asset(
        name="compile_mapping",
        specs=[
            dg.AssetSpec(
                keys.landed_key(keys.OPERATIONS, table),
                deps=landed,
                group_name="operations",
                kinds={"parquet"},
            )
            for table in operations_tables
        ],
    )
    def mapping() -> Iterator[dg.MaterializeResult]:
        summary = compile_mapping(settings).summary()
        for table in operations_tables:
            yield dg.MaterializeResult(
                asset_key=keys.landed_key(keys.OPERATIONS, table), metadata={"mapping": summary}
            )

    return mapping


def build_dbt_step(
    settings: Settings, manifest: Mapping[str, Any], as_of: date
) -> dg.AssetsDefinition:
    """Every dbt model, seed and test, built by the manifest that was parsed before the run."""

    @dbt_assets(
        manifest=manifest,
        dagster_dbt_translator=Translator(),
        name="dbt_build",
        pool=keys.WAREHOUSE_POOL,
    )
    def models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        export_dbt_environment(settings, as_of)
        started = utc_now()
        invocation = dbt.cli(
            # Unit tests judge the models' logic, not the data: `make test` runs them.
            ["build", "--target", settings.dbt_target, "--exclude", "resource_type:unit_test"],
            context=context,
            target_path=settings.dbt_artifacts,
            raise_on_error=False,
        )
        yield from invocation.stream()
        now = utc_now()
        results = dbt_check_results(settings, context.run_id, now, since=started)
        write_check_results(settings, results, context.run_id, now)
        hold_back_if_closed(settings, results, context.run_id)
        if not invocation.is_successful():
            failed = [f"{reason.table}: {reason.check_en}" for reason in gate(results).reasons]
            raise dg.Failure(
                "dbt: "
                + ("; ".join(failed[:5]) or str(invocation.get_error()))
                + f". Details: {settings.dbt_artifacts / 'dbt.log'}",
                allow_retries=False,
            )

    return models


def read_manifest(path: Path) -> dict[str, Any]:
    """dbt's manifest."""
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return manifest


def models_below(manifest: Mapping[str, Any], folder: str) -> list[str]:
    """Names of the models in ``models/<folder>``."""
    return sorted(
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["fqn"][1] == folder
    )


def last_models(manifest: Mapping[str, Any]) -> set[str]:
    """Names of the models that no other model reads."""
    nodes = manifest["nodes"]
    models = {key for key, node in nodes.items() if node["resource_type"] == "model"}
    read = {parent for key in models for parent in nodes[key]["depends_on"]["nodes"]}
    return {nodes[key]["name"] for key in models - read}


def operations_tables(manifest: Mapping[str, Any]) -> list[str]:
    """Names of the tables of dbt source ``ops``."""
    return sorted(
        source["name"]
        for source in manifest["sources"].values()
        if source["source_name"] == keys.OPERATIONS
    )
