"""Rule rows → models → tables: the mapping step, and dbt as the only warehouse writer."""

# Dagster reads the annotations of `context` itself: no postponed annotations here.
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets

from dagster_project import web_days
from dagster_project.defs import keys
from dagster_project.defs.quality import hold_back_if_closed
from dagster_project.mapping import compile_mapping
from dagster_project.quality import dbt_check_results, gate, write_check_results
from dagster_project.rule_tables import check_rule_tables
from dagster_project.settings import Settings, export_dbt_environment, utc_now
from dagster_project.worklists.actions import WorklistError
from dagster_project.worklists.landing import land_actions

# Unit tests judge the models' logic, not the data: `make test` runs them. The tests of rule tables
# are for whoever calls dbt alone: here the mapping step has checked the same rows, line by line.
TESTED_ELSEWHERE = "resource_type:unit_test sales_migration_health.seeds"
PART_HINT = (
    "This run builds a part of the pipeline: after an update, or an edit of models that it only "
    "reads, run `make run` once"
)


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
    def mapping(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        check_rule_tables(settings.seeds, settings.dbt_project / "models" / "marts")
        summary = compile_mapping(settings).summary()
        for table in operations_tables:
            metadata: dict[str, Any] = {"mapping": summary}
            if table == "worklist_actions":
                try:
                    metadata["dagster/row_count"] = land_actions(settings)
                except WorklistError as error:
                    # What people did until the last run is better than no figures at all.
                    context.log.warning(str(error))
                    metadata["problem"] = str(error)
            yield dg.MaterializeResult(
                asset_key=keys.landed_key(keys.OPERATIONS, table), metadata=metadata
            )

    return mapping


def build_dbt_step(
    settings: Settings, manifest: Mapping[str, Any], as_of: date
) -> dg.AssetsDefinition:
    """Every dbt model, seed and test, built by the manifest that was parsed before the run.

    A job may select a part: then only that part's tests are run and judged.
    """
    everything = {keys.model_key(name) for name in stored_nodes(manifest)}

    @dbt_assets(
        manifest=manifest,
        exclude=TESTED_ELSEWHERE,
        dagster_dbt_translator=Translator(),
        name="dbt_build",
        pool=keys.WAREHOUSE_POOL,
    )
    def models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        chosen = context.selected_asset_keys
        part = None if everything <= chosen else {key.path[-1] for key in chosen}
        export_dbt_environment(settings, as_of)
        if part is not None and settings.dbt_target == "duckdb":
            unbuilt = unbuilt_inputs(settings.warehouse, manifest, part)
            if unbuilt:
                raise dg.Failure(
                    "dbt: this part of the pipeline reads models that the warehouse does not have "
                    f"yet: {', '.join(unbuilt[:5])}{' …' if len(unbuilt) > 5 else ''}. {PART_HINT}",
                    allow_retries=False,
                )
        started = utc_now()
        command = ["build", "--target", settings.dbt_target, "--exclude", TESTED_ELSEWHERE]
        days = web_days.next_request(settings)
        if days is not None and keys.model_key(web_days.FIRST_MODEL) in chosen:
            command += ["--vars", json.dumps(days.variables())]
        else:
            days = None
        invocation = dbt.cli(
            command,
            context=context,
            target_path=settings.dbt_artifacts,
            raise_on_error=False,
        )
        yield from invocation.stream()
        now = utc_now()
        results = dbt_check_results(settings, context.run.run_id, now, since=started, models=part)
        write_check_results(settings, results, context.run.run_id, now)
        hold_back_if_closed(settings, results, context.run.run_id)
        if not invocation.is_successful():
            failed = [f"{reason.table}: {reason.check_en}" for reason in gate(results).reasons]
            raise dg.Failure(
                "dbt: "
                + ("; ".join(failed[:5]) or str(invocation.get_error()))
                + f". Details: {settings.dbt_artifacts / 'dbt.log'}"
                + ("" if part is None else f". {PART_HINT}"),
                allow_retries=False,
            )
        if days is not None:
            days.done()

    return models


def is_ephemeral(node: Mapping[str, Any]) -> bool:
    """Whether dbt writes a model into those that read it, and builds nothing of it."""
    return bool(node["config"].get("materialized") == "ephemeral")


def stored_nodes(manifest: Mapping[str, Any]) -> set[str]:
    """Names of the models and seeds that a whole run builds."""
    return {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed") and not is_ephemeral(node)
    }


def stored_inputs(nodes: Mapping[str, Any], node: Mapping[str, Any]) -> Iterator[str]:
    """Keys of the models and seeds that a model reads, also by way of ephemeral ones."""
    for parent in node["depends_on"]["nodes"]:
        if parent in nodes and is_ephemeral(nodes[parent]):
            yield from stored_inputs(nodes, nodes[parent])
        elif parent in nodes:
            yield parent


def unbuilt_inputs(warehouse: Path, manifest: Mapping[str, Any], part: set[str]) -> list[str]:
    """Names of models and seeds that a part reads, does not build, and that were never built."""
    nodes = manifest["nodes"]
    inputs = {
        parent
        for node in nodes.values()
        if node["resource_type"] == "model" and node["name"] in part
        for parent in stored_inputs(nodes, node)
        if nodes[parent]["name"] not in part
    }
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        found = set(
            connection.execute(
                "select table_schema, table_name from information_schema.tables"
            ).fetchall()
        )
    return sorted(
        nodes[name]["name"]
        for name in inputs
        if (nodes[name]["schema"], nodes[name]["alias"]) not in found
    )


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


def seeds(manifest: Mapping[str, Any]) -> list[str]:
    """Names of the rule tables."""
    return sorted(
        node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "seed"
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
