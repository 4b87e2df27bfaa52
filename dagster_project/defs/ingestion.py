"""One loading step per source system: systems load side by side, each table is one asset."""

# Dagster reads the annotations of `context` itself: no postponed annotations here.
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from dagster_project.connectors import load_source
from dagster_project.connectors.receipts import Receipt, read_receipts
from dagster_project.connectors.sources_file import Source
from dagster_project.settings import Settings

LOAD_CHECK = "load_succeeded"
COMPLETE_CHECK = "load_complete"
RETRIES = 2
BACK_OFF_SECONDS = 2
"""Before the first further attempt; doubled before each next one."""


def asset_key(system: str, table: str) -> dg.AssetKey:
    """Key of a landed table; equals the key of the dbt source table."""
    return dg.AssetKey([system, table])


def load_metadata(receipt: Receipt) -> dict[str, dg.MetadataValue]:
    """The receipt as run metadata."""
    return {
        "dagster/row_count": dg.MetadataValue.int(receipt.rows_loaded),
        **{
            name: dg.MetadataValue.text(str(value))
            for name, value in receipt.model_dump().items()
            if value is not None
        },
    }


class LoadConfig(dg.Config):
    """How one run loads a source; set in the launchpad to fill gaps from the source again."""

    full: bool = Field(
        default=False,
        description="Read everything again, whatever was read before; keys prevent doubles.",
    )
    accept_shrink: bool = Field(
        default=False,
        description="Land a snapshot although it is far smaller than the last one.",
    )


def build_source_assets(source: Source, settings: Settings) -> dg.AssetsDefinition:
    """Loading step of one system.

    A table that cannot be loaded does not stop the others: its asset stands for what the lake
    holds, and its check says that the last load failed, why, and what to do.
    """
    keys = {table.name: asset_key(source.system, table.name) for table in source.tables}
    specs = [
        dg.AssetSpec(
            key,
            group_name="sources",
            kinds={"dlt", "parquet"},
            description=f"{source.label.en} · {source.label.zh}: table {name}, append-only Parquet",
            metadata={"system": source.system, "kind": source.kind, "schedule": source.schedule},
        )
        for name, key in keys.items()
    ]

    @dg.multi_asset(
        name=f"load_{source.system}",
        specs=specs,
        check_specs=[
            dg.AssetCheckSpec(name, asset=key, description=description)
            for key in keys.values()
            for name, description in (
                (LOAD_CHECK, "The last load brought its rows."),
                (COMPLETE_CHECK, "Nothing is missing or hidden, and the structure is as before."),
            )
        ],
        can_subset=True,
        pool=f"source_{source.system}",
    )
    def load(
        context: dg.AssetExecutionContext, config: LoadConfig
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        selected = [
            table.name for table in source.tables if keys[table.name] in context.selected_asset_keys
        ]
        # A further attempt loads what failed; what has succeeded stands.
        receipts = loaded_before(context, settings, source, selected)
        loaded = [receipt.table_name for receipt in receipts]
        receipts += load_source(
            source,
            settings,
            tables=[name for name in selected if name not in loaded],
            full=config.full,
            accept_shrink=config.accept_shrink,
        )
        retry_if_transient(context, receipts)
        for receipt in receipts:
            key = keys[receipt.table_name]
            yield dg.MaterializeResult(asset_key=key, metadata=load_metadata(receipt))
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=LOAD_CHECK,
                passed=receipt.status in ("loaded", "unchanged"),
                metadata={
                    "status": receipt.status,
                    "message": receipt.message_en,
                    "remedy": receipt.remedy_en or "",
                },
            )
            alerts = alerts_of(receipt)
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=COMPLETE_CHECK,
                passed=not alerts,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"alerts": " ".join(alerts), "message": receipt.message_en},
            )

    return load


def alerts_of(receipt: Receipt) -> list[str]:
    """What someone should look at after a load, in English; empty where all is well."""
    alerts = []
    if receipt.status == "held_back":
        alerts.append("Held back: confirm it, or mend the source.")
    if receipt.rows_gap:
        alerts.append(f"Rows that did not come: {receipt.rows_gap}.")
    seen, total = receipt.coverage_seen, receipt.coverage_all
    if seen is not None and total is not None and seen < total:
        alerts.append(f"Visible: {seen} of {total} {receipt.coverage_en}".rstrip() + ".")
    changes = json.loads(receipt.schema_changes)
    if changes:
        told = (f"{c['change']} {c.get('column') or ''}".strip() for c in changes)
        alerts.append(f"The structure has changed: {', '.join(told)}.")
    return alerts


def loaded_before(
    context: dg.AssetExecutionContext, settings: Settings, source: Source, tables: Sequence[str]
) -> list[Receipt]:
    """Receipts of the tables that an earlier attempt of this step has loaded."""
    if not context.retry_number:
        return []
    run = context.instance.get_run_record_by_id(context.run.run_id)
    if run is None or run.start_time is None:
        return []
    started = datetime.fromtimestamp(run.start_time, UTC)
    last = {
        receipt.table_name: receipt for receipt in read_receipts(settings, source.system, started)
    }
    return [last[name] for name in tables if name in last and last[name].is_good]


def retry_if_transient(context: dg.AssetExecutionContext, receipts: Sequence[Receipt]) -> None:
    """Ask Dagster for another attempt, with back-off, where a later one may succeed."""
    transient = [r for r in receipts if r.status == "failed" and r.is_transient]
    if transient and context.retry_number < RETRIES:
        raise dg.RetryRequested(
            max_retries=RETRIES, seconds_to_wait=BACK_OFF_SECONDS * 2**context.retry_number
        )
