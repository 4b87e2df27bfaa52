"""Actions in a real PostgreSQL: one setting, the same behaviour."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from dagster_project.settings import Settings
from dagster_project.worklists.actions import WorklistError
from dagster_project.worklists.store import open_store
from tests.unit.worklists import store_cases

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(server: str, tmp_path: Path) -> Iterator[Settings]:
    """Each test gets a schema of its own, chosen by the URL as an installation would."""
    url = f"postgresql://owner:s3cret%2F%40word@{server}"
    schema = "worklists"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"create schema {schema}")
    yield Settings(home=tmp_path, worklist_url=f"{url}?options=-csearch_path%3D{schema}")
    with engine.begin() as connection:
        connection.exec_driver_sql(f"drop schema {schema} cascade")
    engine.dispose()


def test_it_keeps_what_it_is_given(settings: Settings) -> None:
    store_cases.keeps_what_it_is_given(settings)
    assert not settings.worklist_file.exists()


def test_it_stores_an_action_once(settings: Settings) -> None:
    store_cases.stores_an_action_once(settings)


def test_the_server_itself_refuses_change(settings: Settings) -> None:
    store_cases.refuses_change(
        settings,
        (
            "update worklist_action set note = 'other'",
            "delete from worklist_action",
            "truncate worklist_action",
        ),
    )


def test_writers_stand_in_line(settings: Settings) -> None:
    store_cases.writers_stand_in_line(settings)


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://owner:s3cret@127.0.0.1:1/postgres"
    with pytest.raises(WorklistError, match="SMH_WORKLIST_URL") as caught:
        open_store(Settings(home=tmp_path, worklist_url=url)).actions()
    assert "s3cret" not in str(caught.value)
