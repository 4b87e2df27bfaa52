"""Compute a range of days of the web models again, in one run."""

from __future__ import annotations

import sys
from datetime import date

from dagster_project.commands.run import day_range_tags, run
from dagster_project.settings import Settings


def backfill(settings: Settings, first: date, last: date) -> int:
    """Run the backfill job for the days from ``first`` to ``last``; exit codes as of `run`."""
    from dagster_project.defs.automation import BACKFILL_JOB

    if last < first:
        print(f"error: --to {last} is before --from {first}: exchange them", file=sys.stderr)
        return 2
    return run(settings, job_name=BACKFILL_JOB, tags=day_range_tags(first, last))
