"""Files: what is good lands once, what is broken is set apart with its reason."""

from __future__ import annotations

import gzip
import os

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.connectors.loading import Installation

SOURCE = """
[[source]]
system = "shop"
kind = "files"
location = "{here}/data"
  [[source.table]]
  name = "items"
"""


def configure(shop: Installation, *lines: str) -> None:
    shop.sources(SOURCE + "\n".join(lines))


def test_csv_lands_as_text_with_file_and_line(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv"')
    (shop.data / "a.csv").write_bytes('\ufeffid;名称;id\r\n1;"a;""b""";x\r\n2;;y\r\n'.encode())
    receipt = shop.load()["items"]
    assert (receipt.status, receipt.rows_received, receipt.rows_loaded) == ("loaded", 2, 2)
    assert shop.rows("items", "id, 名称, id_2, _source_file, _source_row, _is_deleted") == [
        ("1", 'a;"b"', "x", "a.csv", 2, False),
        ("2", None, "y", "a.csv", 3, False),
    ]


def test_broken_csv_rows_are_quarantined_and_all_others_load(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv"')
    (shop.data / "a.csv").write_bytes(
        b"id,name,note\n"
        b"1,a,x\n"
        b"2,only two\n"
        b"3,b,one,too many\n"
        b'4,"never closed,x\n'
        b"5,c,x\n"
        b'6,"two\nlines",x\n'
        b'7,"a"b,x\n'
        b"\n"
        b"8,\xff\xfe,x\n"
        b"9,d,x\n"
    )
    receipt = shop.load()["items"]
    assert receipt.status == "loaded"
    assert receipt.rows_received == receipt.rows_loaded + receipt.rows_rejected == 9
    assert shop.rows("items", "id, name, _source_row") == [
        ("1", "a", 2),
        ("5", "c", 6),
        ("6", "two\nlines", 7),
        ("9", "d", 12),
    ]
    assert shop.quarantined("source_row, reason_code, source_file") == [
        (3, "wrong_field_count", "a.csv"),
        (4, "wrong_field_count", "a.csv"),
        (5, "broken_quotes", "a.csv"),
        (9, "broken_quotes", "a.csv"),
        (11, "bad_encoding", "a.csv"),
    ]
    ((raw, reason, reason_zh),) = shop.query(
        "select raw_text, reason_en, reason_zh from {ops.quarantined_rows} where source_row = 3"
    )
    assert raw == "2,only two"
    assert reason == "2 fields where the header has 3"
    assert "2 个字段" in reason_zh
    assert "quarantined" in receipt.message_en
    assert "隔离" in receipt.message_zh


def test_file_without_header_and_quotes(shop: Installation) -> None:
    form = (
        'format = "csv"',
        'names = ["id", "words", "id"]',
        "quotes = false",
        r'delimiter = "\t"',
    )
    configure(shop, 'glob = "part-*"', *form)
    (shop.data / "part-1").write_text('1\t5" pipe\tx\n2\t"open\t\n', encoding="utf-8")
    (shop.data / "part-2").write_text('3\t"a\n4\tb"\ty\n\n', encoding="utf-8")
    receipt = shop.load()["items"]
    assert (receipt.rows_received, receipt.rows_loaded, receipt.rows_rejected) == (4, 3, 1)
    assert shop.rows("items", "id, words, id_2, _source_file, _source_row") == [
        ("1", '5" pipe', "x", "part-1", 1),
        ("2", '"open', None, "part-1", 2),
        ("4", 'b"', "y", "part-2", 2),
    ]
    assert shop.query("select source_row, reason_en, reason_zh from {ops.quarantined_rows}") == [
        (1, "2 fields where 3 are named", "该行有 2 个字段，应有 3 个")
    ]


def test_empty_file_without_header_has_its_columns(shop: Installation) -> None:
    configure(shop, 'glob = "part-*"', 'format = "csv"', 'names = ["id"]')
    (shop.data / "part-1").write_text("")
    assert shop.load()["items"].status == "loaded"
    assert shop.rows("items", "id") == []


def test_snowplow_has_its_131_fields_in_the_documented_order(shop: Installation) -> None:
    configure(shop, 'glob = "run/part-*"', 'format = "snowplow"', 'load = "append"')
    (shop.data / "run").mkdir()
    values = [str(number) for number in range(131)]
    (shop.data / "run" / "part-00000").write_text("\t".join(values) + "\n")
    assert shop.load()["items"].rows_loaded == 1
    # Places of Snowplow's documentation, "Enriched stream TSV file format" (counted from 0).
    assert shop.rows(
        "items", "app_id, event_id, page_url, contexts, useragent, domain_sessionid, true_tstamp"
    ) == [("0", "6", "29", "52", "77", "123", "130")]


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "big5"])
def test_other_encodings(shop: Installation, encoding: str) -> None:
    configure(shop, 'glob = "*.csv"', f'encoding = "{encoding}"')
    names = ["中文", "客戶"] * 3000
    text = "id,name\n" + "".join(f"{i},{name}\n" for i, name in enumerate(names))
    (shop.data / "a.csv").write_bytes(text.encode(encoding, "ignore"))
    assert shop.load()["items"].rows_loaded == len(names)
    assert shop.query("select count(*) from {shop.items} where name like '中%'") == [(3000,)]


