"""A folder into which a receiver writes events as JSON lines, while it is read."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from dagster_project.connectors.receipts import Receipt
from tests.unit.connectors.loading import Installation

SOURCE = """
[[source]]
system = "shop"
kind = "files"
location = "{here}/data"
  [[source.table]]
  name = "events"
  glob = "**/*.jsonl*"
  format = "jsonl"
  load = "append"
"""
KEY = '  primary_key = "id"\n'


@pytest.fixture
def events(shop: Installation) -> Path:
    """The file that is written to."""
    shop.sources(SOURCE)
    return shop.data / "events.jsonl"


def event(number: int, **values: object) -> str:
    return json.dumps({"id": number, "what": "客户", **values}, ensure_ascii=False) + "\n"


def write(path: Path, *texts: str) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.writelines(texts)


def ids(shop: Installation) -> list[int]:
    return sorted(row[0] for row in shop.rows("events", "id"))


@pytest.mark.parametrize("end", [10, 17, -2, -1])
def test_line_that_is_being_written_is_taken_once_it_is_whole(
    shop: Installation, events: Path, end: int
) -> None:
    """Cut in the middle, within a character, before the brace, and before the line's end."""
    line = event(3).encode()
    write(events, event(1), event(2))
    with events.open("ab") as stream:
        stream.write(line[:end])
    receipt = shop.load()["events"]
    is_whole = end == -1
    assert (receipt.status, receipt.rows_loaded) == ("loaded", 3 if is_whole else 2)
    assert receipt.rows_rejected == 0
    if not is_whole:
        assert "events.jsonl: its last line is not finished" in receipt.message_en
        assert "最后一行尚未写完" in receipt.message_zh
    with events.open("ab") as stream:
        stream.write(line[end:])
    write(events, event(4))
    shop.load()
    assert ids(shop) == [1, 2, 3, 4]
    assert shop.load()["events"].status == "unchanged"
    assert shop.quarantined() == []


def test_line_that_stays_half_is_set_apart_once(shop: Installation, events: Path) -> None:
    write(events, event(1), event(2)[:9])
    assert shop.load()["events"].rows_rejected == 0
    # The writer has died: nothing more has come.
    receipt = shop.load()["events"]
    assert (receipt.rows_rejected, receipt.rows_loaded) == (1, 0)
    assert shop.quarantined() == [("invalid_json", 2)]
    assert shop.load()["events"].status == "unchanged"
    assert ids(shop) == [1]


def test_file_of_half_a_line_waits(shop: Installation, events: Path) -> None:
    write(events, event(1)[:9])
    receipt = shop.load()["events"]
    assert (receipt.status, receipt.rows_loaded, receipt.rows_rejected) == ("loaded", 0, 0)
    write(events, event(1)[9:])
    assert shop.load()["events"].rows_loaded == 1
    assert ids(shop) == [1]


@pytest.mark.parametrize("key", ["", KEY])
def test_file_that_is_renamed_or_compressed_is_not_read_as_another(
    shop: Installation, events: Path, key: str
) -> None:
    shop.sources(SOURCE + key)
    write(events, event(1), event(2), event(2))
    shop.load()
    count = len(ids(shop))
    moved = shop.data / "done" / "2026-03-01.jsonl"
    moved.parent.mkdir()
    events.rename(moved)
    assert shop.load()["events"].rows_loaded == 0
    packed = moved.with_name("2026-03-01.jsonl.gz")
    packed.write_bytes(gzip.compress(moved.read_bytes()))
    os.utime(packed, ns=(0, moved.stat().st_mtime_ns))  # as gzip does
    moved.unlink()
    assert shop.load()["events"].rows_loaded == 0
    assert shop.load(full=True)["events"].rows_loaded == 0
    # Another file, under the name of the first, with events of its own.
    write(events, event(3))
    assert shop.load()["events"].rows_loaded == 1
    assert len(ids(shop)) == count + 1


