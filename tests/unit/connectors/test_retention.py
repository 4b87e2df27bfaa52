"""What is older than a table may keep goes for good, and nothing else does."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from dagster_project.connectors import load as loading
from tests.unit.connectors.loading import Installation
from tests.unit.connectors.test_landing import KilledError, break_at

LOGS = """
as_of = {as_of}
[[source]]
system = "shop"
kind = "access_log"
location = "{{here}}/data"
glob = "*.log*"
"""
FILES = """
as_of = {as_of}
[[source]]
system = "shop"
kind = "files"
location = "{{here}}/data"
{retention}
  [[source.table]]
  name = "hits"
  glob = "*.csv"
  load = "append"
"""


def line(day: int, number: int) -> str:
    return (
        f'10.0.0.1 - - [{day:02}/May/2015:08:00:00 +0000] "GET /{number} HTTP/1.1" 200 5 "-" "UA"\n'
    )


def configure(shop: Installation, as_of: str, *lines: str) -> None:
    shop.sources(LOGS.format(as_of=as_of) + "\n".join(lines) + "\n")


def write(shop: Installation, name: str, *days: int, more: str = "") -> None:
    text = "".join(line(day, number) for number, day in enumerate(days))
    (shop.data / name).write_text(text + more, encoding="utf-8")


def days(shop: Installation) -> list[int]:
    return [
        row[0] for row in shop.query("select day(requested_at) from {shop.requests} order by 1")
    ]


def lake_files(shop: Installation) -> dict[Path, int]:
    """Landed files by what tells whether one was written anew."""
    folder = shop.settings.raw / "shop" / "requests"
    return {path: path.stat().st_ino for path in folder.glob("*.parquet")}


def removed(shop: Installation) -> list[tuple[Any, ...]]:
    return shop.query(
        "select table_name, event_date, sum(rows_removed) from {ops.removed_rows} "
        "group by all order by all"
    )


def test_old_lines_go_with_the_load_and_are_counted(shop: Installation) -> None:
    configure(shop, "2015-05-10")
    write(shop, "a.log", 1, 2, 2)
    shop.load()
    (old,) = lake_files(shop)
    write(shop, "b.log", 2, 8)
    shop.load()
    ((mixed, inode),) = {k: v for k, v in lake_files(shop).items() if k != old}.items()
    configure(shop, "2015-05-10", "retention_days = 7")
    write(shop, "c.log", 1, 3, 9)
    receipt = shop.load()["requests"]
    assert days(shop) == [3, 8, 9], "the day on which the time limit falls is kept"
    assert (receipt.rows_received, receipt.rows_loaded, receipt.rows_rejected) == (3, 3, 0)
    assert receipt.rows_deleted == 5, "4 of the lake, 1 that came too old"
    assert "5 rows older than 2015-05-03 were removed" in receipt.message_en
    assert "已删除 2015-05-03 之前的 5 行" in receipt.message_zh
    assert removed(shop) == [
        ("requests", date(2015, 5, 1), 2),
        ("requests", date(2015, 5, 2), 3),
    ]
    after = lake_files(shop)
    assert old not in after, "deleted, as all of it was old"
    assert after[mixed] != inode, "written anew without what was old"
    assert shop.load()["requests"].status == "unchanged"


def test_without_old_lines_no_file_is_touched(shop: Installation) -> None:
    configure(shop, "2015-05-10", "retention_days = 7")
    write(shop, "a.log", 3, 10)
    assert shop.load()["requests"].rows_deleted == 0
    before = lake_files(shop)
    assert shop.load()["requests"].status == "unchanged"
    assert lake_files(shop) == before
    assert removed(shop) == []


def test_time_alone_makes_lines_old_and_the_columns_stay(shop: Installation) -> None:
    configure(shop, "2015-05-10", "retention_days = 7")
    write(shop, "a.log", 3, 10)
    shop.load()
    configure(shop, "2015-05-11", "retention_days = 7")
    receipt = shop.load()["requests"]
    assert (receipt.status, receipt.rows_deleted) == ("loaded", 1)
    assert days(shop) == [10]
    configure(shop, "2015-06-11", "retention_days = 7")
    assert shop.load()["requests"].rows_deleted == 1
    assert days(shop) == []
    assert len(lake_files(shop)) == 1
    assert shop.query("select url, count(*) from {shop.requests} group by 1") == []
    (shop.data / "a.log").rename(shop.data / "a.log.1")
    write(shop, "b.log", 1)
    configure(shop, "2015-06-12", "retention_days = 7")
    assert shop.load()["requests"].rows_received == 1, "lines that were removed do not come back"
    assert days(shop) == []


def test_lines_go_also_when_the_source_cannot_be_read(shop: Installation) -> None:
    configure(shop, "2015-05-10", "retention_days = 7")
    write(shop, "a.log", 3, 10)
    shop.load()
    (shop.data / "a.log").unlink()
    configure(shop, "2015-05-11", "retention_days = 7")
    receipt = shop.load()["requests"]
    assert (receipt.status, receipt.rows_deleted) == ("failed", 1)
    assert days(shop) == [10]


def test_open_reader_keeps_what_it_has_opened(shop: Installation) -> None:
    configure(shop, "2015-05-10")
    write(shop, "a.log", 1, 9)
    shop.load()
    write(shop, "b.log", 1)
    shop.load()
    readers = [pq.ParquetFile(path) for path in lake_files(shop)]
    configure(shop, "2015-05-10", "retention_days = 7")
    assert shop.load()["requests"].rows_deleted == 2
    assert sum(reader.read().num_rows for reader in readers) == 3
    assert days(shop) == [9]
    for reader in readers:
        reader.close()


@pytest.mark.parametrize(
    "place", ["while packing", "before landing", "after landing", "before the state"]
)
def test_killed_removal_is_finished_or_repeated(shop: Installation, place: str) -> None:
    configure(shop, "2015-05-10")
    write(shop, "a.log", 1, 2, 9)
    shop.load()
    write(shop, "b.log", 1, 1)
    shop.load()
    configure(shop, "2015-05-10", "retention_days = 7")
    write(shop, "c.log", 2, 10)
    with pytest.MonkeyPatch.context() as patch:
        break_at(patch, place)
        with pytest.raises(KilledError):
            shop.load()
    shop.load()
    assert days(shop) == [9, 10]
    assert removed(shop) == [("requests", date(2015, 5, 1), 3), ("requests", date(2015, 5, 2), 2)]
    assert shop.query("select sum(rows_loaded), sum(rows_deleted) from {ops.receipts}") == [(7, 5)]
    assert not list(shop.settings.raw.rglob("*.partial"))


def test_text_of_old_quarantined_rows_goes_and_the_count_stays(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(shop, "2015-05-10", "retention_days = 7")
    write(shop, "a.log", 9, more="ada@example.com was here\n")
    monkeypatch.setattr(loading, "utc_now", lambda: datetime(2015, 5, 10, tzinfo=UTC))
    shop.load()
    full = shop.settings.quarantine / "shop" / "requests"
    assert len(list(full.glob("*.parquet"))) == 1
    monkeypatch.setattr(loading, "utc_now", lambda: datetime(2015, 5, 20, tzinfo=UTC))
    write(shop, "b.log", 19, more="bob@example.com too\n")
    configure(shop, "2015-05-20", "retention_days = 7")
    receipt = shop.load()["requests"]
    assert "the text of 1 quarantined rows" in receipt.message_en
    assert len(list(full.glob("*.parquet"))) == 1, "only the new one, in full"
    assert shop.query(
        "select source_file, source_row, raw_text, reason_en from {ops.quarantined_rows} "
        "where raw_text is null or raw_text like '%@%' order by 1"
    )[0] == ("a.log", 2, None, "Text and reason were removed: older than `retention_days`.")
    assert shop.query("select count(*), count(raw_text) from {ops.quarantined_rows}") == [(2, 1)]
    assert shop.query("select sum(rows_rejected) from {ops.receipts}") == [(2,)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2015-05-01 23:59:59.999", "2015-05-03 00:00:00"),
        ("1430524799999999", "1430611200000000"),
        ("1430524799", "1430611200"),
    ],
)
def test_files_keep_by_their_time_column(shop: Installation, old: str, new: str) -> None:
    shop.sources(
        FILES.format(as_of="2015-05-10", retention="retention_days = 7") + '  time_column = "at"\n'
    )
    (shop.data / "a.csv").write_text(f"id,at\n1,{old}\n2,{new}\n")
    receipt = shop.load()["hits"]
    assert (receipt.rows_loaded, receipt.rows_deleted) == (2, 1)
    assert shop.rows("hits", "id") == [("2",)]


def test_rows_without_a_time_count_by_their_load(shop: Installation) -> None:
    shop.sources(FILES.format(as_of="2015-05-10", retention="retention_days = 7"))
    (shop.data / "a.csv").write_text("id,at\n1,2015-05-01\n2,\n")
    assert shop.load()["hits"].rows_deleted == 0
    assert len(shop.rows("hits", "id")) == 2