def test_one_bad_character_costs_one_row(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv"', 'encoding = "gb18030"')
    content = "id,name\n1,中文\n2,".encode("gb18030") + b"\xff" + "\n3,客户\n".encode("gb18030")
    (shop.data / "a.csv").write_bytes(content)
    shop.load()
    assert shop.rows("items", "id, name") == [("1", "中文"), ("3", "客户")]
    assert shop.quarantined() == [("bad_encoding", 3)]


def test_wrong_encoding_and_wrong_format_are_refused_with_a_remedy(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv"')
    (shop.data / "a.csv").write_bytes("id,name\n1,中文\n2,客户\n".encode("gb18030"))
    receipt = shop.load()["items"]
    assert receipt.status == "failed"
    assert "none of its 2 rows can be read" in receipt.message_en
    assert "encoding" in receipt.remedy_en
    assert "encoding" in receipt.remedy_zh
    assert not (shop.settings.raw / "shop" / "items").exists()


def test_unknown_encoding_is_told_and_other_tables_go_on(shop: Installation) -> None:
    configure(
        shop,
        'glob = "*.csv"',
        'encoding = "klingon"',
        '[[source.table]]\nname = "others"\nglob = "*.csv"',
    )
    (shop.data / "a.csv").write_text("id\n1\n")
    receipts = shop.load()
    assert receipts["items"].status == "failed"
    assert 'unknown encoding "klingon"' in receipts["items"].message_en
    assert "gb18030" in receipts["items"].remedy_en
    assert receipts["others"].status == "loaded"


@pytest.mark.parametrize(
    ("glob", "message"),
    [("*.csv", "no file in"), ("*.xlsx", "not a readable XLSX"), ("*.parquet", "not a readable")],
)
def test_missing_or_unreadable_file_is_told(shop: Installation, glob: str, message: str) -> None:
    configure(shop, f'glob = "{glob}"')
    for name in ("a.xlsx", "a.parquet"):
        (shop.data / name).write_text("id\n1\n")
    receipt = shop.load()["items"]
    assert receipt.status == "failed"
    assert message in receipt.message_en
    assert receipt.remedy_en and receipt.remedy_zh
    assert shop.query("select status from {ops.receipts}") == [("failed",)]


def test_missing_folder_is_told(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv"')
    shop.data.rmdir()
    assert "there is no folder" in shop.load()["items"].message_en


def test_xlsx_keeps_types_and_rejects_cells_of_another_type(shop: Installation) -> None:
    configure(shop, 'glob = "*.xlsx"', 'sheet = "Data"', 'primary_key = "id"')

    def write(*rows: tuple[object, ...]) -> None:
        book = openpyxl.Workbook()
        sheet = book.create_sheet("Data")
        sheet.append(())
        sheet.append(("id", "price", "名称"))
        for row in rows:
            sheet.append(row)
        book.save(shop.data / "a.xlsx")

    write((1, 2.5, "x"), (2, 3, None))
    assert shop.load()["items"].rows_loaded == 2
    assert shop.rows("items", "id, price, 名称, _source_row") == [
        (1, 2.5, "x", 3),
        (2, 3.0, None, 4),
    ]
    write((1, 2.5, "x"), (2, "free", None))
    receipt = shop.load()["items"]
    assert (receipt.rows_rejected, receipt.rows_deleted) == (1, 0)
    ((reason,),) = shop.quarantined("reason_en")
    assert reason == "column \"price\": expected number, found text ('free')"


def test_jsonl_broken_lines_and_changed_types(shop: Installation) -> None:
    configure(shop, 'glob = "*.jsonl.gz"', 'load = "append"')

    def write(name: str, *lines: str) -> None:
        (shop.data / name).write_bytes(gzip.compress("\n".join(lines).encode()))

    write("1.jsonl.gz", '{"id": 1, "tags": ["a", "值"]}', "{broken", "[1]", "", '{"id": 2}')
    first = shop.load()["items"]
    assert (first.rows_received, first.rows_loaded, first.rows_rejected) == (4, 2, 2)
    write("2.jsonl.gz", '{"id": "three"}', '{"id": 4, "extra": true}')
    second = shop.load()["items"]
    assert (second.rows_loaded, second.rows_rejected) == (1, 1)
    assert '"change": "added"' in second.schema_changes and '"extra"' in second.schema_changes
    assert shop.rows("items", "id, tags, extra") == [
        (1, '["a", "值"]', None),
        (2, None, None),
        (4, None, True),
    ]
    assert shop.quarantined() == [
        ("invalid_json", 2),
        ("not_an_object", 3),
        ("type_changed", 1),
    ]


def write_parquet(shop: Installation, name: str, **columns: list[object]) -> None:
    pq.write_table(pa.table(columns), shop.data / name)


def test_parquet_with_a_changed_type_is_refused_by_column(shop: Installation) -> None:
    configure(shop, 'glob = "*.parquet"')
    write_parquet(shop, "a.parquet", id=[1, 2], price=[1.5, 2.5])
    assert shop.load()["items"].rows_loaded == 2
    write_parquet(shop, "a.parquet", id=[1, 2], price=["1.5", "dear"])
    receipt = shop.load()["items"]
    assert receipt.status == "failed"
    assert 'column "price" has changed its type: expected number, found text' in receipt.message_en
    assert "应为数值，实际为文本" in receipt.message_zh
    assert len(shop.rows("items")) == 2
    # An integer is a number too: nothing is lost, so it is only noted.
    write_parquet(shop, "a.parquet", id=[1, 2], price=[3, 4])
    receipt = shop.load()["items"]
    assert receipt.rows_loaded == 2
    assert '"change": "type"' in receipt.schema_changes


def test_parquet_values_are_kept_exactly(shop: Installation) -> None:
    configure(shop, 'glob = "*.parquet"')
    table = pa.table(
        {
            "small": pa.array([1, None], pa.int16()),
            "money": pa.array(["1.10", None], pa.string()).cast(pa.decimal128(10, 2)),
            "list": pa.array([[1, 2], None]),
            "kind": pa.array(["a", None]).dictionary_encode(),
            "nothing": pa.nulls(2),
        }
    )
    pq.write_table(table, shop.data / "a.parquet")
    shop.load()
    (first, second) = shop.rows("items", "small, money::varchar, list, kind, _source_row")
    assert first == (1, "1.10", "[1,2]", "a", 1)
    assert second == (None, None, None, None, 2)


NANOSECONDS = 1_767_225_600_123_456_789


@pytest.mark.parametrize(
    ("kind", "exact", "fine", "landed"),
    [
        (pa.timestamp("ns"), NANOSECONDS - 789, NANOSECONDS, "2026-01-01 00:00:00.123456"),
        (
            pa.timestamp("ns", "Asia/Shanghai"),
            NANOSECONDS - 789,
            NANOSECONDS,
            "2026-01-01 00:00:00.123456",
        ),
        (pa.time64("ns"), 123_456_000, 123_456_789, "00:00:00.123456"),
    ],
)
def test_parquet_times_are_not_cut(
    shop: Installation, kind: pa.DataType, exact: int, fine: int, landed: str
) -> None:
    """Microseconds land as times. What is finer is text from the first load on, or set apart."""
    configure(shop, 'glob = "*.parquet"', 'load = "append"')
    times = pa.array([exact, None], kind)
    pq.write_table(pa.table({"id": [1, 2], "taken_at": times}), shop.data / "a.parquet")
    receipt = shop.load()["items"]
    assert (receipt.rows_loaded, receipt.rows_rejected) == (2, 0)
    assert shop.rows("items", "taken_at::varchar") == [(landed,), (None,)]
    times = pa.array([exact, fine, None], kind)
    pq.write_table(pa.table({"id": [3, 4, 5], "taken_at": times}), shop.data / "b.parquet")
    receipt = shop.load()["items"]
    assert (receipt.rows_received, receipt.rows_loaded, receipt.rows_rejected) == (3, 2, 1)
    assert [row[0] for row in shop.rows("items", "id")] == [1, 2, 3, 5]
    (found,) = shop.quarantined("reason_code, source_file, source_row, raw_text, reason_zh")
    assert found[:3] == ("type_changed", "b.parquet", 2)
    assert ".123456789" in found[3] and '"id": 4' in found[3]
    assert "列“taken_at”" in found[4] and "细于微秒" in found[4]


def test_parquet_times_of_nanoseconds_land_as_text(shop: Installation) -> None:
    configure(shop, 'glob = "*.parquet"', 'load = "append"', 'drift = "freeze"')
    times = pa.array([NANOSECONDS, None, NANOSECONDS - 789], pa.timestamp("ns"))
    pq.write_table(pa.table({"taken_at": times}), shop.data / "a.parquet")
    receipt = shop.load()["items"]
    assert (receipt.rows_loaded, receipt.rows_rejected) == (3, 0)
    assert shop.rows("items", "taken_at") == [
        ("2026-01-01 00:00:00.123456789",),
        (None,),
        ("2026-01-01 00:00:00.123456000",),
    ]
    # A file without a fraction is no change of the column's type.
    pq.write_table(pa.table({"taken_at": times.slice(2)}), shop.data / "b.parquet")
    assert shop.load()["items"].rows_loaded == 1


def test_parquet_times_are_cut_where_the_table_says_so(shop: Installation) -> None:
    configure(shop, 'glob = "*.parquet"', 'finer_times = "cut"')
    write = pa.table(
        {
            "taken_at": pa.array([NANOSECONDS, None, -1], pa.timestamp("ns", "Asia/Shanghai")),
            "hour": pa.array([123_456_789, None, 999], pa.time64("ns")),
        }
    )
    pq.write_table(write, shop.data / "a.parquet")
    assert shop.load()["items"].rows_rejected == 0
    assert shop.rows("items", "taken_at::varchar, hour::varchar") == [
        ("2026-01-01 00:00:00.123456", "00:00:00.123456"),
        (None, None),
        ("1969-12-31 23:59:59.999999", "00:00:00"),
    ]


def test_parquet_number_that_its_column_cannot_hold_is_set_apart(shop: Installation) -> None:
    configure(shop, 'glob = "*.parquet"')
    write_parquet(shop, "a.parquet", price=[1.5])
    shop.load()
    write_parquet(shop, "a.parquet", price=[2**53 + 1, 2, 3])
    receipt = shop.load()["items"]
    assert (receipt.rows_loaded, receipt.rows_rejected) == (2, 1)
    assert shop.quarantined("source_row, raw_text") == [(1, '{"price": "9007199254740993"}')]


def test_frozen_columns_refuse_new_ones(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv"', 'columns = "freeze"')
    (shop.data / "a.csv").write_text("id,name\n1,a\n")
    assert shop.load()["items"].status == "loaded"
    (shop.data / "a.csv").write_text("id,title\n1,a\n")
    receipt = shop.load()["items"]
    assert receipt.status == "failed"
    assert "added title, missing name" in receipt.message_en
    assert "evolve" in receipt.remedy_en


def test_columns_evolve_and_are_told_once(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv"')
    (shop.data / "a.csv").write_text("id,name\n1,a\n")
    assert shop.load()["items"].schema_changes == "[]"
    (shop.data / "a.csv").write_text("id,title\n1,b\n")
    changes = shop.load()["items"].schema_changes
    assert '"column": "title", "change": "added"' in changes
    assert '"column": "name", "change": "missing"' in changes
    (shop.data / "a.csv").write_text("id,title\n1,c\n")
    assert shop.load()["items"].schema_changes == "[]"
    assert shop.rows("items", "name, title") == [("a", None), (None, "b"), (None, "c")]


def test_snapshot_lands_only_what_changed(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv"', 'primary_key = "id"', "shrink_ratio = 0")
    path = shop.data / "a.csv"
    path.write_text("id,name\n1,a\n2,b\n3,c\n")
    shop.load()
    receipt = shop.load()["items"]
    assert (receipt.status, receipt.rows_loaded, receipt.rows_previous) == ("unchanged", 0, 3)
    path.write_text("id,name\n3,c\n2,b\n1,a\n")
    assert shop.load()["items"].status == "unchanged"  # only the order differs
    path.write_text("id,name\n1,a\n2,B\n4,d\n")
    receipt = shop.load()["items"]
    assert (receipt.rows_received, receipt.rows_loaded, receipt.rows_deleted) == (3, 2, 1)
    assert shop.current("items", "id", "id, name") == [("1", "a"), ("2", "B"), ("4", "d")]
    path.write_text("id,name\n1,a\n2,b\n3,c\n4,d\n")
    shop.load()  # back to earlier content, and a deleted key that returns
    assert shop.current("items", "id", "id, name") == [
        ("1", "a"),
        ("2", "b"),
        ("3", "c"),
        ("4", "d"),
    ]


def test_duplicate_and_empty_keys_are_quarantined(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv"', 'primary_key = ["id"]')
    (shop.data / "a.csv").write_text("id,name\n1,first\n2,b\n1,last\n,nobody\n")
    receipt = shop.load()["items"]
    assert (receipt.rows_received, receipt.rows_loaded, receipt.rows_rejected) == (4, 2, 2)
    assert shop.current("items", "id", "id, name") == [("1", "last"), ("2", "b")]
    assert shop.quarantined() == [("duplicate_key", 2), ("missing_key", 5)]


def test_missing_key_column_names_the_columns_there_are(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv"', 'primary_key = ["key"]')
    (shop.data / "a.csv").write_text("id,name\n1,a\n")
    receipt = shop.load()["items"]
    assert receipt.status == "failed"
    assert '"key", which is not there' in receipt.message_en
    assert "id, name" in receipt.remedy_en


@pytest.mark.parametrize("key", ["", 'primary_key = "id"'])
def test_shrunken_snapshot_is_held_back_until_accepted(shop: Installation, key: str) -> None:
    configure(shop, 'glob = "*.csv"', key)
    path = shop.data / "a.csv"
    path.write_text("id\n" + "".join(f"{i}\n" for i in range(10)))
    shop.load()
    path.write_text("id\n" + "".join(f"{i}\n" for i in range(5)))
    for _ in range(2):
        receipt = shop.load()["items"]
        assert (receipt.status, receipt.rows_received, receipt.rows_loaded) == ("held_back", 5, 0)
        assert receipt.rows_previous == 10
        assert "--accept-shrink" in receipt.remedy_en
        assert "--accept-shrink" in receipt.remedy_zh
    assert len(shop.rows("items")) == 10
    assert shop.load(accept_shrink=True)["items"].status == "loaded"
    if key:
        assert len(shop.current("items", "id", "id")) == 5
    else:
        assert shop.query(
            "select count(*) from {shop.items} "
            "where _load_id = (select max(_load_id) from {shop.items})"
        ) == [(5,)]


def test_empty_table_is_no_error_unless_it_shrank(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv"')
    path = shop.data / "a.csv"
    path.write_text("id,name\n")
    receipt = shop.load()["items"]
    assert (receipt.status, receipt.rows_loaded) == ("loaded", 0)
    assert shop.rows("items", "id, name") == []
    path.write_text("id,name\n1,a\n")
    shop.load()
    path.write_text("id,name\n")
    assert shop.load()["items"].status == "held_back"
    receipt = shop.load(accept_shrink=True)["items"]
    assert (receipt.status, receipt.rows_deleted) == ("loaded", 1)
    newest = "_load_id = (select max(_load_id) from {shop.items})"
    assert shop.query(f"select id, _is_deleted from {{shop.items}} where {newest}") == [
        (None, True)
    ]


def test_a_broken_row_never_deletes_a_key(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv"', 'primary_key = "id"', "shrink_ratio = 0")
    path = shop.data / "a.csv"
    path.write_text("id,name\n1,a\n2,b\n")
    shop.load()
    path.write_text("id,name\n1,a\n2,b,broken\n")
    assert shop.load()["items"].rows_deleted == 0
    path.write_text("id,name\n1,a\n")
    assert shop.load()["items"].rows_deleted == 1
    assert shop.current("items", "id", "id") == [("1",)]


def test_append_takes_each_file_once_and_of_a_grown_file_the_new_rows(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv"', 'load = "append"')
    (shop.data / "1.csv").write_text("id,name\n1,a\n1,a\n")
    assert shop.load()["items"].rows_loaded == 2
    assert shop.load()["items"].status == "unchanged"
    (shop.data / "2.csv").write_text("id,name\n1,a\n")  # another file with a row of its own
    assert shop.load()["items"].rows_loaded == 1
    (shop.data / "1.csv").write_text("id,name\n1,a\n1,a\n1,a\n2,b\n")
    receipt = shop.load()["items"]
    assert (receipt.rows_received, receipt.rows_loaded, receipt.count_files) == (4, 2, 1)
    os.utime(shop.data / "1.csv", (1, 1))  # touched, not changed
    assert shop.load()["items"].status == "unchanged"
    assert shop.load(full=True)["items"].rows_loaded == 0
    assert shop.query("select count(*) from {shop.items}") == [(5,)]


def test_append_loads_the_other_files_and_says_which_failed(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv.gz"', 'load = "append"')
    whole = gzip.compress(b"id\n" + b"1\n" * 5000)
    (shop.data / "bad.csv.gz").write_bytes(whole[:-10])
    (shop.data / "good.csv.gz").write_bytes(gzip.compress(b"id\n2\n"))
    receipt = shop.load()["items"]
    assert (receipt.status, receipt.rows_loaded, receipt.is_transient) == ("failed", 1, True)
    assert "bad.csv.gz: cannot be read" in receipt.message_en
    (shop.data / "bad.csv.gz").write_bytes(whole)
    receipt = shop.load()["items"]
    assert (receipt.status, receipt.rows_loaded) == ("loaded", 5000)


def test_reserved_column_is_refused(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv"')
    (shop.data / "a.csv").write_text("id,_load_id\n1,a\n")
    assert '"_load_id" is used by the lake' in shop.load()["items"].message_en


def test_lake_that_was_removed_is_loaded_again(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv"')
    (shop.data / "a.csv").write_text("id\n1\n")
    shop.load()
    for path in (shop.settings.raw / "shop" / "items").glob("*.parquet"):
        path.unlink()
    assert shop.load()["items"].rows_loaded == 1


def test_any_fsspec_place(shop: Installation) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/in/a.csv", b"id\n1\n")
    shop.sources(SOURCE.replace("{here}/data", "memory://bucket/in") + 'glob = "*.csv"')
    assert shop.load()["items"].rows_loaded == 1
    assert shop.rows("items", "_source_file") == [("a.csv",)]


def test_quarantine_keeps_the_whole_row(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv"')
    (shop.data / "a.csv").write_text("id,name\n1,a\n2," + "x" * 5000 + ",y\n")
    shop.load()
    assert shop.quarantined("length(raw_text)") == [(2000,)]
    (whole,) = (shop.settings.quarantine / "shop" / "items").glob("*.parquet")
    assert len(pq.read_table(whole)["raw_text"][0].as_py()) == 5004


def test_ops_tables_exist_with_their_columns_from_the_start(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv"')
    shop.load()
    assert shop.query("select count(*) from {ops.quarantined_rows}") == [(0,)]


@pytest.mark.parametrize("cut", [1, 4, 9])
def test_csv_row_that_is_being_written_is_taken_once_it_is_whole(
    shop: Installation, cut: int
) -> None:
    """Cut before the comma, within a number, and before the line's end."""
    configure(shop, 'glob = "*.csv"', 'load = "append"')
    file = shop.data / "a.csv"
    row = "2,12345678\n"
    file.write_text("id,amount\n1,10\n" + row[:cut], encoding="utf-8")
    receipt = shop.load()["items"]
    assert (receipt.status, receipt.rows_loaded, receipt.rows_rejected) == ("loaded", 1, 0)
    assert "its last line is not finished" in receipt.message_en
    with file.open("a", encoding="utf-8") as stream:
        stream.write(row[cut:] + "3,7")
    shop.load()
    assert shop.rows("items", "id, amount") == [("1", "10"), ("2", "12345678")]
    # As it was: the row needs no end.
    shop.load()
    assert shop.rows("items", "id, amount")[-1] == ("3", "7")
    assert shop.load()["items"].status == "unchanged"
    assert shop.quarantined() == []


def test_csv_file_of_yesterday_needs_no_end_of_its_last_line(shop: Installation) -> None:
    configure(shop, 'glob = "*.csv"', 'load = "append"')
    file = shop.data / "a.csv"
    file.write_text("id,amount\n1,10\n2,20", encoding="utf-8")
    yesterday = file.stat().st_mtime - 86_400
    os.utime(file, (yesterday, yesterday))
    assert shop.load()["items"].rows_loaded == 2
