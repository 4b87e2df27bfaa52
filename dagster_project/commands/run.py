"""Run a job of the Dagster project headless, with progress and a summary."""

from __future__ import annotations

import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import TextIO

import dagster as dg

from dagster_project.commands.instance import open_instance
from dagster_project.commands.prepare import PreparationError, prepare
from dagster_project.publishing import current_version, publishing_status
from dagster_project.settings import Settings, utc_now

POLL_SECONDS = 0.3
TICKET_TAG = "smh/command"
SHOWN = {
    dg.DagsterEventType.STEP_START,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_SKIPPED,
    dg.DagsterEventType.STEP_UP_FOR_RETRY,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
}
ENDINGS = {
    dg.DagsterEventType.STEP_SUCCESS: "done",
    dg.DagsterEventType.STEP_SKIPPED: "skipped, because a step before it did not succeed",
    dg.DagsterEventType.STEP_FAILURE: "FAILED",
}
CHECK_STATES = {
    "passed": "passed",
    "failed_error": "failed",
    "failed_warn": "failed as a warning",
    "not_run": "not run",
}


def named_job(job_name: str) -> dg.JobDefinition:
    """A job of the project; by name and module, so that step processes can rebuild it."""
    from dagster_project.definitions import defs

    return defs.resolve_job_def(job_name)


@contextmanager
def output_to(path: Path) -> Iterator[TextIO]:
    """Send what this process and its children print to a file; give the terminal to the caller."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    with path.open("wb") as log, os.fdopen(os.dup(1), "w", encoding="utf-8") as terminal:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            yield terminal
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for target, descriptor in enumerate(kept, start=1):
                os.dup2(descriptor, target)
                os.close(descriptor)


class Reporter:
    """Prints one line per finished step while the run goes on, and counts the checks."""

    def __init__(self, instance: dg.DagsterInstance, ticket: str, terminal: TextIO) -> None:
        self.instance = instance
        self.ticket = ticket
        self.terminal = terminal
        self.started = time.monotonic()
        self.run_id: str | None = None
        self.cursor: str | None = None
        self.step_started: dict[str, float] = {}
        self.count_checks = 0
        self.failed_checks: list[str] = []

    def report(self, finished: threading.Event) -> None:
        """Print until ``finished`` is set and everything that happened before it is shown."""
        last_round = False
        while not last_round:
            last_round = finished.wait(POLL_SECONDS)
            if self.run_id is None:
                runs = self.instance.get_runs(dg.RunsFilter(tags={TICKET_TAG: self.ticket}))
                self.run_id = runs[0].run_id if runs else None
            if self.run_id is not None:
                self.print_new_events(self.run_id)

    def print_new_events(self, run_id: str) -> None:
        has_more = True
        while has_more:
            page = self.instance.get_records_for_run(
                run_id, cursor=self.cursor, of_type=SHOWN, limit=1000
            )
            self.cursor, has_more = page.cursor, page.has_more
            for record in page.records:
                event = record.event_log_entry.dagster_event
                if event is not None:
                    self.show(event, record.event_log_entry.timestamp)

    def show(self, event: dg.DagsterEvent, timestamp: float) -> None:
        step = event.step_key or ""
        if event.event_type == dg.DagsterEventType.STEP_START:
            self.step_started[step] = timestamp
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            self.count_checks += 1
            if not evaluation.passed:
                self.failed_checks.append(
                    f"{evaluation.severity.value.lower():5}  "
                    f"{evaluation.asset_key.to_user_string()}: {evaluation.check_name}"
                )
        elif event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY:
            self.print(f"{step}: will be tried again")
        else:
            seconds = timestamp - self.step_started.get(step, timestamp)
            self.print(f"{step}: {ENDINGS[event.event_type]} ({seconds:.1f} s)")
            if event.event_type == dg.DagsterEventType.STEP_FAILURE:
                self.print(f"    {failure_reason(event)}")

    def print(self, text: str) -> None:
        elapsed = time.monotonic() - self.started
        print(f"{elapsed:6.1f} s  {text}", file=self.terminal, flush=True)


def failure_reason(event: dg.DagsterEvent) -> str:
    """The message of the error behind Dagster's wrappers, or what the step itself said."""
    failure = event.step_failure_data
    if failure.user_failure_data is not None and failure.user_failure_data.description:
        return str(failure.user_failure_data.description)
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error is not None else "no reason was recorded"


