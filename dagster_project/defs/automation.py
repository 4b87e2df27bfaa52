"""Jobs, schedules and sensors: each schedule loads the sources that ask for it, then publishes."""

# Dagster reads the annotations of `context` itself: no postponed annotations here.
import hashlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import dagster as dg

from dagster_project.connectors.places import list_files
from dagster_project.connectors.problems import SourceError
from dagster_project.connectors.schedules import CRON
from dagster_project.connectors.sources_file import AccessLogSource, Source
from dagster_project.defs import keys
from dagster_project.defs.backfill import DAYS_ASKED_FOR
from dagster_project.defs.quality import CHECK, build_failure_hook
from dagster_project.defs.selection import Slice
from dagster_project.publishing import current_version
from dagster_project.settings import Settings

# How often the daemon looks, too.
SENSOR_SECONDS = 5
BACKFILL_JOB = "backfill_web_days"
BACKTEST_JOB = "backtest_scores"
# Monday before work, when the week that ended on Sunday is whole.
BACKTEST_CRON = "0 4 * * 1"

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


def landed_keys(sources: Sequence[Source]) -> set[dg.AssetKey]:
    """The tables that the loading steps of ``sources`` fill."""
    return {
        keys.landed_key(source.system, table.name) for source in sources for table in source.tables
    }


class JobBuilder:
    """Makes the jobs of one installation."""

    def __init__(
        self,
        settings: Settings,
        sources: Sequence[Source],
        operations: Collection[dg.AssetKey],
        checks: Collection[dg.AssetCheckKey],
    ) -> None:
        self.sources = sources
        self.operations = operations
        self.checks = checks
        self.hooks = {build_failure_hook(settings)}

    def whole(self, name: str, due: Sequence[Source], description: str) -> Job:
        """A job that loads ``due`` and then transforms, checks and publishes everything."""
        left_out = {DAYS_ASKED_FOR}
        left_out |= landed_keys([source for source in self.sources if source not in due])
        selection = dg.AssetSelection.all() - dg.AssetSelection.assets(*left_out)
        return self._job(
            name,
            selection,
            description,
            executor_def=dg.multi_or_in_process_executor,
            config={"execution": {"config": EXECUTION}},
        )

    def part(
        self, name: str, first: Collection[dg.AssetKey], models: Slice, description: str
    ) -> Job:
        """A job that materializes ``first`` and then builds, checks and publishes a part."""
        views = {keys.model_key(model) for model in models.views}
        chosen = {
            *first,
            *self.operations,
            *map(keys.model_key, models.models),
            keys.PUBLISHED_VERSION,
        }
        checks = [
            check
            for check in self.checks
            if check.asset_key in chosen
            and check.name not in models.left_out
            and (check.asset_key not in views or check.name == CHECK)
        ]
        selection = dg.AssetSelection.assets(*chosen).without_checks()
        # One source and one way through: a process for every step would only cost time.
        return self._job(
            name,
            selection | dg.AssetSelection.checks(*checks),
            description,
            executor_def=dg.in_process_executor,
        )

    def _job(
        self, name: str, selection: dg.AssetSelection, description: str, **execution: Any
    ) -> Job:
        return dg.define_asset_job(
            name, selection, description=description, hooks=self.hooks, **execution
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


def is_under_way(instance: dg.DagsterInstance, job_name: str) -> bool:
    """Whether a run of the job waits or goes on."""
    unfinished = [
        dg.DagsterRunStatus.QUEUED,
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    filters = dg.RunsFilter(job_name=job_name, statuses=unfinished)
    return bool(instance.get_run_records(filters, limit=1))


def build_log_sensor(settings: Settings, job: Job, source: AccessLogSource) -> dg.SensorDefinition:
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
        if current_version(settings) is None:
            return dg.SkipReason(
                "Nothing is published yet: new lines can only be added to a whole version. "
                "Run the job `refresh` once."
            )
        if is_under_way(context.instance, job.name):
            # The cursor stays: a log that grows all the time must not fill the queue.
            return dg.SkipReason("The last run is not over; the lines since then come next")
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=state)], cursor=state)

    return new_lines


def build_automation(
    settings: Settings,
    build: JobBuilder,
    parts: dict[str, Slice],
    web_part: Slice,
    proof: Slice,
) -> Iterator[dg.Definitions]:
    """Every job with its schedule or sensor. All are off until somebody switches them on.

    Args:
        parts: by system of access logs what its lines can change.
        web_part: what the lines of all web sources can change.
        proof: what holds scores against what happened.
    """
    sources = build.sources
    yield dg.Definitions(jobs=[build.whole("refresh", sources, "Load every source and publish")])
    for frequency, cron in CRON.items():
        due = [source for source in sources if source.schedule == frequency]
        if due:
            systems = ", ".join(source.system for source in due)
            job = build.whole(
                f"refresh_{frequency}", due, f"Load {systems}; then publish everything"
            )
            schedule = dg.ScheduleDefinition(
                name=frequency, job=job, cron_schedule=cron, execution_timezone="UTC"
            )
            yield dg.Definitions(jobs=[job], schedules=[schedule])
    for source in sources:
        if isinstance(source, AccessLogSource):
            job = build.part(
                f"refresh_{source.system}",
                landed_keys([source]),
                parts[source.system],
                f"Load the new log lines of {source.system}; then publish what they change",
            )
            yield dg.Definitions(jobs=[job], sensors=[build_log_sensor(settings, job, source)])
    if web_part.models:
        job = build.part(
            BACKFILL_JOB,
            {DAYS_ASKED_FOR},
            web_part,
            "Compute days of the web models again from the landed lines; then publish",
        )
        yield dg.Definitions(jobs=[job])
    if proof.models:
        job = build.part(
            BACKTEST_JOB,
            set(),
            proof,
            "Hold the scores, the lead and the roadmap against what happened since; then publish",
        )
        schedule = dg.ScheduleDefinition(
            name="backtest", job=job, cron_schedule=BACKTEST_CRON, execution_timezone="UTC"
        )
        yield dg.Definitions(jobs=[job], schedules=[schedule])
