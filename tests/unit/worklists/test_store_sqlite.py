"""Actions in the default SQLite file."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from dagster_project.settings import Settings
from dagster_project.worklists.actions import Action, WorklistError
from dagster_project.worklists.store import open_store, worklist_url
from tests.unit.worklists import store_cases


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home 1")


def test_it_keeps_what_it_is_given(settings: Settings) -> None:
    store_cases.keeps_what_it_is_given(settings)


def test_it_stores_an_action_once(settings: Settings) -> None:
    store_cases.stores_an_action_once(settings)


def test_the_file_itself_refuses_change(settings: Settings) -> None:
    store_cases.refuses_change(
        settings,
        (
            "update worklist_action set note = 'other'",
            "delete from worklist_action",
            "insert or replace into worklist_action (action_id, list, subject_id, action, actor, "
            "acted_at) values ('{id}', 'stalled_lead', 'x', 'reopen', 'x', '2026-07-01 00:00:00')",
            "insert or replace into worklist_action (sequence, action_id, list, subject_id, "
            "action, actor, acted_at) values (1, 'new', 'stalled_lead', 'x', 'reopen', 'x', "
            "'2026-07-01 00:00:00')",
        ),
    )


def test_writers_stand_in_line(settings: Settings) -> None:
    store_cases.writers_stand_in_line(settings)


def test_the_first_writers_of_a_new_file_wait_for_each_other(tmp_path: Path) -> None:
    writers = 6
    for attempt in range(40):
        settings = Settings(home=tmp_path / str(attempt))
        start = Barrier(writers)

        def write(settings: Settings = settings, start: Barrier = start) -> Action:
            store = store_cases.new_store(settings)
            start.wait()
            return store.append_action(store_cases.act("note", note="first"))

        with ThreadPoolExecutor(writers) as pool:
            written = [pool.submit(write) for _ in range(writers)]
        assert sorted(action.result().sequence for action in written) == [1, 2, 3, 4, 5, 6]


def test_reading_creates_nothing_and_writing_makes_a_wal_file(settings: Settings) -> None:
    store = open_store(settings)
    assert store.actions() == [] and store.current_state("silent_lead") == {}
    assert store.position() == 0
    assert not settings.home.exists()
    store.append_action(store_cases.act("reopen"))
    with sqlite3.connect(settings.worklist_file) as connection:
        assert connection.execute("pragma journal_mode").fetchone() == ("wal",)


def test_a_file_that_cannot_be_used_is_named(settings: Settings) -> None:
    settings.worklist_file.parent.mkdir(parents=True)
    settings.worklist_file.write_bytes(b"this is no database" * 100)
    with pytest.raises(WorklistError, match=r"actions\.sqlite cannot be used: .*not a database"):
        open_store(settings).actions()


def test_other_databases_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WorklistError, match="names mysql"):
        worklist_url(Settings(home=tmp_path, worklist_url="mysql://a@b/c"))
    with pytest.raises(WorklistError, match="no database URL"):
        worklist_url(Settings(home=tmp_path, worklist_url="somewhere"))
