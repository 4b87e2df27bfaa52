"""Jobs, schedules and sensors: each schedule loads the sources that ask for it, then publishes."""

# Dagster reads the annotations of `context` itself: no postponed annotations here.
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from dagster_project.connectors.places import list_files
from dagster_project.connectors.problems import SourceError
from dagster_project.connectors.sources_file import AccessLogSource, Source
from dagster_project.defs import keys
from dagster_project.defs.quality import build_failure_hook
from dagster_project.settings import Settings

CRON = {"hourly": "5 * * * *", "daily": "15 2 * * *", "weekly": "30 3 * * 1"}
SENSOR_SECONDS = 30

# What `define_asset_job` returns; Dagster exports no name for it.
Job = Any

# Steps are processes of their own, so that sources load side by side on all cores. The fork server
# has imported the project once; a step then starts in a fraction of a second.
EXECUTION = {
    "multiprocess": {
        "max_concurrent": 2,
        "start_method": {"forkserver": {"preload_modules": ["dagster_project.definitions"]}},
    }
}


def landed_tables(sources: Sequence[Source]) -> dg.AssetSelection:
    """The loading steps of ``sources``."""
    return dg.AssetSelection.assets(
        *(
            keys.landed_key(source.system, table.name)
            for source in sources
            for table in source.tables
        )
    )


class JobBuilder:
    """Makes the jobs of one installation."""

    def __init__(self, settings: Settings, sources: Sequence[Source]) -> None:
        self.sources = sources
        self.hooks = {build_failure_hook(settings)}

    def job(self, name: str, due: Sequence[Source], description: str) -> Job:
        """A job that loads ``due`` and then transforms, checks and publishes everything."""
        selection: dg.AssetSelection = dg.AssetSelection.all()
        others = [source for source in self.sources if source not in due]
        if others:
            selection = selection - landed_tables(others)
        return dg.define_asset_job(
            name,
            selection,
            description=description,
            hooks=self.hooks,
            executor_def=dg.multi_or_in_process_executor,
            config={"execution": {"config": EXECUTION}},
        )


def log_state(source: AccessLogSource) -> str:
    """Changes whenever a log file is new, has grown or was renamed.

    Raises:
        SourceError: the location cannot be reached, or has no log file.
    """
    files = [
        f"{file.path} {file.size} {file.modified_at.isoformat()}"
        for table in source.tables
        for file in list_files(source, table.glob)
    ]
    return hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest()


def build_log_sensor(job: Job, source: AccessLogSource) -> dg.SensorDefinition:
    """Starts ``job`` when a log file of ``source`` is new or has grown."""

    @dg.sensor(
        name=f"new_lines_{source.system}",
        job=job,
        minimum_interval_seconds=SENSOR_SECONDS,
        description=f"New or grown log files of {source.system}",
    )
    def new_lines(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            state = log_state(source)
        except SourceError as error:
            return dg.SkipReason(str(error))
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
        if isinstance(source, AccessLogSource):
            job = build.job(
                f"refresh_{source.system}",
                [source],
                f"Load the new log lines of {source.system}; then publish everything",
            )
            yield dg.Definitions(jobs=[job], sensors=[build_log_sensor(job, source)])