def test_another_file_of_the_same_content_is_another_file(shop: Installation) -> None:
    """Without a key nothing tells two equal events apart but that there are two."""
    shop.sources(SOURCE)
    for day in ("1", "2"):
        path = shop.data / f"{day}.jsonl"
        write(path, event(1))
        os.utime(path, (int(day), int(day)))
        shop.load()
        path.unlink()
        write(shop.data / "kept.jsonl", "")
    assert ids(shop) == [1, 1]


def test_event_that_is_delivered_again_is_one_event(shop: Installation) -> None:
    shop.sources(SOURCE + KEY)
    write(shop.data / "1.jsonl", event(1), event(2), event(1))
    receipt = shop.load()["events"]
    assert (receipt.rows_received, receipt.rows_loaded, receipt.rows_rejected) == (3, 2, 1)
    # In another file, and after the event has changed: the newest version stays.
    write(shop.data / "2.jsonl", event(2), event(2, what="changed"))
    receipt = shop.load()["events"]
    assert (receipt.rows_loaded, receipt.rows_merged) == (1, 1)
    write(shop.data / "1.jsonl", event(3))
    assert shop.load()["events"].rows_loaded == 1
    assert shop.current("events", "id", "id, what") == [(1, "客户"), (2, "changed"), (3, "客户")]


def structure(shop: Installation) -> list[tuple[object, ...]]:
    return shop.query(
        "select change, column_name, type_before, type_after, policy, status "
        "from {ops.schema_changes} order by load_id, position"
    )


@pytest.mark.parametrize(
    ("before", "fits", "after", "types", "rejected"),
    [
        (5, 6, "six", ("integer", "text"), 1),
        (5, 6, 6.5, ("integer", "number"), 1),
        (1.5, 2, {"sum": 2}, ("number", "text"), 1),
        # A text holds every value; that a code has become a number is told all the same.
        ("005", {"a": 1}, 5, ("text", "integer"), 0),
    ],
)
def test_changed_type_of_a_field_is_logged_once_and_a_frozen_table_waits(
    shop: Installation,
    before: object,
    fits: object,
    after: object,
    types: tuple[str, str],
    rejected: int,
) -> None:
    def load(policy: str, number: int, value: object) -> Receipt:
        shop.sources(SOURCE.replace("[[source.table]]", f'drift = "{policy}"\n[[source.table]]'))
        write(shop.data / f"{number}.jsonl", event(number, worth=value))
        return shop.load()["events"]

    load("freeze", 1, before)
    # What the column holds without a loss is no change, nor is a field without a value.
    assert load("freeze", 2, fits).rows_loaded == 1
    assert load("freeze", 3, None).rows_loaded == 1
    assert structure(shop) == []
    receipt = load("freeze", 4, after)
    assert receipt.status == "failed"
    assert "columns are frozen and have changed (type worth)" in receipt.message_en
    assert "类型改变 worth" in receipt.message_zh
    assert ids(shop) == [1, 2, 3]
    receipt = load("evolve", 5, after)
    assert (receipt.rows_loaded, receipt.rows_rejected) == (2 - 2 * rejected, 2 * rejected)
    load("evolve", 6, after)
    changes = [row for row in structure(shop) if row[4] == "evolve"]
    assert changes == [("type", "worth", *types, "evolve", "loaded")]
    assert structure(shop)[0] == ("type", "worth", *types, "freeze", "failed")


def test_folder_that_is_emptied_is_logged_as_a_table_that_is_gone(shop: Installation) -> None:
    shop.sources(SOURCE)
    receipt = shop.load()["events"]
    assert (receipt.status, structure(shop)) == ("failed", []), "nothing has ever been there"
    write(shop.data / "1.jsonl", event(1))
    shop.load()
    (shop.data / "1.jsonl").unlink()
    for _ in range(2):
        receipt = shop.load()["events"]
        assert (receipt.status, "no file in" in receipt.message_en) == ("failed", True)
    assert ids(shop) == [1], "what has landed stays"
    write(shop.data / "2.jsonl", event(2))
    shop.load()
    assert [(row[0], row[2]) for row in structure(shop)] == [
        ("table_gone", "**/*.jsonl*"),
        ("table_back", None),
    ]
