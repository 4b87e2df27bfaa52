"""What the sensor of a log asks for, tick by tick."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_project.connectors.sources_file import AccessLogSource, load_sources
from dagster_project.defs.automation import build_log_sensor
from dagster_project.publishing import publish
from dagster_project.settings import Settings
from tests.unit.publishing import sample_home
from tests.unit.publishing.sample_home import NOW

pytestmark = pytest.mark.integration

JOB = "refresh_web"


@dg.asset
def lines() -> None: ...


class Clock:
    """Calls the sensor as the daemon does: with the cursor that it left."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        source = load_sources(settings).source("web")
        assert isinstance(source, AccessLogSource)
        job = dg.define_asset_job(JOB, [lines])
        self.sensor = build_log_sensor(settings, job, source)
        self.defs = dg.Definitions(assets=[lines], jobs=[job], sensors=[self.sensor])
        self.instance = instance
        self.cursor: str | None = None

    def tick(self) -> Any:
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, definitions=self.defs
        )
        result = self.sensor.evaluate_tick(context)
        self.cursor = result.cursor or self.cursor
        return result

    def requests(self) -> list[str | None]:
        return [request.run_key for request in self.tick().run_requests]

    def reason(self) -> str:
        result = self.tick()
        assert not result.run_requests
        return str(result.skip_message)

    def add_run(self, *events: dg.DagsterEventType, job: str = JOB) -> dg.DagsterRun:
        """A run that has come as far as these events tell."""
        run = self.instance.add_run(dg.DagsterRun(job_name=job, run_id=str(uuid.uuid4())))
        for event in events:
            self.instance.report_dagster_event(dg.DagsterEvent(event.value, job), run.run_id)
        return run


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "access.log").write_text("one\n", encoding="utf-8")
    return folder


@pytest.fixture
def clock(tmp_path: Path, logs: Path) -> Iterator[Clock]:
    settings = sample_home.build(tmp_path / "home", sources=tmp_path / "sources.toml")
    settings.sources_file.write_text(
        f'[[source]]\nsystem = "web"\nkind = "access_log"\nlocation = "{logs}"\n'
        'glob = "access.log*"\n',
        encoding="utf-8",
    )
    publish(settings, "run-1", NOW)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Clock(settings, instance)


def grow(logs: Path, name: str = "access.log") -> None:
    with (logs / name).open("a", encoding="utf-8") as log:
        log.write("another\n")


def test_new_and_grown_files_ask_for_one_run_each(clock: Clock, logs: Path) -> None:
    (first,) = clock.requests()
    assert "No log file has changed" in clock.reason()
    grow(logs)
    (second,) = clock.requests()
    assert "No log file has changed" in clock.reason()
    grow(logs, "access.log.1")
    (third,) = clock.requests()
    assert len({first, second, third}) == 3, "Dagster starts no second run for the same key"


def test_a_log_out_of_reach_skips_with_the_reason(clock: Clock, logs: Path) -> None:
    clock.requests()
    before = clock.cursor
    shutil.move(logs, logs.with_name("away"))
    assert str(logs) in clock.reason()
    shutil.move(logs.with_name("away"), logs)
    assert clock.cursor == before
    assert "No log file has changed" in clock.reason()


@pytest.mark.parametrize(
    "events",
    [
        [],
        [dg.DagsterEventType.RUN_STARTING],
        [dg.DagsterEventType.RUN_START],
        [dg.DagsterEventType.RUN_CANCELING],
    ],
    ids=["made", "starting", "started", "canceling"],
)
def test_runs_do_not_pile_up_behind_one_another(
    clock: Clock, logs: Path, events: list[dg.DagsterEventType]
) -> None:
    clock.requests()
    run = clock.add_run(*events)
    for _ in range(3):
        grow(logs)
        assert "not over" in clock.reason()
    clock.instance.report_run_canceled(run)
    assert len(clock.requests()) == 1, "the lines that came meanwhile ask for one run"
    assert "No log file has changed" in clock.reason()


def test_runs_of_other_jobs_do_not_hinder(clock: Clock) -> None:
    clock.add_run(dg.DagsterEventType.RUN_START, job="refresh")
    assert len(clock.requests()) == 1


def test_new_lines_wait_for_the_first_whole_version(clock: Clock, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "home" / "published")
    assert "`refresh`" in clock.reason()
    assert clock.cursor is None
