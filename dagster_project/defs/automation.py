"""Jobs, schedules and sensors: each schedule loads the sources that ask for it, then publishes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dagster as dg

from dagster_project.connectors.access_log import newest_log_change
from dagster_project.connectors.sources_file import Source
from dagster_project.defs import keys
from dagster_project.defs.quality import build_failure_hook
from dagster_project.settings import Settings

CRON = {"hourly": "5 * * * *", "daily": "15 2 * * *", "weekly": "30 3 * * 1"}
SENSOR_SECONDS = 30

# Steps are processes of their own, so that sources load side by side on all cores. The fork server
# has imported the project once; a step then starts in a fraction of a second.
EXECUTOR = dg.multi_or_in_process_executor.configured(
    {
        "multiprocess": {
            "max_concurrent": 2,
            "start_method": {"forkserver": {"preload_modules": ["dagster_project.definitions"]}},
        }
    }
)


def landed_tables(sources: Sequence[Source]) -> dg.AssetSelection:
    """The loading steps of ``sources``."""
    return dg.AssetSelection.assets(
        *(keys.landed_key(source.system, table.name) for source in sources for table in source.tables)
    )


class JobBuilder:
    """Makes the jobs of one installation."""

    def __init__(self, settings: Settings, sources: Sequence[Source]) -> None:
        self.sources = sources
        self.hooks = {build_failure_hook(settings)}

    def job(
        self, name: str, due: Sequence[Source], description: str
    ) -> dg.UnresolvedAssetJobDefinition:
        """A job that loads ``due`` and then transforms, checks and publishes everything."""
        selection = dg.AssetSelection.all()
        others = [source for source in self.sources if source not in due]
        if others:
            selection = selection - landed_tables(others)
        return dg.define_asset_job(
            name, selection, description=description, hooks=self.hooks, executor_def=EXECUTOR
        )


def build_log_sensor(
    job: dg.UnresolvedAssetJobDefinition, source: Source
) -> dg.SensorDefinition:
    """Starts ``job`` when a log file of ``source`` is new or has grown."""

    @dg.sensor(
        name=f"new_lines_{source.system}",
        job=job,
        minimum_interval_seconds=SENSOR_SECONDS,
        description=f"New or grown log files of {source.system}",
    )
    def new_lines(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        state = newest_log_change(source)
        if state is None:
            return dg.SkipReason(f"No log file under {source.location}")
        if state == context.cursor:
            return dg.SkipReason("No log file has changed since the last run")
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=state)], cursor=state)

    return new_lines


def build_automation(settings: Settings, sources: Sequence[Source]) -> Iterator[dg.Definitions]:
    """Every job with its schedule or sensor. All are off until somebody switches them on."""
    build = JobBuilder(settings, sources)
    yield dg.Definitions(jobs=[build.job("refresh", sources, "Load every source and publish")])
    for frequency, cron in CRON.items():
        due = [source for source in sources if source.schedule == frequency]
        if due:
            systems = ", ".join(source.system for source in due)
            job = build.job(f"refresh_{frequency}", due, f"Load {systems}; then publish everything")
            schedule = dg.ScheduleDefinition(
                name=frequency, job=job, cron_schedule=cron, execution_timezone="UTC"
            )
            yield dg.Definitions(jobs=[job], schedules=[schedule])
    for source in sources:
        if source.kind == "access_log":
            job = build.job(
                f"refresh_{source.system}",
                [source],
                f"Load the new log lines of {source.system}; then publish everything",
            )
            yield dg.Definitions(jobs=[job], sensors=[build_log_sensor(job, source)])
