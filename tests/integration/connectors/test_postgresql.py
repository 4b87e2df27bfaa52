"""A real PostgreSQL server: credentials, types, late commits, deletes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from dagster_project.connectors.kinds import Window
from dagster_project.connectors.sources_file import SqlSource, load_sources
from dagster_project.connectors.sql_database.reader import open_source
from tests.unit.connectors.loading import Installation

pytestmark = pytest.mark.integration

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
SOURCE = """
[[source]]
system = "shop"
kind = "sql"
url_env = "SHOP_URL"
time_zone = "Asia/Shanghai"
  [[source.table]]
  name = "deals"
  load = "incremental"
  cursor = ["write_date", "create_date"]
  primary_key = "id"
  [[source.table]]
  name = "things"
  schema = "other"
  table = "Thing"
"""


@pytest.fixture
def database(
    server: str, shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> Iterator[sa.Connection]:
    """A connection to fresh tables; the source's variable names the same database."""
    url = f"postgresql://owner:s3cret%2F%40word@{server}"
    monkeypatch.setenv("SHOP_URL", url)
    engine = sa.create_engine(url.replace("://", "+psycopg2://"), poolclass=sa.pool.NullPool)
    shop.sources(SOURCE)
    with engine.connect() as connection:
        connection.execute(
            sa.text(
                """
                drop table if exists deals;
                drop schema if exists other cascade;
                create schema other;
                create table deals (
                    id bigint primary key, name text,
                    create_date timestamp, write_date timestamp
                );
                create table other."Thing" (
                    "Key" uuid, price numeric(12, 2), loose numeric, seen timestamptz, day date,
                    at time, tags text[], data jsonb, span interval, bytes bytea, ratio real,
                    is_open boolean
                );
                """
            )
        )
        connection.commit()
        yield connection


def test_types_of_postgresql_keep_their_values(database: sa.Connection, shop: Installation) -> None:
    database.execute(
        sa.text(
            """
            insert into other."Thing" values (
                '00000000-0000-0000-0000-000000000001', 1234567890.12, 0.123456789012,
                '2025-01-31 09:30:00+08', '2025-01-31', '08:30', array['甲', 'b'],
                '{"k": [1, null]}', interval '1 day 2 hours', '\\x00ff', 1.5, true
            ), (null, null, null, null, null, null, null, null, null, null, null, null)
            """
        )
    )
    database.commit()
    receipt = shop.load(tables=["things"])["things"]
    assert receipt.message_en == ""
    assert receipt.rows_loaded == 2
    first, second = shop.rows(
        "things",
        '"Key", price::varchar, loose::varchar, seen::varchar, day::varchar, "at"::varchar, tags, '
        "data, span, bytes, ratio, is_open",
    )[::-1]
    assert first == (None,) * 12 or second == (None,) * 12
    values = second if first == (None,) * 12 else first
    assert values == (
        "00000000-0000-0000-0000-000000000001", "1234567890.12", "0.123456789012000000",
        "2025-01-31 01:30:00", "2025-01-31", "08:30:00", '["甲", "b"]', '{"k": [1, null]}',
        "1 day 02:00:00", b"\x00\xff", 1.5, True,
    )  # fmt: skip


def test_late_commit_is_found_by_the_overlap(database: sa.Connection, shop: Installation) -> None:
    insert = "insert into deals values (:id, :id, :created, :written)"

    def add(connection: sa.Connection, number: int, created: str, written: str | None) -> None:
        values = {"id": number, "created": created, "written": written}
        connection.execute(sa.text(insert), values)

    with database.engine.connect() as slow:
        # Begun first, committed last: its clock holds the time of its begin.
        add(slow, 1, "2025-01-01 09:59:00", None)
        add(database, 2, "2025-01-01 10:00:00", None)
        add(database, 3, "2025-01-01 08:00:00", "2025-01-01 10:00:30")
        database.commit()
        first = shop.load(tables=["deals"])["deals"]
        assert (first.rows_loaded, first.cursor_to) == (2, "2025-01-01 10:00:30")
        slow.commit()
    second = shop.load(tables=["deals"])["deals"]
    assert (second.rows_received, second.rows_loaded) == (3, 1)
    database.execute(sa.text("delete from deals where id = 2"))
    database.commit()
    third = shop.load(tables=["deals"])["deals"]
    assert (third.rows_loaded, third.rows_deleted) == (0, 1)
    assert shop.current("deals", "id", "id, create_date::varchar") == [
        (1, "2025-01-01 01:59:00"),
        (3, "2025-01-01 00:00:00"),
    ]


