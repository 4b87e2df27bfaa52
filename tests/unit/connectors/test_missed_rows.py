"""Rows that a source holds and no load brought: which are read for, when, and how often."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.connectors.sql_database.reader import SqlReader
from tests.unit.connectors.loading import Installation, execute
from tests.unit.connectors.rest_server import Call, Orders, rest_server

SQL = """
[[source]]
system = "shop"
kind = "sql"
url = "sqlite:///{here}/data/shop.sqlite"
  [[source.table]]
  name = "deals"
  load = "incremental"
  cursor = "changed_at"
  primary_key = "id"
  overlap_seconds = 0
"""
REST = """
[[source]]
system = "shop"
kind = "rest"
url = "{url}"
  [[source.table]]
  name = "orders"
  rows = "data"
  primary_key = "id"
  load = "incremental"
  cursor = "updated_at"
  params = { since = "{since}" }
  overlap_seconds = 5
  sweep = "every_load"
  paging = { style = "page", size = 10, size_param = "size" }
"""
AGAIN = "was read whole again"


@pytest.fixture
def database(shop: Installation) -> Path:
    """Ten rows, one a day; the database counts as one that shows rows and keys of one moment."""
    path = shop.data / "shop.sqlite"
    execute(
        path,
        "create table deals (id integer primary key, amount integer, changed_at timestamp)",
        ("insert into deals values (?, ?, ?)", [(n, n, f"2025-01-{n:02}") for n in range(1, 11)]),
    )
    shop.sources(SQL)
    return path


@pytest.fixture
def one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SqlReader, "reads_one_moment", True)


def add(database: Path, number: int, amount: object, day: int) -> None:
    execute(
        database,
        ("insert or replace into deals values (?, ?, ?)", [(number, amount, f"2025-02-{day:02}")]),
    )


def test_key_that_a_list_skipped_is_not_buried_for_ever(shop: Installation) -> None:
    orders = Orders(12)
    hidden: set[int] = set()

    def listed(call: Call) -> object:
        answer = orders(call)
        if "since" not in call.params:
            answer["data"] = [row for row in answer["data"] if row["id"] not in hidden]
        return answer

    with rest_server() as server:
        server.routes["/orders"] = listed
        shop.sources(REST.replace("{url}", server.url))
        shop.load()
        hidden.add(3)
        assert shop.load()["orders"].rows_deleted == 1
        hidden.clear()
        # Once may be a row that came in between: rows and keys are of two moments.
        receipt = shop.load()["orders"]
        assert (receipt.rows_gap, receipt.rows_loaded) == (1, 0)
        calls = len(server.calls)
        receipt = shop.load()["orders"]
        assert (receipt.rows_gap, receipt.rows_loaded) == (0, 1)
        assert receipt.count_calls == len(server.calls) - calls
        assert AGAIN in receipt.message_en and "整表重读" in receipt.message_zh
        assert len(shop.current("orders", "id", "id")) == 12
        assert shop.load()["orders"].status == "unchanged"


def test_rows_that_no_reading_brings_are_read_for_once(
    shop: Installation, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(database, 11, "many", 1)
    shop.load()
    add(database, 12, 12, 2)
    whole = SqlReader.extract
    fulls: list[bool] = []

    def extract(self: SqlReader, *args: object, full: bool) -> object:
        fulls.append(full)
        # What row-level rules may do: the key is listed, the row is not shown.
        extracted = whole(self, *args, full=full)  # type: ignore[arg-type]
        return extracted

    monkeypatch.setattr(SqlReader, "extract", extract)
    keys = SqlReader.read_keys

    def read_keys(self: SqlReader, *args: object) -> object:
        execute(database, "insert into deals values (99, 1, '2024-01-01')")
        try:
            return keys(self, *args)  # type: ignore[arg-type]
        finally:
            execute(database, "delete from deals where id = 99")

    monkeypatch.setattr(SqlReader, "read_keys", read_keys)
    gaps = [shop.load()["deals"].rows_gap for _ in range(4)]
    assert gaps == [2, 2, 2, 2]
    assert fulls == [False, False, True, False, False]


@pytest.mark.usefixtures("one_moment")
def test_late_row_is_read_for_at_once_and_a_quarantined_one_never(
    shop: Installation, database: Path
) -> None:
    add(database, 11, "many", 1)
    first = shop.load()["deals"]
    assert (first.rows_loaded, first.rows_rejected) == (10, 1)
    add(database, 12, "more", 2)
    for received in (2, 1):
        # The day of the cursor is read again; on the second load it is that of row 12 alone.
        receipt = shop.load()["deals"]
        assert AGAIN not in receipt.message_en
        assert receipt.rows_received == received
    add(database, 13, 13, 3)
    assert shop.load()["deals"].rows_received == 2
    execute(database, "insert into deals values (14, 14, '2025-01-01')")
    receipt = shop.load()["deals"]
    assert AGAIN in receipt.message_en
    assert "1 rows of the source" in receipt.message_en
    assert len(shop.current("deals", "id", "id")) == 12


@pytest.mark.usefixtures("one_moment")
def test_quarantined_row_is_known_by_the_next_comparison_however_late(
    shop: Installation, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sources(SQL + '  sweep = "daily"\n')
    shop.load()
    shop.load()
    add(database, 11, "many", 1)
    assert shop.load()["deals"].rows_rejected == 1
    add(database, 12, 12, 2)
    shop.load()
    shop.sources(SQL + '  sweep = "every_load"\n')
    receipt = shop.load()["deals"]
    assert (receipt.rows_gap, AGAIN in receipt.message_en) == (1, False)


def test_row_that_came_during_a_whole_reading_is_not_given_up(
    shop: Installation, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time is behind the cursor, so nothing but its key tells that it is missing."""
    shop.load()
    keys = SqlReader.read_keys
    late = ["insert into deals values (11, 11, '2025-01-01')"]

    def read_keys(self: SqlReader, *args: object) -> object:
        if late:
            execute(database, late.pop())
        return keys(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(SqlReader, "read_keys", read_keys)
    assert shop.load(full=True)["deals"].rows_gap == 1
    receipt = shop.load()["deals"]
    assert (receipt.rows_gap, receipt.rows_loaded, AGAIN in receipt.message_en) == (0, 1, True)
