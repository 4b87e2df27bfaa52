"""The last step: a new version for the readers."""

# Dagster reads the annotations of `context` itself: no postponed annotations here.
from collections.abc import Collection, Sequence
from datetime import date

import dagster as dg

from dagster_project.defs import keys
from dagster_project.publishing import Part, current_version, hold_back, publish
from dagster_project.quality import standing_failures
from dagster_project.settings import Settings, utc_now


def built_part(
    selected: Collection[dg.AssetKey], tables: Collection[str], landed: Collection[dg.AssetKey]
) -> Part | None:
    """What a run builds that does not build all of ``tables``; None for one that does.

    A run that builds none of them publishes the warehouse as somebody has left it.
    """
    built = {table for table in tables if keys.model_key(table) in selected}
    if not built or len(built) == len(tables):
        return None
    systems = {key.path[0] for key in landed if key in selected}
    return Part(frozenset(built), frozenset(systems))


def hold_back_if_failures_stand(settings: Settings, context: dg.AssetExecutionContext) -> None:
    """A run that repeats a part of the checks does not publish over what failed in the others.

    Raises:
        Failure: something stands; the readers are told what.
    """
    shown = current_version(settings)
    if shown is None:
        return
    reasons = standing_failures(settings, context.run.run_id, context.job_name, shown.published_at)
    if reasons:
        hold_back(settings, context.run.run_id, reasons, utc_now())
        raise dg.Failure(
            "Still held back by an earlier run: "
            + "; ".join(f"{r.table}: {r.check_en} ({r.detail})" for r in reasons[:5]),
            allow_retries=False,
        )


def build_publication(
    settings: Settings,
    marts: Sequence[str],
    seeds: Sequence[str],
    landed: Sequence[dg.AssetKey],
    as_of: date,
) -> dg.AssetsDefinition:
    """Publishes what the blocking checks on the marts let through."""

    @dg.asset(
        key=keys.PUBLISHED_VERSION,
        deps=[keys.model_key(mart) for mart in marts],
        group_name="serving",
        kinds={"parquet"},
        pool=keys.WAREHOUSE_POOL,
        description="One immutable version; readers switch to it atomically",
    )
    def publish_version(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        selected = context.job_def.asset_layer.selected_asset_keys
        part = built_part(selected, [*marts, *seeds], landed)
        if part is not None:
            hold_back_if_failures_stand(settings, context)
        version = publish(settings, context.run.run_id, utc_now(), as_of, part=part)
        return dg.MaterializeResult(
            metadata={
                "version": version.version_id,
                "tables": version.tables,
                "tables built": len(part.models) if part is not None else version.tables,
                "dagster/row_count": version.rows,
                "files written": version.files_written,
                "files reused": version.files_reused,
                "bytes written": version.bytes_written,
                "versions pruned": ", ".join(version.pruned),
                "seconds": version.seconds,
            }
        )

    return publish_version
