"""No value changes on its way: every type of PostgreSQL, MySQL and SQLite, or a clear refusal."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from dagster_project.connectors.sql_database import reader
from tests.integration.connectors.test_mysql import server as mariadb
from tests.unit.connectors.loading import Installation

pytestmark = pytest.mark.integration

LONG = "长文本 😀 " * 20_000

# Type, literal, and the text of what is landed (bytes as hexadecimal digits).
POSTGRESQL = [
    ("smallint", "-32768", "-32768"),
    ("integer", "2147483647", "2147483647"),
    ("bigint", "-9223372036854775808", "-9223372036854775808"),
    ("oid", "4294967295", "4294967295"),
    ("xid8", "'18446744073709551615'", "18446744073709551615"),
    (
        "numeric(38, 10)",
        "1234567890123456789012345678.0123456789",
        "1234567890123456789012345678.0123456789",
    ),
    ("numeric(12, 2)", "-0.01", "-0.01"),
    ("numeric", "0.123456789012345678", "0.123456789012345678"),
    ("numeric(60, 0)", "123456789012345678", "123456789012345678.000000000000000000"),
    ("real", "'0.1'", "0.1"),
    ("double precision", "0.1::float8 + 0.2::float8", "0.30000000000000004"),
    ("money", "'12.34'", "$12.34"),
    ("boolean", "true", "true"),
    ("text", "E'甲\\t😀\\n\\\\\"''%:x'", "甲\t😀\n\\\"'%:x"),
    ("text", f"'{LONG}'", LONG),
    ("varchar(9)", "'㐀𠀀'", "㐀𠀀"),
    ("char(4)", "'ab'", "ab  "),
    ('"char"', "'x'", "x"),
    ("name", "'n'", "n"),
    ("bytea", "'\\x00ff10'", "00ff10"),
    ("date", "'0001-01-01'", "0001-01-01"),
    ("date", "'9999-12-31'", "9999-12-31"),
    ("time(6)", "'23:59:59.999999'", "23:59:59.999999"),
    ("time with time zone", "'08:30:00+08'", "08:30:00+08"),
    ("timestamp", "'2025-01-31 09:30:00.123456'", "2025-01-31 01:30:00.123456"),
    (
        "timestamp with time zone",
        "'2025-01-31 09:30:00.000001+05:30'",
        "2025-01-31 04:00:00.000001",
    ),
    ("interval", "'1 year 2 months 3 days 04:05:06.789'", "1 year 2 mons 3 days 04:05:06.789"),
    ("interval", "'-1 month'", "-1 mons"),
    ("uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    (
        "json",
        '\'{"a":  1.10, "n": 0.1234567890123456789}\'',
        '{"a":  1.10, "n": 0.1234567890123456789}',
    ),
    (
        "jsonb",
        '\'{"n": 12345678901234567890.10, "t": "甲"}\'',
        '{"n": 12345678901234567890.10, "t": "甲"}',
    ),
    ("text[]", "array['甲', null, 'a,b\"']", '["甲", null, "a,b\\""]'),
    ("numeric[]", "array[0.1234567890123456789]", "[0.1234567890123456789]"),
    ("integer[][]", "array[[1, 2], [3, 4]]", "[[1, 2], [3, 4]]"),
    (
        "timestamptz[]",
        "array['2025-01-31 09:30:00+00'::timestamptz]",
        '["2025-01-31T17:30:00+08:00"]',
    ),
    ("int4range", "'[1,5)'", "[1,5)"),
    ("tstzrange", "'[2025-01-31 00:00+00,)'", '["2025-01-31 08:00:00+08",)'),
    ("inet", "'192.168.0.1/24'", "192.168.0.1/24"),
    ("cidr", "'2001:db8::/32'", "2001:db8::/32"),
    ("macaddr", "'08:00:2b:01:02:03'", "08:00:2b:01:02:03"),
    ("bit(5)", "B'10101'", "10101"),
    ("bit varying(9)", "B'101'", "101"),
    ("point", "'(1.5,-2)'", "(1.5,-2)"),
    ("polygon", "'((0,0),(1,1))'", "((0,0),(1,1))"),
    ("tsvector", "'a b'", "'a' 'b'"),
    ("xml", "'<a>甲</a>'", "<a>甲</a>"),
    ("pg_lsn", "'16/B374D848'", "16/B374D848"),
    ("mood", "'高'", "高"),
    ("amount", "12.30", "12.300000000000000000"),
    ("pair", "row(1, '甲')", "(1,甲)"),
]
MYSQL = [
    ("tinyint", "-128", "-128"),
    ("tinyint unsigned", "255", "255"),
    ("mediumint", "-8388608", "-8388608"),
    ("int unsigned", "4294967295", "4294967295"),
    ("bigint", "-9223372036854775808", "-9223372036854775808"),
    ("bigint unsigned", "18446744073709551615", "18446744073709551615"),
    ("decimal(38, 10)", "1234567890123456789012345678.0123456789",
     "1234567890123456789012345678.0123456789"),
    ("float", "1.2345678", "1.2345677614212036"),
    ("double", "0.1", "0.1"),
    ("bit(8)", "b'10000001'", "129"),
    ("year", "2025", "2025"),
    ("date", "'9999-12-31'", "9999-12-31"),
    ("datetime(6)", "'2025-01-31 09:30:00.123456'", "2025-01-31 01:30:00.123456"),
    ("timestamp(6)", "'2025-01-31 09:30:00.123456'", "2025-01-31 09:30:00.123456"),
    ("time(6)", "'23:59:59.999999'", "23:59:59.999999"),
    ("char(4)", "'ab'", "ab"),
    ("varchar(20)", "'😀㐀𠀀%s:x'", "😀㐀𠀀%s:x"),
    ("varchar(20) character set gbk", "'镕囍'", "镕囍"),
    ("longtext", f"'{LONG}'", LONG),
    ("binary(3)", "x'00ff10'", "00ff10"),
    ("longblob", "x'00ff'", "00ff"),
    ("enum('低', '高')", "'高'", "高"),
    ("set('b', 'a', 'c')", "'a,b'", "b,a"),
    ("json", "'{\"n\": 0.1234567890123456789}'", '{"n": 0.1234567890123456789}'),
]  # fmt: skip
SQLITE = [
    ("integer", 2**63 - 1, str(2**63 - 1)),
    ("bigint", -(2**63), str(-(2**63))),
    ("real", 0.1, "0.1"),
    ("decimal(12, 2)", 19.99, "19.99"),
    ("boolean", 1, "true"),
    ("text", "甲😀\n%:x", "甲😀\n%:x"),
    ("varchar(9)", LONG, LONG),
    ("blob", b"\x00\xff", "00ff"),
    ("date", "2025-01-31", "2025-01-31"),
    ("time", "08:30:00.5", "08:30:00.500000"),
    ("timestamp", "2025-01-31 09:30:00.123456", "2025-01-31 01:30:00.123456"),
    ("json", '{"n": 0.1234567890123456789}', '{"n": 0.1234567890123456789}'),
]
SOURCE = """
[[source]]
system = "shop"
kind = "sql"
time_zone = "Asia/Shanghai"
{url}
  [[source.table]]
  name = "every_type"
  [[source.table]]
  name = "a_query"
  query = "select * from every_type"
