"""Backfill by partition: the per-day web models, for a day or a range of days."""

# Dagster reads the annotations of `context` itself: no postponed annotations here.
import warnings
from collections.abc import Sequence
from datetime import date, timedelta

import dagster as dg

from dagster_project import web_days
from dagster_project.settings import Settings

# A range of partitions as one run is "beta" in Dagster 1.13, and works; a test takes it.
warnings.filterwarnings("ignore", message=".*backfill_policy", category=dg.BetaWarning)

DAYS_ASKED_FOR = dg.AssetKey(["web", "days_asked_for"])


def days_of_the_logs(first: date | None, last: date | None) -> dg.DailyPartitionsDefinition:
    """One partition a day, from the first day of the logs; ``last`` None: up to today."""
    start = first or last or date(2000, 1, 1)
    if last is None:
        return dg.DailyPartitionsDefinition(start_date=start.isoformat(), end_offset=1)
    end = max(last, start) + timedelta(days=1)
    return dg.DailyPartitionsDefinition(start_date=start.isoformat(), end_date=end.isoformat())


def build_day_requests(
    settings: Settings, landed: Sequence[dg.AssetKey], last: date | None
) -> dg.AssetsDefinition:
    """The step that asks dbt for days; in the same run, or the next one, they are computed."""

    @dg.asset(
        key=DAYS_ASKED_FOR,
        deps=landed,
        group_name="operations",
        partitions_def=days_of_the_logs(web_days.first_day(settings), last),
        backfill_policy=dg.BackfillPolicy.single_run(),
        description="Days of the web models to compute again from the landed lines",
    )
    def days_asked_for(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        span = context.partition_key_range
        first, last = date.fromisoformat(span.start), date.fromisoformat(span.end)
        web_days.ask(settings, first, last, context.run.run_id)
        return dg.MaterializeResult(
            metadata={
                "first": first.isoformat(),
                "last": last.isoformat(),
                "days": (last - first).days + 1,
            }
        )

    return days_asked_for
