"""A source that cannot be reached is asked again; one that says no is not.

A real PostgreSQL behind a door of our own on loopback, which is shut, or slams, at the first try.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from dagster_project.connectors.receipts import read_receipts
from dagster_project.connectors.sources_file import load_sources
from dagster_project.defs.ingestion import LOAD_CHECK, RETRIES, build_source_assets
from dagster_project.settings import utc_now
from tests.unit.connectors.loading import Installation

pytestmark = pytest.mark.integration

PASSWORD = "s3cret%2F%40word"
SOURCE = """
[[source]]
system = "shop"
kind = "sql"
url_env = "SHOP_URL"
  [[source.table]]
  name = "deals"
  table = "retry_deals"
  load = "incremental"
  cursor = "changed"
  primary_key = "id"
  [[source.table]]
  name = "things"
  table = "retry_things"
"""
FOREVER = 60.0


class Door:
    """Forwards a port to the server once it is open; ``slam_at``: cuts the line that says this."""

    def __init__(self, server: str, slam_at: bytes = b"") -> None:
        host, port = server.split("/")[0].split(":")
        self.target = (host, int(port))
        self.slam_at = slam_at
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))  # not listening: whoever knocks is refused
        self.port = self.listener.getsockname()[1]

    def open(self) -> None:
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.target)
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._forward, args=pair, daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.slam_at and self.slam_at in data:
                    self.slam_at = b""
                    break
                sink.sendall(data)
        for side in (source, sink):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def shop(tmp_path: Path, server: str) -> Iterator[Installation]:
    shop = Installation(tmp_path)
    shop.sources(SOURCE)
    url = f"postgresql+psycopg2://owner:{PASSWORD}@{server}"
    with sa.create_engine(url, poolclass=sa.pool.NullPool).begin() as connection:
        connection.execute(
            sa.text(
                "drop table if exists retry_deals, retry_things;"
                "create table retry_deals as select i as id, timestamp '2026-06-01' + i * interval "
                "'1 hour' as changed from generate_series(1, 5) as i;"
                "create table retry_things as select i as id from generate_series(1, 3) as i"
            )
        )
    yield shop


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def run(shop: Installation, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    source = load_sources(shop.settings).source("shop")
    defs = dg.Definitions(
        assets=[build_source_assets(source, shop.settings)],
        jobs=[dg.define_asset_job("load", executor_def=dg.in_process_executor)],
    )
    return defs.resolve_job_def("load").execute_in_process(instance=instance, raise_on_error=False)


def count(result: dg.ExecuteInProcessResult, event: dg.DagsterEventType) -> int:
    return sum(happened.event_type == event for happened in result.all_events)


def statuses(shop: Installation, table: str) -> list[str]:
    """Of every load of the table, oldest first."""
    columns = f"where table_name = '{table}' order by load_id"
    return [row[0] for row in shop.query(f"select status from {{ops.receipts}} {columns}")]


def check_passed(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {
        evaluation.asset_key.path[-1]: evaluation.passed
        for evaluation in result.get_asset_check_evaluations()
        if evaluation.check_name == LOAD_CHECK
    }


def open_when_refused(door: Door, shop: Installation) -> None:
    """As soon as a receipt says that the source could not be reached."""
    started = utc_now()
    deadline = time.monotonic() + FOREVER
    while time.monotonic() < deadline:
        if read_receipts(shop.settings, "shop", started):
            door.open()
            return
        time.sleep(0.05)


def test_a_source_that_comes_back_is_loaded_once(
    server: str, shop: Installation, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door(server)
    monkeypatch.setenv("SHOP_URL", f"postgresql://owner:{PASSWORD}@127.0.0.1:{door.port}/postgres")
    threading.Thread(target=open_when_refused, args=(door, shop), daemon=True).start()
    result = run(shop, instance)
    assert result.success
    assert count(result, dg.DagsterEventType.STEP_UP_FOR_RETRY) == 1
    assert count(result, dg.DagsterEventType.STEP_RESTARTED) == 1
    assert statuses(shop, "deals") == statuses(shop, "things") == ["failed", "loaded"]
    assert shop.query("select count(*), count(distinct id) from {shop.deals}") == [(5, 5)]
    assert shop.query("select count(*), count(distinct id) from {shop.things}") == [(3, 3)]
    assert check_passed(result) == {"deals": True, "things": True}


def test_tables_that_were_loaded_are_not_loaded_again(
    server: str, shop: Installation, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line is cut when the second table is asked for."""
    door = Door(server, slam_at=b"FROM retry_things")
    door.open()
    monkeypatch.setenv("SHOP_URL", f"postgresql://owner:{PASSWORD}@127.0.0.1:{door.port}/postgres")
    result = run(shop, instance)
    assert result.success
    assert count(result, dg.DagsterEventType.STEP_UP_FOR_RETRY) == 1
    assert statuses(shop, "things") == ["failed", "loaded"]
    assert statuses(shop, "deals") == ["loaded"]
    assert shop.query("select count(*) from {shop.deals}") == [(5,)]
    rows = {
        event.asset_key.path[-1]: event.materialization.metadata["rows_loaded"].value
        for event in result.get_asset_materialization_events()
        if event.asset_key is not None
    }
    assert rows == {"deals": "5", "things": "3"}, "the run tells of both attempts"


def test_a_source_that_says_no_is_not_asked_again(
    server: str, shop: Installation, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_URL", f"postgresql://owner:wrong@{server}")
    result = run(shop, instance)
    assert result.success, "the other sources of a run must go on"
    assert count(result, dg.DagsterEventType.STEP_UP_FOR_RETRY) == 0
    assert statuses(shop, "deals") == ["failed"]
    assert check_passed(result) == {"deals": False, "things": False}


def test_a_source_that_stays_away_is_given_up(
    server: str, shop: Installation, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dagster_project.defs.ingestion.BACK_OFF_SECONDS", 0)
    door = Door(server)
    monkeypatch.setenv("SHOP_URL", f"postgresql://owner:{PASSWORD}@127.0.0.1:{door.port}/postgres")
    result = run(shop, instance)
    assert result.success
    assert count(result, dg.DagsterEventType.STEP_UP_FOR_RETRY) == RETRIES
    assert statuses(shop, "deals") == ["failed"] * (RETRIES + 1)
    assert check_passed(result) == {"deals": False, "things": False}