"""


def told(value: Any) -> str | None:
    """A landed value as text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return value.hex() if isinstance(value, bytes) else str(value)


def differences(shop: Installation, table: str, expected: list[str]) -> dict[int, tuple[str, str]]:
    """Columns of ``table`` whose values are not as expected, beside a row of NULLs."""
    names = ", ".join(f"c{index}" for index in range(len(expected)))
    rows = shop.query(f"select {names} from {{shop.{table}}} order by c0 is null")
    assert len(rows) == 2
    assert rows[1] == (None,) * len(expected)
    found = [told(value) for value in rows[0]]
    return {
        index: (str(one)[:80], wanted[:80])
        for index, (one, wanted) in enumerate(zip(found, expected, strict=True))
        if one != wanted
    }


@pytest.fixture
def database(server: str, shop: Installation, monkeypatch: pytest.MonkeyPatch) -> sa.Engine:
    """An engine of the PostgreSQL that the source reads."""
    url = f"postgresql://owner:s3cret%2F%40word@{server}"
    monkeypatch.setenv("SHOP_URL", url)
    shop.sources(SOURCE.format(url='url_env = "SHOP_URL"'))
    return sa.create_engine(url.replace("://", "+psycopg2://"), poolclass=sa.pool.NullPool)


@pytest.mark.parametrize("way", ["as Arrow", "row by row"])
def test_every_type_of_postgresql(
    database: sa.Engine, shop: Installation, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = []
    original = reader.write_batches

    def write_batches(*arguments: Any) -> Any:
        if way == "row by row":
            raise reader.NotExact
        used.append(original(*arguments))
        return used[-1]

    monkeypatch.setattr(reader, "write_batches", write_batches)
    columns = ", ".join(f"c{index} {kind}" for index, (kind, _, _) in enumerate(POSTGRESQL))
    values = ", ".join(literal for _, literal, _ in POSTGRESQL)
    with database.begin() as connection:
        run = connection.exec_driver_sql
        run("drop table if exists every_type; drop type if exists mood, pair; "
            "drop domain if exists amount")  # fmt: skip
        run("create type mood as enum ('低', '高'); create domain amount as numeric(12, 2); "
            "create type pair as (number integer, word text)")  # fmt: skip
        run(f"create table every_type ({columns})")
        run(f"insert into every_type values ({values})".replace("%", "%%"))
        run("insert into every_type default values")
    receipts = shop.load()
    assert [r.message_en for r in receipts.values()] == ["", ""]
    assert len(used) == (2 if way == "as Arrow" else 0)
    expected = [text for _, _, text in POSTGRESQL]
    assert differences(shop, "every_type", expected) == {}
    # The result of a query tells the digits of a domain; the table's description does not.
    place = [kind for kind, _, _ in POSTGRESQL].index("amount")
    expected[place] = "12.30"
    assert differences(shop, "a_query", expected) == {}
    # Nothing changed, so nothing is landed again, whichever way it is read.
    assert {r.status for r in shop.load().values()} == {"unchanged"}


@pytest.mark.parametrize(
    ("kind", "literal", "shown"),
    [
        ("date", "'infinity'", "infinity"),
        ("date", "'-infinity'", "-infinity"),
        ("date", "'0044-03-15 BC'", "0044-03-15 BC"),
        ("timestamp", "'infinity'", "infinity"),
        ("timestamp", "'12000-01-01'", "12000-01-01"),
        ("timestamptz", "'infinity'", "infinity"),
        ("time", "'24:00'", "24:00:00"),
        ("numeric(12, 2)", "'NaN'", "NaN"),
        ("numeric", "'Infinity'", "Infinity"),
    ],
)
def test_value_without_a_place_in_the_lake_sets_apart_its_row_only(
    database: sa.Engine, shop: Installation, kind: str, literal: str, shown: str
) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql(
            f"drop table if exists every_type; create table every_type (id integer, odd {kind}); "
            f"insert into every_type values (1, null), (2, {literal})"
        )
    receipt = shop.load(tables=["every_type"])["every_type"]
    assert (receipt.rows_received, receipt.rows_loaded, receipt.rows_rejected) == (2, 1, 1)
    ((code, reason),) = shop.quarantined("reason_code, reason_en")
    assert code == "type_changed" and 'column "odd"' in reason and shown in reason


def test_number_without_digits_keeps_what_later_loads_bring(
    database: sa.Engine, shop: Installation
) -> None:
    def add(*values: str) -> None:
        with database.begin() as connection:
            for value in values:
                connection.exec_driver_sql(f"insert into every_type values ({value})")

    with database.begin() as connection:
        connection.exec_driver_sql(
            "drop table if exists every_type; create table every_type (odd numeric)"
        )
    add("10")
    shop.load(tables=["every_type"])
    add("0.123456789012345678")
    assert shop.load(tables=["every_type"])["every_type"].rows_rejected == 0
    newest = "_load_id = (select max(_load_id) from {shop.every_type})"
    assert shop.query(f"select odd from {{shop.every_type}} where {newest} order by 1") == [
        (Decimal("0.123456789012345678"),),
        (Decimal(10),),
    ]


@pytest.fixture(scope="module")
def mysql_server() -> Iterator[str]:
    yield from mariadb.__wrapped__()  # type: ignore[attr-defined]


def test_every_type_of_mysql(
    mysql_server: str, shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"mysql://owner:s3cret%2F%40word@{mysql_server}"
    monkeypatch.setenv("SHOP_URL", url)
    shop.sources(
        SOURCE.format(url='url_env = "SHOP_URL"').split('  [[source.table]]\n  name = "a_')[0]
    )
    columns = ", ".join(f"c{index} {kind} null" for index, (kind, _, _) in enumerate(MYSQL))
    values = ", ".join(literal for _, literal, _ in MYSQL)
    engine = sa.create_engine(url.replace("://", "+pymysql://"), poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        run = connection.exec_driver_sql
        run("set time_zone = '+00:00'")
        run("drop table if exists every_type")
        run(f"create table every_type ({columns}) character set utf8mb4")
        run(f"insert into every_type values ({values})".replace("%", "%%"))
        run(f"insert into every_type values ({', '.join(['null'] * len(MYSQL))})")
    receipt = shop.load()["every_type"]
    assert receipt.message_en == ""
    assert differences(shop, "every_type", [text for _, _, text in MYSQL]) == {}


def test_time_of_mysql_that_is_no_time_of_day_is_refused(
    mysql_server: str, shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"mysql://owner:s3cret%2F%40word@{mysql_server}"
    monkeypatch.setenv("SHOP_URL", url)
    shop.sources(SOURCE.format(url='url_env = "SHOP_URL"'))
    engine = sa.create_engine(url.replace("://", "+pymysql://"), poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        for statement in (
            "drop table if exists every_type",
            "create table every_type (id int, span time)",
            "insert into every_type values (1, '100:00:00'), (2, '08:00:00')",
        ):
            connection.exec_driver_sql(statement)
    receipt = shop.load(tables=["every_type"])["every_type"]
    assert (receipt.rows_loaded, receipt.rows_rejected) == (1, 1)


def test_every_type_of_sqlite(shop: Installation) -> None:
    path: Path = shop.data / "shop.sqlite"
    shop.sources(SOURCE.format(url='url = "sqlite:///{here}/data/shop.sqlite"'))
    connection = sqlite3.connect(path)
    columns = ", ".join(f"c{index} {kind}" for index, (kind, _, _) in enumerate(SQLITE))
    marks = ", ".join("?" * len(SQLITE))
    with connection:
        connection.execute(f"create table every_type ({columns})")
        connection.execute(
            f"insert into every_type values ({marks})", [value for _, value, _ in SQLITE]
        )
        connection.execute("insert into every_type default values")
    connection.close()
    receipt = shop.load(tables=["every_type"])["every_type"]
    assert receipt.message_en == ""
    assert differences(shop, "every_type", [text for _, _, text in SQLITE]) == {}
