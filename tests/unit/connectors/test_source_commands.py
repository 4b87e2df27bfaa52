"""What is done by hand: re-sync, backfill, confirm and reset, each tried first."""

from __future__ import annotations

import pytest

from dagster_project.connectors import __main__ as command
from tests.unit.connectors.loading import SHOP, Installation, execute

SOURCES = f"""{SHOP}  [[source.table]]
  name = "orders"
  load = "incremental"
  cursor = "changed_at"
  primary_key = "id"
  [[source.table]]
  name = "people"
  primary_key = "id"
"""


@pytest.fixture
def shop(shop: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    shop.is_that_of_commands(monkeypatch)
    execute(
        shop.database,
        "create table orders (id integer, amount integer, changed_at timestamp)",
        "create table people (id integer, name text)",
        (
            "insert into orders values (?, ?, ?)",
            [(n, 10 * n, f"2026-01-{n:02} 08:00:00") for n in range(1, 11)],
        ),
        ("insert into people values (?, ?)", [(n, f"p{n}") for n in range(1, 11)]),
    )
    shop.sources(SOURCES)
    assert all(receipt.is_good for receipt in shop.load().values())
    return shop


def change(shop: Installation, *statements: str) -> None:
    execute(shop.data / "shop.sqlite", *statements)


def amounts(shop: Installation) -> dict[int, int]:
    return dict(shop.current("orders", "id", "id, amount"))


def everything_in(shop: Installation) -> dict[str, bytes]:
    """Every file of the installation but the lock, which each load touches."""
    home = shop.settings.home
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def do(*arguments: str) -> int:
    return command.main(arguments)


def test_resync_finds_what_a_cursor_cannot(
    shop: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """A change behind the cursor, and a delete that an insert balances."""
    change(
        shop,
        "update orders set amount = 999 where id = 2",
        "delete from orders where id = 3",
        "insert into orders values (0, 1, '2026-01-01 00:00:00')",
    )
    shop.load(tables=["orders"])
    assert amounts(shop)[2] == 20, "a cursor was not expected to find this"
    before = everything_in(shop)
    arguments = ("resync", "--system", "shop", "--table", "orders")

    assert do(*arguments, "--dry-run") == 0
    told = capsys.readouterr().out
    assert "Dry run: nothing was landed." in told and "试运行：未入湖。" in told
    assert everything_in(shop) == before

    assert do(*arguments) == 0
    done = capsys.readouterr().out.splitlines()[:2]
    assert done == told.splitlines()[:2], "the dry run told other figures"
    assert done[1].split()[:4] == ["shop.orders", "loaded", "10", "2"]
    assert amounts(shop) == {0: 1, 1: 10, 2: 999, **{n: 10 * n for n in range(4, 11)}}


def test_backfill_reads_a_span_only(shop: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    change(shop, "update orders set amount = 5 where id in (2, 4, 6)")
    before = everything_in(shop)
    arguments = ("backfill", "--system", "shop", "--from", "2026-01-03", "--to", "2026-01-06")

    assert do(*arguments, "--dry-run") == 0
    told = capsys.readouterr().out
    assert everything_in(shop) == before
    assert do(*arguments) == 0
    assert capsys.readouterr().out.splitlines()[:2] == told.splitlines()[:2]
    # Received: the rows of the 3rd, 4th and 5th; `--to` is not in it.
    assert told.splitlines()[1].split()[:4] == ["shop.orders", "loaded", "3", "1"]
    assert (amounts(shop)[2], amounts(shop)[4], amounts(shop)[6]) == (20, 5, 60)

    change(shop, "insert into orders values (11, 110, '2026-01-11 08:00:00')")
    receipt = shop.load(tables=["orders"])["orders"]
    assert receipt.cursor_from is not None and receipt.cursor_from.startswith("2026-01-10")
    assert (receipt.rows_received, receipt.rows_loaded) == (2, 1), "the cursor has moved"
    assert len(amounts(shop)) == 11


def test_backfill_wants_a_place_of_the_cursor(
    shop: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert do("backfill", "--system", "shop", "--from", "monday", "--to", "2026-01-06") == 1
    told = capsys.readouterr().out
    assert '"monday" is no place of its cursor, which stands at 2026-01-10 08:00:00' in told
    assert "请按游标的写法填写" in told
    assert do("backfill", "--system", "shop", "--from", "2026-01-06", "--to", "2026-01-06") == 1
    assert "--from 2026-01-06 is not before --to 2026-01-06" in capsys.readouterr().out


def test_backfill_is_for_tables_with_a_cursor(
    shop: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    span = ("--from", "2026-01-03", "--to", "2026-01-06")
    assert do("backfill", "--system", "shop", "--table", "people", *span) == 1
    assert "not read by a cursor that can be bounded" in capsys.readouterr().out
    shop.sources(
        SOURCES.split('  [[source.table]]\n  name = "orders"')[0]
        + """
  [[source.table]]
  name = "people"
  primary_key = "id"
"""
    )
    assert do("backfill", "--system", "shop", *span) == 2
    told = capsys.readouterr().err
    assert "no table is loaded by a cursor" in told and "没有按游标加载的表" in told


def test_what_was_held_back_lands_when_it_is_confirmed(
    shop: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("confirm", "--system", "shop")
    assert do(*arguments) == 2
    assert "its last load was not held back" in capsys.readouterr().err
    change(shop, "delete from people where id > 3")
    assert shop.load(tables=["people"])["people"].status == "held_back"
    assert len(shop.current("people", "id", "id")) == 10
    before = everything_in(shop)

    assert do(*arguments, "--dry-run") == 0
    assert everything_in(shop) == before
    assert do(*arguments, "--table", "orders") == 2
    capsys.readouterr()
    assert do(*arguments) == 0
    told = capsys.readouterr().out
    assert told.splitlines()[1].split()[:6] == ["shop.people", "loaded", "3", "0", "0", "7"]
    assert "shop.orders" not in told
    assert len(shop.current("people", "id", "id")) == 3
    assert do(*arguments) == 2, "confirmed once, there is nothing to confirm"


def test_what_to_confirm_is_told_by_the_newest_receipts(
    shop: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """However many older ones there are: none of them is read."""
    old = shop.settings.operations / "receipts" / "20000101T000000.000000Z-shop.parquet"
    old.write_bytes(b"not to be read")
    change(shop, "delete from people where id > 3")
    shop.load()
    assert do("confirm", "--system", "shop", "--dry-run") == 0
    assert "shop.people" in capsys.readouterr().out


def test_what_is_confirmed_is_what_was_seen(
    shop: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    change(shop, "delete from people where id > 5")
    assert shop.load(tables=["people"])["people"].status == "held_back"
    change(shop, "delete from people")
    arguments = ("confirm", "--system", "shop")
    for option in (["--dry-run"], []):
        assert do(*arguments, *option) == 1
        told = capsys.readouterr().out
        assert "0 rows where 5 were seen when it was held back" in told
        assert "暂扣时为 5 行" in told
        assert len(shop.current("people", "id", "id")) == 10
    # Now none were seen, and that is agreed to.
    assert do(*arguments) == 0
    assert shop.current("people", "id", "id") == []


def test_keys_that_are_confirmed_are_those_that_were_seen(
    shop: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ", ".join(f"({n}, 1, '2026-01-11 08:00:00')" for n in range(11, 31))
    change(shop, f"insert into orders values {rows}")
    shop.load()
    change(shop, "delete from orders where id > 15")
    assert shop.load()["orders"].status == "held_back"
    change(shop, "delete from orders where id > 1")
    arguments = ("confirm", "--system", "shop", "--table", "orders")
    assert do(*arguments) == 1
    assert "1 keys where 15 were seen" in capsys.readouterr().out
    assert len(amounts(shop)) == 30
    change(
        shop, "insert into orders values (2, 5, '2026-01-12 08:00:00')"
    )  # a little more than what was seen
    assert do(*arguments) == 0
    assert amounts(shop) == {1: 10, 2: 5}


def test_reset_moves_aside_what_has_landed(
    shop: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    change(shop, "delete from orders where id = 1")
    shop.load()
    before = everything_in(shop)
    landed = {name: bytes_ for name, bytes_ in before.items() if "raw/shop/orders/" in name}
    first_id = max(shop.rows("orders", "_load_id"))[0]

    assert do("reset", "--system", "shop", "--dry-run") == 0
    told = capsys.readouterr().out
    assert "shop.orders: rows 11, files 2, bytes" in told and "试运行" in told
    assert everything_in(shop) == before

    assert do("reset", "--system", "shop") == 0
    assert "已移至" in capsys.readouterr().out
    after = everything_in(shop)
    assert not any(name.startswith("lake/raw/shop") for name in after)
    kept = [bytes_ for name, bytes_ in after.items() if name.startswith("lake/reset/shop-")]
    assert all(bytes_ in kept for bytes_ in landed.values()), "landed rows were lost"
    assert [n for n in after if "ops/receipts" in n] == [n for n in before if "ops/receipts" in n]

    receipts = shop.load()
    assert {r.rows_loaded for r in receipts.values()} == {9, 10}
    assert receipts["orders"].cursor_from is None
    assert sorted(amounts(shop)) == list(range(2, 11))
    assert min(shop.rows("orders", "_load_id"))[0] > first_id


def test_reset_of_one_table_takes_new_types_and_leaves_the_others(
    shop: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    change(
        shop,
        "alter table people rename to old",
        "create table people (id integer, name text, size integer)",
        "insert into people select id, name, 1 from old",
    )
    shop.load()
    change(
        shop,
        "drop table people",
        "create table people (id integer, name text, size double)",
        "insert into people select id, name, id + 0.5 from old",
    )
    receipt = shop.load()["people"]
    assert (receipt.rows_rejected, receipt.rows_deleted) == (10, 0), "a half is no whole number"
    before = everything_in(shop)
    arguments = ("reset", "--system", "shop", "--table", "people")

    assert do(*arguments, "--dry-run") == 0
    told = capsys.readouterr().out
    assert "shop.people: rows" in told and "shop.orders" not in told
    assert everything_in(shop) == before

    assert do(*arguments) == 0
    after = everything_in(shop)
    kept = [bytes_ for name, bytes_ in after.items() if name.startswith("lake/reset/")]
    moved = {n: b for n, b in before.items() if "raw/shop/people/" in n}
    assert moved and all(bytes_ in kept for bytes_ in moved.values()), "landed rows were lost"
    assert {n for n in before if "raw/shop/orders/" in n} <= set(after)

    receipts = shop.load()
    assert receipts["orders"].status == "unchanged"
    assert (receipts["people"].rows_loaded, receipts["people"].rows_rejected) == (10, 0)
    assert shop.current("people", "id", "id, size")[:2] == [(1, 1.5), (2, 2.5)]
    change(shop, "insert into orders values (11, 110, '2026-01-11 08:00:00')")
    assert shop.load()["orders"].rows_loaded == 1


def test_a_load_that_was_killed_in_a_reset_starts_from_the_beginning(shop: Installation) -> None:
    """Rows are moved before the state goes: between the two there is state without rows."""
    (shop.settings.raw / "shop").rename(shop.folder / "moved")
    receipts = shop.load()
    assert receipts["orders"].rows_loaded == 10
    assert receipts["people"].rows_loaded == 10


def test_an_error_that_nobody_foresaw_is_told_and_stops_no_other_table(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dagster_project.connectors.sql_database import reader

    extract = reader.SqlReader.extract

    def broken(self: reader.SqlReader, table: reader.SqlTable, *args: object, **more: object):  # type: ignore[no-untyped-def]
        if table.name == "orders":
            raise RuntimeError("the client fell over")
        return extract(self, table, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(reader.SqlReader, "extract", broken)
    receipts = shop.load()
    assert receipts["orders"].status == "failed"
    assert "RuntimeError: the client fell over" in receipts["orders"].message_en
    assert "意外错误" in receipts["orders"].message_zh
    assert receipts["people"].is_good