def test_wrong_password_is_told_without_it(
    database: sa.Connection, server: str, shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_URL", f"postgresql://owner:hunter2@{server}")
    receipts = shop.load()
    assert {receipt.status for receipt in receipts.values()} == {"failed"}
    for receipt in receipts.values():
        assert "password authentication failed" in receipt.message_en
        assert "SHOP_URL" in receipt.remedy_en and "SHOP_URL" in receipt.remedy_zh
        assert not receipt.is_transient
        assert "hunter2" not in receipt.model_dump_json()


def test_one_table_without_rights_does_not_stop_the_other(
    database: sa.Connection, server: str, shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.execute(
        sa.text(
            "drop role if exists reader; create role reader login password 'pw'; "
            'grant usage on schema other to reader; grant select on other."Thing" to reader'
        )
    )
    database.commit()
    monkeypatch.setenv("SHOP_URL", f"postgresql://reader:pw@{server}")
    receipts = shop.load()
    assert "permission denied" in receipts["deals"].message_en
    assert receipts["things"].status == "loaded"
    database.execute(sa.text("drop owned by reader; drop role reader"))
    database.commit()


def only(shop: Installation, table: str) -> None:
    """Let the source have one table, read by its cursor."""
    head = SOURCE.split("  [[source.table]]")[0]
    key = 'load = "incremental"\nprimary_key = "id"\n'
    shop.sources(f"{head}[[source.table]]\n{key}{table}")


def test_exact_numbers_of_a_cursor_are_compared_as_numbers(
    database: sa.Connection, shop: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="dagster_project.connectors")
    database.execute(
        sa.text(
            "drop table if exists counts; "
            "create table counts (id bigint primary key, version numeric(20, 0)); "
            "insert into counts select n, n from generate_series(1, 12) as n"
        )
    )
    database.commit()
    only(shop, 'name = "counts"\ncursor = "version"\noverlap_numbers = 2\n')
    assert shop.load()["counts"].cursor_to == "12"
    receipt = shop.load()["counts"]
    assert (receipt.cursor_from, receipt.rows_received) == ("10", 3)
    assert "row by row" not in caplog.text


def test_span_is_meant_in_the_zone_of_the_source(
    database: sa.Connection, shop: Installation
) -> None:
    database.execute(
        sa.text(
            "drop table if exists moments; "
            "create table moments (id bigint primary key, changed_at timestamptz); "
            "insert into moments values (1, '2025-01-31 00:30+08'), (2, '2025-01-31 23:30+08'), "
            "(3, '2025-02-03 12:00+08')"
        )
    )
    database.commit()
    only(shop, 'name = "moments"\ncursor = "changed_at"\n')
    shop.load()
    receipt = shop.load(window=Window("2025-01-31", "2025-02-01"))["moments"]
    assert receipt.rows_received == 2, receipt.message_en


def test_connection_that_keeps_the_moment_may_be_idle(
    server: str, shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = "options=-c%20idle_in_transaction_session_timeout%3D60000"
    monkeypatch.setenv("SHOP_URL", f"postgresql://owner:s3cret%2F%40word@{server}?{options}")
    shop.sources(SOURCE)
    source = load_sources(shop.settings).source("shop")
    assert isinstance(source, SqlSource)
    with open_source(source) as reader:
        shown = reader._connection.execute(sa.text("show idle_in_transaction_session_timeout"))
        assert shown.scalar() == "0"
