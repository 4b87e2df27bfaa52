"""Worklist actions as a table of the lake."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest

from dagster_project.connectors.receipts import ensure_operations
from dagster_project.settings import Settings
from dagster_project.worklists.actions import WorklistError, new_action
from dagster_project.worklists.landing import land_actions
from dagster_project.worklists.store import open_store

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def landed(settings: Settings, columns: str) -> list[tuple[object, ...]]:
    files = settings.operations / "worklist_actions" / "*.parquet"
    return duckdb.sql(
        f"select {columns} from read_parquet('{files}', union_by_name = true) order by sequence"
    ).fetchall()


def test_readers_find_the_columns_before_the_first_action(settings: Settings) -> None:
    ensure_operations(settings)
    assert land_actions(settings) == 0
    assert landed(settings, "list, subject_id, acted_at::timestamp") == []
    assert not settings.worklist_file.exists(), "reading must not make a store"


def test_every_action_lands_once_in_utc(settings: Settings) -> None:
    ensure_operations(settings)
    store = open_store(settings)
    shanghai = NOON.astimezone(timezone(timedelta(hours=8)))
    store.append_action(
        new_action("silent_lead", "l1", "snooze", "wang", shanghai, until=date(2026, 7, 3))
    )
    assert land_actions(settings) == 1
    store.append_action(
        new_action("stalled_lead", "l2", "outcome", "li", NOON, value="won", note="赢了")
    )
    assert land_actions(settings) == 2
    noon = NOON.replace(tzinfo=None)
    assert landed(settings, "list, subject_id, action, value, until, note, actor, acted_at") == [
        ("silent_lead", "l1", "snooze", None, date(2026, 7, 3), None, "wang", noon),
        ("stalled_lead", "l2", "outcome", "won", None, "赢了", "li", noon),
    ]


def test_nothing_is_written_without_news(settings: Settings) -> None:
    open_store(settings).append_action(new_action("silent_lead", "l1", "reopen", "wang", NOON))
    land_actions(settings)
    file = settings.operations / "worklist_actions" / "actions.parquet"
    before = file.stat().st_mtime_ns
    assert land_actions(settings) == 1
    assert file.stat().st_mtime_ns == before


def test_an_unreadable_store_leaves_what_was_landed(settings: Settings) -> None:
    open_store(settings).append_action(new_action("silent_lead", "l1", "reopen", "wang", NOON))
    land_actions(settings)
    with pytest.raises(WorklistError):
        land_actions(settings.model_copy(update={"worklist_url": "mysql://somewhere/x"}))
    assert len(landed(settings, "action_id")) == 1
