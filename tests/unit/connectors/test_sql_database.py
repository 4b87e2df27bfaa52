"""SQL sources on SQLite: incremental, snapshot, drift, deletes, and what cannot be read."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dagster_project.connectors import duck, load
from dagster_project.connectors.problems import without_secrets
from dagster_project.connectors.sources_file import SourcesFileError
from tests.unit.connectors.loading import Installation, execute

SOURCE = """
[[source]]
system = "shop"
kind = "sql"
url = "sqlite:///{here}/data/shop.sqlite"
time_zone = "Asia/Shanghai"
  [[source.table]]
  name = "deals"
"""
INCREMENTAL = (
    'load = "incremental"',
    'cursor = ["updated_at", "created_at"]',
    'primary_key = ["id"]',
)
CREATE = (
    "create table deals (id integer primary key, name text, amount decimal(12, 2), "
    "is_open boolean, created_at timestamp, updated_at timestamp)"
)


@pytest.fixture
def database(shop: Installation) -> Path:
    path = shop.data / "shop.sqlite"
    execute(path, CREATE)
    return path


def configure(shop: Installation, *lines: str) -> None:
    shop.sources(SOURCE + "\n".join(lines))


def insert(database: Path, *rows: tuple[object, ...]) -> None:
    execute(database, ("insert or replace into deals values (?, ?, ?, ?, ?, ?)", rows))


def test_types_and_zone(shop: Installation, database: Path) -> None:
    configure(shop)
    insert(database, (1, "甲", 19.99, 1, "2025-01-31 09:30:00", None))
    receipt = shop.load()["deals"]
    assert (receipt.status, receipt.rows_loaded, receipt.kind) == ("loaded", 1, "sql")
    # A snapshot is as new as the moment it was taken, also when it brought nothing new.
    again = shop.load()["deals"]
    for loaded in (receipt, again):
        assert loaded.newest_at is not None
        taken_at = loaded.newest_at.replace(tzinfo=UTC)
        assert loaded.started_at <= taken_at <= loaded.finished_at
    assert again.status == "unchanged"
    columns = "id, name, amount, is_open, created_at::varchar, updated_at, _source_row"
    assert shop.rows("deals", columns) == [
        (1, "甲", 19.99, True, "2025-01-31 01:30:00", None, None)
    ]


def test_times_finer_than_a_microsecond_are_set_apart_or_cut(
    shop: Installation, database: Path
) -> None:
    """.NET keeps seven digits; SQLite holds the text that it was given."""
    configure(shop, *INCREMENTAL)
    insert(
        database,
        (1, "甲", 1, 1, "2025-01-31 09:30:00.1234560", "2025-01-31 09:30:00.1234560"),
        (2, "乙", 1, 1, "2025-01-31 09:30:00.1234567", "2025-01-31 09:30:00.1234567"),
    )
    receipt = shop.load()["deals"]
    assert (receipt.rows_received, receipt.rows_loaded, receipt.rows_rejected) == (2, 1, 1)
    ((raw, reason),) = shop.query("select raw_text, reason_en from {ops.quarantined_rows}")
    assert ".1234567" in raw and "finer than a microsecond" in reason

    configure(shop, *INCREMENTAL, 'finer_times = "cut"')
    receipt = shop.load(full=True)["deals"]
    assert (receipt.rows_received, receipt.rows_rejected) == (2, 0)
    assert shop.rows("deals", "distinct created_at::varchar") == [("2025-01-31 01:30:00.123456",)]


def test_increment_reads_rows_without_a_cursor_and_late_commits(
    shop: Installation, database: Path
) -> None:
    configure(shop, *INCREMENTAL)
    insert(
        database,
        (1, "a", 1, 1, "2025-01-01 08:00:00", "2025-01-01 10:00:00"),
        (2, "b", 1, 1, "2025-01-01 09:59:00", None),  # never updated: created_at counts
        (3, "no time at all", 1, 1, None, None),
    )
    first = shop.load()["deals"]
    assert (first.rows_loaded, first.cursor_to) == (3, "2025-01-01 10:00:00")
    assert first.newest_at is not None
    assert first.newest_at.isoformat() == "2025-01-01T02:00:00"
    assert shop.load()["deals"].status == "unchanged"
    insert(
        database,
        (4, "started before, committed after", 1, 1, "2025-01-01 09:58:30", None),
        (5, "also without time", 1, 1, None, None),
        (6, "new", 1, 1, "2025-01-01 10:00:00", None),  # the same second as the cursor
        (1, "changed", 1, 0, "2025-01-01 08:00:00", "2025-01-02 10:00:00"),
    )
    second = shop.load()["deals"]
    assert second.cursor_from == "2025-01-01 09:58:00"
    assert second.rows_loaded == 4
    assert shop.current("deals", "id", "id, name") == [
        (1, "changed"),
        (2, "b"),
        (3, "no time at all"),
        (4, "started before, committed after"),
        (5, "also without time"),
        (6, "new"),
    ]
    assert shop.load()["deals"].status == "unchanged"


def test_increment_without_a_key_never_doubles_a_row(shop: Installation, database: Path) -> None:
    configure(shop, *INCREMENTAL[:2])
    execute(
        database,
        "drop table deals",
        "create table deals (name text, created_at text, updated_at text)",
    )
    row = ("insert into deals values (?, ?, null)", [("a", "2025-01-01T10:00:00")] * 2)
    execute(database, row)
    assert shop.load()["deals"].rows_loaded == 2  # two equal rows are two rows
    execute(database, row)
    assert shop.load()["deals"].rows_loaded == 2
    assert shop.load()["deals"].status == "unchanged"
    assert shop.load(full=True)["deals"].rows_loaded == 0
    execute(database, "alter table deals add column note text")
    execute(database, ("insert into deals values (?, ?, null, ?)", [("b", "2025-01-02", "n")]))
    receipt = shop.load()["deals"]
    assert (receipt.rows_received, receipt.rows_loaded) == (5, 1)
    with pytest.MonkeyPatch.context() as patch:  # another version of the hash function
        patch.setattr(duck, "VERSION", "0.0.0")
        assert shop.load()["deals"].status == "unchanged"
    assert shop.query("select count(*) from {shop.deals}") == [(5,)]


def test_integer_cursor(shop: Installation, database: Path) -> None:
    lines = ('load = "incremental"', 'cursor = "id"', 'primary_key = "id"', "overlap_numbers = 0")
    configure(shop, *lines)
    insert(database, (1, "a", 1, 1, None, None), (2, "b", 1, 1, None, None))
    assert shop.load()["deals"].cursor_to == "2"
    insert(database, (3, "c", 1, 1, None, None))
    receipt = shop.load()["deals"]
    assert (receipt.cursor_from, receipt.rows_received, receipt.rows_loaded) == ("2", 2, 1)


def test_number_that_was_committed_late_is_found(shop: Installation, database: Path) -> None:
    lines = ('load = "incremental"', 'cursor = "id"')
    configure(shop, *lines)
    insert(database, (1, "a", 1, 1, None, None), (2000, "b", 1, 1, None, None))
    assert shop.load()["deals"].rows_loaded == 2
    insert(database, (999, "too late", 1, 1, None, None), (1999, "late", 1, 1, None, None))
    receipt = shop.load()["deals"]
    assert (receipt.rows_received, receipt.rows_loaded, receipt.cursor_from) == (2, 1, "1000")
    configure(shop, *lines, "overlap_numbers = 1500")
    assert shop.load()["deals"].rows_loaded == 1, "a wider overlap doubles no row, without a key"
    assert shop.rows("deals", "name") == [("a",), ("b",), ("late",), ("too late",)]


@pytest.mark.parametrize("load", [(), INCREMENTAL])
def test_deleted_rows_become_tombstones(
    shop: Installation, database: Path, load: tuple[str, ...]
) -> None:
    configure(shop, 'primary_key = ["id"]', "shrink_ratio = 0", *load[:2])
    for number in range(4):
        insert(database, (number, "a", 1, 1, f"2025-01-0{number + 1} 10:00:00", None))
    shop.load()
    execute(database, "delete from deals where id in (0, 3)")
    receipt = shop.load()["deals"]
    assert (receipt.status, receipt.rows_loaded, receipt.rows_deleted) == ("loaded", 0, 2)
    assert shop.current("deals", "id", "id") == [(1,), (2,)]
    assert shop.query(
        "select id, name, created_at from {shop.deals} where _is_deleted order by id"
    ) == [(0, None, None), (3, None, None)]
    insert(database, (3, "a", 1, 1, "2025-01-04 10:00:00", None))  # exactly as it was
    shop.load()
    assert shop.current("deals", "id", "id") == [(1,), (2,), (3,)]


def test_value_of_another_type_goes_to_quarantine(shop: Installation, database: Path) -> None:
    configure(shop, *INCREMENTAL)
    insert(
        database,
        (1, "a", 5, 1, "2025-01-01 10:00:00", None),
        (2, "b", "gratis", 1, "2025-01-01 10:00:00", None),
        (3, "c", 7, "maybe", "2025-01-01 10:00:00", None),
    )
    receipt = shop.load()["deals"]
    assert (receipt.rows_received, receipt.rows_loaded, receipt.rows_rejected) == (3, 1, 2)
    reasons = shop.quarantined("reason_code, reason_en, raw_text")
    assert [reason[0] for reason in reasons] == ["type_changed", "type_changed"]
    assert 'column "amount": expected number, found text' in reasons[0][1]
    assert '"name": "b"' in reasons[0][2]


def test_frozen_type_survives_a_changed_declaration(shop: Installation, database: Path) -> None:
    configure(shop, 'primary_key = "id"')
    insert(database, (1, "a", 5, 1, None, None))
    shop.load()
    execute(
        database,
        "alter table deals rename to old",
        CREATE.replace("amount decimal(12, 2)", "amount text"),
        "insert into deals select id, name, 'dear', is_open, null, null from old",
        ("insert into deals values (?, ?, ?, ?, ?, ?)", [(2, "b", "x", 1, None, None)]),
    )
    receipt = shop.load()["deals"]
    assert receipt.rows_rejected == 2
    assert '"column": "amount", "change": "type", "from": "number", "to": "text"' in (
        receipt.schema_changes
    )
    assert shop.query("select distinct typeof(amount) from {shop.deals}") == [("DOUBLE",)]


def test_query_and_added_column(shop: Installation, database: Path) -> None:
    configure(shop, 'query = "select id as deal, upper(name) as title from deals;"')
    insert(database, (1, "a", 5, 1, None, None))
    assert shop.load()["deals"].rows_loaded == 1
    assert shop.rows("deals", "deal, title") == [(1, "A")]


@pytest.mark.parametrize(
    ("lines", "message", "remedy"),
    [
        (('table = "deal"',), 'no table "deal"', "deals"),
        (('query = "select colour from deals"',), "no such column: colour", "query"),
        (('primary_key = "key"',), '`primary_key` names the column "key"', "id, name"),
        (
            ('load = "incremental"', 'cursor = "changed"'),
            '`cursor` names the column "changed"',
            "created_at",
        ),
        (
            (*INCREMENTAL, 'deletes = "flag"', 'deleted_flag = "gone"'),
            '`deleted_flag` names the column "gone"',
            "is_open",
        ),
    ],
)
def test_wrong_names_are_told(
    shop: Installation, database: Path, lines: tuple[str, ...], message: str, remedy: str
) -> None:
    configure(shop, *lines)
    receipt = shop.load()["deals"]
    assert receipt.status == "failed"
    assert message in receipt.message_en
    assert remedy in receipt.remedy_en
    assert receipt.message_zh and receipt.remedy_zh


def test_missing_database_is_not_created(shop: Installation) -> None:
    configure(shop)
    receipt = shop.load()["deals"]
    assert "no database file" in receipt.message_en
    assert list(shop.data.iterdir()) == []


def test_missing_variable_and_bad_url_are_told_without_the_secret(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sources(
        SOURCE.replace('url = "sqlite:///{here}/data/shop.sqlite"', 'url_env = "SHOP_URL"')
    )
    monkeypatch.delenv("SHOP_URL", raising=False)
    assert "SHOP_URL is not set" in shop.load()["deals"].message_en
    monkeypatch.setenv("SHOP_URL", "hunter2")
    receipt = shop.load()["deals"]
    assert "holds no database URL" in receipt.message_en
    assert "hunter2" not in receipt.model_dump_json()


def test_unreachable_server_is_transient_and_masks_the_password(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sources(
        SOURCE.replace('url = "sqlite:///{here}/data/shop.sqlite"', 'url_env = "SHOP_URL"')
    )
    for kind in ("postgresql", "mysql"):
        monkeypatch.setenv("SHOP_URL", f"{kind}://reader:hunter2@127.0.0.1:1/shop")
        receipt = shop.load()["deals"]
        assert (receipt.status, receipt.is_transient) == ("failed", True)
        assert "hunter2" not in receipt.model_dump_json()


def test_secrets_are_masked_in_every_form() -> None:
    text = "cannot reach postgresql://u:p%40ss@h/d with p@ss, nor x://u:other@h"
    assert "p%40ss" not in without_secrets(text, ["p@ss"])
    assert "p@ss" not in without_secrets(text, ["p@ss"])
    assert "other" not in without_secrets(text)


def test_changed_settings_of_a_table_read_it_again(shop: Installation, database: Path) -> None:
    insert(database, (1, "a", 1, 1, "2025-01-01 10:00:00", None))
    configure(shop, *INCREMENTAL)
    shop.load()
    insert(database, (2, "b", 1, 1, "2024-01-01 10:00:00", None))
    assert shop.load()["deals"].rows_loaded == 0  # far behind the cursor
    configure(shop, *INCREMENTAL[:1], 'cursor = "created_at"', *INCREMENTAL[2:])
    assert shop.load()["deals"].rows_loaded == 1
    assert shop.current("deals", "id", "id") == [(1,), (2,)]


def test_delete_that_an_insert_balances_is_found(shop: Installation, database: Path) -> None:
    configure(shop, *INCREMENTAL)
    insert(database, (1, "a", 1, 1, "2025-01-01 10:00:00", None))
    shop.load()
    execute(database, "delete from deals")
    insert(database, (2, "b", 1, 1, "2020-01-01 10:00:00", None))  # far behind the cursor
    receipt = shop.load()["deals"]
    assert receipt.rows_deleted == 1
    assert receipt.rows_gap == 1, "and the row that no cursor will ever bring is counted"


@pytest.mark.parametrize(
    ("schedule", "later", "is_found"),
    [
        ("daily", timedelta(hours=1), False),
        ("daily", timedelta(days=1), True),
        ("weekly", timedelta(days=1), False),
        ("weekly", timedelta(days=7), True),
    ],
)
def test_keys_are_compared_on_their_schedule(
    shop: Installation,
    database: Path,
    monkeypatch: pytest.MonkeyPatch,
    schedule: str,
    later: timedelta,
    is_found: bool,
) -> None:
    configure(shop, *INCREMENTAL, f'sweep = "{schedule}"')
    insert(database, (1, "a", 1, 1, "2025-01-01 10:00:00", None))
    insert(database, (2, "b", 1, 1, "2025-01-01 10:00:00", None))
    now = datetime(2026, 6, 2, 12, tzinfo=UTC)  # a Tuesday
    monkeypatch.setattr(load, "utc_now", lambda: now)
    shop.load()
    shop.load()
    execute(database, "delete from deals where id = 2")
    monkeypatch.setattr(load, "utc_now", lambda: now + later)
    assert shop.load()["deals"].rows_deleted == is_found


@pytest.mark.parametrize(
    ("lines", "deleted"),
    [
        (('deletes = "flag"', 'deleted_flag = "is_open"', 'deleted_values = "false"'), [(1,)]),
        (('deletes = "history"', 'deleted_query = "select id from gone"'), [(2,)]),
        (('deletes = "none"',), []),
    ],
)
def test_source_tells_its_deletes(
    shop: Installation, database: Path, lines: tuple[str, ...], deleted: list[tuple[int]]
) -> None:
    configure(shop, *INCREMENTAL, *lines)
    execute(database, "create table gone (id integer)")
    for number in (1, 2, 3):
        insert(database, (number, "a", 1, 1, f"2025-01-0{number} 10:00:00", None))
    shop.load()
    insert(database, (1, "a", 1, 0, "2025-01-01 10:00:00", "2025-01-05 10:00:00"))
    # Number 3 was deleted once, and is there again.
    execute(database, "delete from deals where id = 2", "insert into gone values (2), (3)")
    receipt = shop.load()["deals"]
    assert (receipt.rows_loaded, receipt.rows_merged) == (1, 1)
    assert shop.query("select id from {shop.deals} where _is_deleted") == deleted
    assert shop.load(full=True)["deals"].rows_loaded == 0
    assert shop.query("select id from {shop.deals} where _is_deleted") == deleted


def test_history_that_lists_most_rows_as_deleted_is_held_back_until_confirmed(
    shop: Installation, database: Path
) -> None:
    lines = ('deletes = "history"', 'deleted_query = "select id from gone"')
    configure(shop, *INCREMENTAL, *lines)
    execute(database, "create table gone (id integer)")
    insert(database, *((n, "a", 1, 1, "2025-01-01 10:00:00", None) for n in range(20)))
    shop.load()
    few = [(n,) for n in range(3)]
    execute(database, "delete from deals where id < 3", ("insert into gone values (?)", few))
    assert shop.load()["deals"].rows_deleted == 3
    insert(database, *((n, "b", 1, 1, "2025-01-02 10:00:00", None) for n in range(100, 103)))
    shop.load()
    most = [(n,) for n in range(3, 19)]
    execute(database, "delete from deals where id < 19", ("insert into gone values (?)", most))
    for _ in range(2):
        receipt = shop.load()["deals"]
        assert (receipt.status, receipt.rows_deleted) == ("held_back", 0)
    assert len(shop.current("deals", "id", "id")) == 20
    assert shop.load(confirm=True)["deals"].rows_deleted == 16
    assert shop.current("deals", "id", "id") == [(19,), (100,), (101,), (102,)]


def test_table_that_seems_empty_is_held_back_however_few_rows_it_had(
    shop: Installation, database: Path
) -> None:
    configure(shop, *INCREMENTAL)
    insert(database, *((n, "a", 1, 1, "2025-01-01 10:00:00", None) for n in range(3)))
    shop.load()
    execute(database, "delete from deals where id > 0")
    assert shop.load()["deals"].rows_deleted == 2, "of few rows most may go"
    execute(database, "delete from deals")
    assert shop.load()["deals"].status == "held_back"
    assert shop.load(confirm=True)["deals"].rows_deleted == 1


def test_rows_that_a_snapshot_without_a_key_has_lost_are_counted(
    shop: Installation, database: Path
) -> None:
    configure(shop)
    insert(database, *((n, "a", 1, 1, None, None) for n in range(10)))
    assert shop.load()["deals"].rows_deleted == 0
    execute(database, "delete from deals where id < 2")
    assert shop.load()["deals"].rows_deleted == 2
    insert(database, (1, "back", 1, 1, None, None))
    assert shop.load()["deals"].rows_deleted == 0


def test_first_load_without_rows_says_so(shop: Installation, database: Path) -> None:
    configure(shop)
    receipt = shop.load()["deals"]
    assert "no row" in receipt.message_en and "任何行" in receipt.message_zh
    insert(database, (1, "a", 1, 1, None, None))
    assert shop.load()["deals"].message_en == ""


def test_receipt_tells_rejected_rows_by_reason(shop: Installation, database: Path) -> None:
    configure(shop, *INCREMENTAL)
    insert(database, (1, "a", 1, 1, "2025-01-01 10:00:00", None))
    assert shop.load()["deals"].rejected_reasons == "{}"
    execute(
        database,
        "drop table deals",
        CREATE.replace(" primary key", ""),
        (
            "insert into deals values (?, ?, ?, ?, ?, ?)",
            [
                (None, "no key", 1, 1, "2025-01-02 10:00:00", None),
                (None, "no key", 2, 1, "2025-01-02 10:00:00", None),
                (3, "no time", 1, 1, "yesterday", None),
                (2, "fine", 1, 1, "2025-01-02 10:00:00", None),
            ],
        ),
    )
    receipt = shop.load()["deals"]
    reasons = json.loads(receipt.rejected_reasons)
    assert sum(reasons.values()) == receipt.rows_rejected == 3
    assert reasons["missing_key"] == 2 and next(iter(reasons)) == "missing_key"
    stored = shop.query("select rejected_reasons from {ops.receipts} order by load_id")
    assert [json.loads(text) for (text,) in stored] == [{}, reasons]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (('deletes = "flag"',), "deleted_flag"),
        (('deleted_flag = "gone"',), "deleted_flag"),
        (('deletes = "history"',), "deleted_query"),
        (('deletes = "archived"',), "archived"),
    ],
)
def test_ways_of_telling_deletes_that_do_not_fit_are_refused(
    shop: Installation, lines: tuple[str, ...], told: str
) -> None:
    configure(shop, *INCREMENTAL, *lines)
    with pytest.raises(SourcesFileError, match=told):
        shop.load()


def test_cursor_in_the_future_hides_nothing(shop: Installation, database: Path) -> None:
    configure(shop, *INCREMENTAL)
    insert(database, (1, "mistyped", 1, 1, "9999-01-01 10:00:00", None))
    first = shop.load()["deals"]
    assert "future" in first.message_en and "未来" in first.message_zh
    now = datetime.now(ZoneInfo("Asia/Shanghai")).replace(tzinfo=None)
    insert(database, (2, "later", 1, 1, now.isoformat(" ", "seconds"), None))
    receipt = shop.load()["deals"]
    assert (receipt.rows_loaded, receipt.rows_received) == (1, 2)


def test_numbers_with_a_point_have_an_overlap_too(shop: Installation, database: Path) -> None:
    configure(shop, 'load = "incremental"', 'cursor = "amount"', "overlap_numbers = 5")
    insert(database, (1, "a", 100.5, 1, None, None))
    shop.load()
    insert(database, (2, "late", 96.5, 1, None, None), (3, "too late", 94.5, 1, None, None))
    assert shop.load()["deals"].rows_loaded == 1


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        ("mssql+pymssql://u:p@h/d", "pymssql", "sqlserver"),
        ("oracle+oracledb://u:p@h/d", "oracledb", "oracle"),
        ("dm+dmPython://u:p@h:5236", "dmPython", "dameng"),
    ],
)
def test_missing_driver_is_told_with_what_brings_it(
    shop: Installation, monkeypatch: pytest.MonkeyPatch, url: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    shop.sources(
        SOURCE.replace('url = "sqlite:///{here}/data/shop.sqlite"', 'url_env = "SHOP_URL"')
    )
    for written in (url, url.split("+")[0] + url[url.index("://") :]):
        monkeypatch.setenv("SHOP_URL", written)
        receipt = shop.load()["deals"]
        assert receipt.status == "failed" and not receipt.is_transient
        assert "driver" in receipt.message_en
        assert f"[{extra}]" in receipt.remedy_en and f"[{extra}]" in receipt.remedy_zh


def test_counter_that_began_anew_is_followed_once_the_table_was_read_whole(
    shop: Installation, database: Path
) -> None:
    configure(shop, 'load = "incremental"', 'cursor = "id"', 'primary_key = "id"')
    insert(database, (5000, "before the restore", 1, 1, None, None))
    shop.load()
    execute(database, "delete from deals")
    insert(database, (1, "after it", 1, 1, None, None))
    assert shop.load(full=True)["deals"].cursor_to == "1"
    insert(database, (2, "later", 1, 1, None, None))
    assert shop.load()["deals"].rows_loaded == 1
    assert shop.current("deals", "id", "id") == [(1,), (2,)]


def test_query_whose_rows_are_all_gone_is_still_loaded(shop: Installation, database: Path) -> None:
    # Nothing tells the types of a query's columns but its values, and there are none.
    query = 'query = "select id, name, updated_at from deals"'
    configure(shop, query, 'load = "incremental"', 'cursor = "updated_at"', 'primary_key = "id"')
    insert(database, (1, "a", 1, 1, None, "2025-01-01 10:00:00"))
    shop.load()
    execute(database, "delete from deals")
    receipt = shop.load(accept_shrink=True)["deals"]
    assert (receipt.status, receipt.rows_deleted) == ("loaded", 1), receipt.message_en
    assert shop.current("deals", "id", "id") == []


def test_history_of_a_query_that_lists_nothing_stops_no_load(
    shop: Installation, database: Path
) -> None:
    execute(database, "create table gone (id integer)")
    configure(
        shop,
        'query = "select id, name, updated_at from deals"',
        'load = "incremental"',
        'cursor = "updated_at"',
        'primary_key = "id"',
        'deletes = "history"',
        'deleted_query = "select id from gone"',
    )
    insert(database, (1, "a", 1, 1, None, "2025-01-01 10:00:00"))
    shop.load()
    assert shop.load()["deals"].status == "unchanged"
    execute(database, "delete from deals", "insert into gone values (1)")
    assert shop.load()["deals"].rows_deleted == 1


def test_snapshot_whose_settings_change_keeps_no_deleted_row(
    shop: Installation, database: Path
) -> None:
    lines = ('primary_key = "id"', "shrink_ratio = 0")
    configure(shop, *lines)
    insert(database, (1, "a", 1, 1, None, None), (2, "b", 1, 1, None, None))
    shop.load()
    execute(database, "delete from deals where id = 2")
    configure(shop, *lines, 'table = "deals"')
    assert shop.load()["deals"].rows_deleted == 1
    assert shop.current("deals", "id", "id") == [(1,)]


def test_source_that_suddenly_shows_few_keys_is_held_back(
    shop: Installation, database: Path
) -> None:
    configure(shop, *INCREMENTAL)
    rows = [(n, "a", 1, 1, f"2025-01-01 10:00:{n:02}", None) for n in range(31)]
    insert(database, *rows[:30])
    shop.load()
    # As a right that was lost, or a row-level rule, looks like.
    execute(database, "delete from deals where id >= 10")
    insert(database, rows[30])
    for _ in range(2):
        receipt = shop.load()["deals"]
        assert (receipt.status, receipt.rows_loaded, receipt.rows_deleted) == ("held_back", 0, 0)
        assert "11 keys where 30 rows" in receipt.message_en and "11 个主键" in receipt.message_zh
        assert "--accept-shrink" in receipt.remedy_en and "--accept-shrink" in receipt.remedy_zh
        assert len(shop.current("deals", "id", "id")) == 30
    receipt = shop.load(accept_shrink=True)["deals"]
    assert (receipt.status, receipt.rows_loaded, receipt.rows_deleted) == ("loaded", 1, 20)
    assert len(shop.current("deals", "id", "id")) == 11