def day_range_tags(first: date, last: date) -> dict[str, str]:
    """What tells a run of a job with daily partitions which days it is for."""
    return {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }


def run(
    settings: Settings,
    *,
    job_name: str = "refresh",
    in_process: bool = False,
    tags: Mapping[str, str] | None = None,
) -> int:
    """Prepare, execute, report.

    Args:
        in_process: all steps in this process, one after the other. Cheaper where no source makes
            the others wait; otherwise each step is a process, and sources load side by side.

    Returns:
        Exit code 0: a new version is published; 1: a load failed or the version was held back;
        2: the pipeline could not start.
    """
    print("Compiling the rule rows and reading the dbt project …", flush=True)
    if in_process:
        # Its import takes seconds, in which this process would only wait for dbt.
        threading.Thread(target=import_module, args=("great_expectations",), daemon=True).start()
    try:
        prepare(settings)
    except PreparationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    job = named_job(job_name)
    execution = (job.run_config or {}).get("execution", {})
    if in_process and job.executor_def is dg.multi_or_in_process_executor:
        execution = {"config": {"in_process": {}}}
    ticket = str(uuid.uuid4())
    log = settings.home / "logs" / f"run_{utc_now():%Y%m%dT%H%M%SZ}.log"
    with output_to(log) as terminal, open_instance(settings) as instance:
        reporter = Reporter(instance, ticket, terminal)
        finished = threading.Event()
        thread = threading.Thread(target=reporter.report, args=(finished,), daemon=True)
        thread.start()
        try:
            result = dg.execute_job(
                dg.build_reconstructable_job(__name__, "named_job", (job_name,)),
                instance=instance,
                run_config={
                    "execution": execution,
                    "loggers": {"console": {"config": {"log_level": "WARNING"}}},
                },
                tags={TICKET_TAG: ticket, **(tags or {})},
            )
        finally:
            finished.set()
            thread.join()
    print(f"\nWhat the steps printed: {log}")
    return summarise(settings, reporter, success=result.success)


def summarise(settings: Settings, reporter: Reporter, *, success: bool) -> int:
    """Say what is published now, what failed and what to do next; return the exit code."""
    # Dagster takes the checks of a table by one kind for one, so it counts fewer than the pages do.
    print(f"{reporter.count_checks} asset checks, {len(reporter.failed_checks)} failed.")
    for failed in reporter.failed_checks:
        print(f"  {failed}")
    version = current_version(settings)
    status = publishing_status(settings)
    if version is not None:
        checks = ", ".join(
            f"{version.checks[state]:,} {words}"
            for state, words in CHECK_STATES.items()
            if version.checks.get(state)
        )
        print(f"Shown: version {version.version_id}, as of {version.as_of}")
        print(f"Its checks: {checks or 'none'}")
    if status is not None and status.state == "held_back":
        print(f"Held back since {status.since:%Y-%m-%d %H:%M} UTC: the last good version stays.")
        for reason in status.reasons:
            print(f"  {reason.check_en} · {reason.check_zh} ({reason.table}): {reason.detail}")
        print("Next: mend what the reasons name, then `make run` again.")
        return 1
    if not success:
        print("Next: mend what FAILED names, then `make run`; `make doctor` looks at the set-up.")
        return 1
    failed_loads = [line for line in reporter.failed_checks if line.endswith(": load_succeeded")]
    if failed_loads:
        print("Next: some tables were not loaded (above); the others are published.")
        return 1
    print(f"Data: {settings.home}\nNext: `make dashboard` shows it; `make dev` schedules it.")
    return 0
