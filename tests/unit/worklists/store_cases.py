"""What every store must do; the SQLite and the PostgreSQL test both run it."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from dagster_project.settings import REPO_ROOT, Settings, process_environment
from dagster_project.worklists.actions import Action, WorklistError, new_action
from dagster_project.worklists.store import WorklistStore, worklist_url

NOW = datetime(2026, 7, 1, 9, 30, 0, 123456, tzinfo=UTC)


def act(action: str, subject: str = "crm:lead1", list_name: str = "stalled_lead", **values: Any):  # type: ignore[no-untyped-def]
    return new_action(list_name, subject, action, "李娜", NOW, **values)


def new_store(settings: Settings) -> WorklistStore:
    """A store of its own, as another process would have."""
    return WorklistStore(worklist_url(settings))


def keeps_what_it_is_given(settings: Settings) -> None:
    store = new_store(settings)
    given = [
        act("assign", value="crm:rep1", version_id="v000001-x"),
        act("snooze", until=date(2026, 7, 9), note='出差 \'til Friday; -- "x"'),
        act("outcome", list_name="silent_lead", value="quoted"),
    ]
    stored = [store.append_action(action) for action in given]
    assert [action.sequence for action in stored] == sorted({a.sequence for a in stored})
    assert [replace(action, sequence=0) for action in stored] == given
    other = new_store(settings)
    assert other.position() == stored[-1].sequence
    assert other.actions() == stored
    assert other.actions(since=stored[0].sequence) == stored[1:]
    assert other.actions(list_name="silent_lead") == stored[2:]
    assert other.history("stalled_lead", "crm:lead1") == stored[:2]
    assert other.current_state("stalled_lead")["crm:lead1"].snoozed_until == date(2026, 7, 9)
    # Another reader sees a later action at once, and no other list's.
    store.append_action(act("reopen"))
    assert other.current_state("stalled_lead")["crm:lead1"].snoozed_until is None
    assert other.current_state("silent_lead")["crm:lead1"].outcome == "quoted"


def stores_an_action_once(settings: Settings) -> None:
    store = new_store(settings)
    action = act("note", note="once")
    first = store.append_action(action)
    assert store.append_action(action) == first == new_store(settings).append_action(first)
    assert store.actions() == [first]
    with pytest.raises(WorklistError, match="Make a new id"):
        store.append_action(replace(action, note="something else"))
    assert store.actions() == [first]


def refuses_change(settings: Settings, statements: tuple[str, ...]) -> None:
    store = new_store(settings)
    before = store.append_action(act("note", note="as it was"))
    engine = sa.create_engine(worklist_url(settings))
    for statement in statements:
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
            connection.exec_driver_sql(statement.format(id=before.action_id))
    engine.dispose()
    assert store.actions() == [before]


def writers_stand_in_line(settings: Settings, processes: int = 2, each: int = 15) -> None:
    """Several processes and threads write at once; a reader that follows misses nothing."""
    code = (
        "import sys\n"
        "from dagster_project.settings import load_settings\n"
        "from tests.unit.worklists.store_cases import act, new_store\n"
        "store = new_store(load_settings())\n"
        f"for n in range({each}): store.append_action(act('note', 'crm:p' + sys.argv[1], "
        "note=str(n)))\n"
    )
    environment = {**process_environment(), "SMH_HOME": str(settings.home)}
    if settings.worklist_url:
        environment["SMH_WORKLIST_URL"] = settings.worklist_url
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(n)], cwd=REPO_ROOT, env=environment)
        for n in range(processes)
    ]
    store, reader = new_store(settings), new_store(settings)
    followed: list[Action] = []

    def follow() -> None:
        followed.extend(reader.actions(since=followed[-1].sequence if followed else 0))

    with ThreadPoolExecutor(4) as pool:
        writes = [
            pool.submit(store.append_action, act("note", f"crm:t{n % 4}", note=str(n)))
            for n in range(4 * each)
        ]
        while any(process.poll() is None for process in running):
            follow()
        for write in writes:
            write.result()
    assert [process.wait() for process in running] == [0] * processes
    follow()
    assert len(followed) == (processes + 4) * each
    assert followed == store.actions()
    for n in range(processes):
        notes = [action.note for action in store.history("stalled_lead", f"crm:p{n}")]
        assert notes == [str(index) for index in range(each)]
