"""What readers see while publishing goes on, and after it was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dagster_project.publishing import (
    current_version,
    list_versions,
    open_version,
    publish,
    publisher,
    storage,
)
from dagster_project.settings import REPO_ROOT, Settings
from tests.unit.publishing import sample_home
from tests.unit.publishing.sample_home import NOW, build

pytestmark = pytest.mark.integration


class KilledError(BaseException):
    """Stands for the end of the process: no handler for ordinary errors may catch it."""


def _write(settings: Settings, value: int) -> None:
    """Two marts that agree on one value in every good version."""
    sample_home.write_warehouse(
        settings,
        {
            "mart_lead": f"select i as lead_id, {value} as v from range(50) as t(i)",
            "mart_order": f"select i as order_id, {value} as v from range(20) as t(i)",
        },
    )


def _read(settings: Settings) -> tuple[str, int]:
    """Version and value of what is shown; fails where two tables are of different versions."""
    version = current_version(settings)
    assert version is not None
    with open_version(settings, version.version_id) as connection:
        values = connection.sql(
            "select v, count(*) from (select v from mart_lead union all select v from mart_order) "
            "group by 1"
        ).fetchall()
    assert len(values) == 1, f"{version.version_id} mixes versions: {values}"
    value, rows = values[0]
    assert rows == 70
    assert version.run_id == f"run-{value}"
    return version.version_id, value


def _break_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Every change of the folder counts as a step; the one after ``steps`` does not happen."""
    done = 0

    def wrap(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def wrapped(*arguments: Any, **named: Any) -> Any:
            nonlocal done
            if done >= steps:
                raise KilledError
            done += 1
            return original(*arguments, **named)

        monkeypatch.setattr(owner, name, wrapped)

    wrap(storage, "sync_path")
    wrap(Path, "replace")
    wrap(Path, "rename")
    wrap(Path, "unlink")
    wrap(publisher.shutil, "rmtree")


def test_a_publish_that_dies_at_any_step_leaves_a_good_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = build(tmp_path, keep_versions=2)
    for value in (1, 2):
        _write(settings, value)
        publish(settings, f"run-{value}", NOW + timedelta(hours=value))
    shown, value, step = "", 2, 0
    switched = {False: 0, True: 0}
    died = True
    while died:
        attempt = 3 + step  # always new content, so that every attempt has files to write
        _write(settings, attempt)
        with monkeypatch.context() as patch:
            _break_after(patch, step)
            try:
                publish(settings, f"run-{attempt}", NOW + timedelta(hours=attempt))
            except KilledError:
                step += 1
            else:
                died = False
        shown, seen = _read(settings)
        assert seen in (value, attempt)
        switched[seen == attempt] += 1
        value = seen
        version = current_version(settings)
        assert version is not None and version.status.state == "published"
    # Deaths both before and after the switch have been tried, and every step there is.
    assert switched[False] > 15
    assert switched[True] > 5
    # What the dead ones left behind is gone after one whole publish.
    assert list((settings.published / "staging").iterdir()) == []
    leased = {path.name for path in (settings.published / "leases").iterdir()}
    kept = {entry.version_id for entry in list_versions(settings)}
    folders = {path.name for path in (settings.published / "versions").iterdir()}
    assert shown in kept
    assert folders <= kept | leased
    needed = {
        file.path
        for version_id in folders
        for table in storage.read_manifest(settings, version_id).tables.values()
        for file in table.files
    }
    objects = (settings.published / "objects").glob("*/*")
    assert {path.relative_to(settings.published).as_posix() for path in objects} == needed


_PUBLISH_FOREVER = """
import sys
from datetime import timedelta
from pathlib import Path
from dagster_project.publishing import publish
from tests.integration.publishing.test_crashes_and_readers import NOW, _write, Settings
settings = Settings(home=Path(sys.argv[1]), keep_versions=2)
value = int(sys.argv[2])
while True:
    value += 1
    _write(settings, value)
    print(publish(settings, f"run-{value}", NOW + timedelta(minutes=value)).version_id, flush=True)
"""

_READ = """
import sys
from pathlib import Path
from tests.integration.publishing.test_crashes_and_readers import Settings, _read
settings = Settings(home=Path(sys.argv[1]), keep_versions=2)
last = ""
seen = set()
print("ready", flush=True)
while not (Path(sys.argv[1]) / "stop").exists():
    version_id, value = _read(settings)
    assert version_id >= last, (version_id, last)
    last = version_id
    seen.add(version_id)
print(len(seen))
"""


def _start(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=REPO_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_killed_process_leaves_a_good_version_and_no_lock(tmp_path: Path) -> None:
    settings = build(tmp_path, keep_versions=2)
    _write(settings, 1)
    publish(settings, "run-1", NOW)
    _, value = _read(settings)
    for _ in range(4):
        process = _start(_PUBLISH_FOREVER, tmp_path, value + 1000)
        assert process.stdout is not None
        process.stdout.readline()  # at least one version is out; kill it somewhere in the next
        process.send_signal(signal.SIGKILL)
        process.communicate()
        before = value
        _, value = _read(settings)
        assert value > before
    _write(settings, value + 1)
    publish(settings, f"run-{value + 1}", NOW)
    assert _read(settings)[1] == value + 1


def test_readers_never_meet_an_error_or_a_mixture(tmp_path: Path) -> None:
    settings = build(tmp_path, keep_versions=2)
    _write(settings, 1)
    publish(settings, "run-1", NOW)
    processes = [_start(_READ, tmp_path) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    problems: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        try:
            while not stop.is_set():
                _read(settings)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for value in range(2, 17):
            _write(settings, value)
            publish(settings, f"run-{value}", NOW + timedelta(minutes=value))
    finally:
        (tmp_path / "stop").touch()
        stop.set()
        for thread in threads:
            thread.join()
    assert problems == []
    for process in processes:
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert int(output) > 1, "the reader saw no change, so it proves nothing"


def test_a_long_reader_keeps_its_version(tmp_path: Path) -> None:
    settings = build(tmp_path, keep_versions=2)
    _write(settings, 1)
    first = publish(settings, "run-1", NOW)
    with open_version(settings, first.version_id) as connection:
        for value in range(2, 6):
            _write(settings, value)
            publish(settings, f"run-{value}", NOW + timedelta(minutes=value))
        # Never read before, so nothing of it is in memory.
        assert connection.sql("select distinct v from mart_order").fetchall() == [(1,)]
