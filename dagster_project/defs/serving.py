"""The last step: a new version for the readers."""

# Dagster reads the annotations of `context` itself: no postponed annotations here.
from collections.abc import Sequence
from datetime import date

import dagster as dg

from dagster_project.defs import keys
from dagster_project.publishing import publish
from dagster_project.settings import Settings, utc_now


def build_publication(settings: Settings, marts: Sequence[str], as_of: date) -> dg.AssetsDefinition:
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
        version = publish(settings, context.run_id, utc_now(), as_of)
        return dg.MaterializeResult(
            metadata={
                "version": version.version_id,
                "tables": version.tables,
                "dagster/row_count": version.rows,
                "files written": version.files_written,
                "files reused": version.files_reused,
                "bytes written": version.bytes_written,
                "versions pruned": ", ".join(version.pruned),
                "seconds": version.seconds,
            }
        )

    return publish_version
