"""SQL Server, Oracle and 达梦: what is asked of them, and their drivers where no server answers.

No server of these can be had for the tests. Their dialects write the statements here, sqlglot reads
them as the database would, and the real drivers meet a port that nobody listens on.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa
import sqlglot
from sqlalchemy.dialects import mssql, oracle

from dagster_project.connectors.sql_database import columns as column_types
from tests.unit.connectors.loading import Installation

URLS = {
    "mssql": "mssql://reader:s3cret-word@127.0.0.1:{port}/shop",
    "oracle": "oracle://reader:s3cret-word@127.0.0.1:{port}/?service_name=shop",
    "dm": "dm://reader:s3cret-word@127.0.0.1:{port}",
}
DRIVERS = {"mssql": "mssql+pymssql", "oracle": "oracle+oracledb", "dm": "dm+dmPython"}
SYNTAX = {"mssql": "tsql", "oracle": "oracle", "dm": "oracle"}


def columns_of(dialect: str, kinds: Mapping[str, Any]) -> column_types.Columns:
    described = [{"name": name, "type": kind} for name, kind in kinds.items()]
    return column_types.of_table(dialect, "orders", None, described)


def written(dialect: str, statement: sa.ClauseElement) -> str:
    """The statement as the dialect of SQLAlchemy writes it; sqlglot has to understand it."""
    engine = sa.create_engine(f"{DRIVERS[dialect]}://u@h")
    text = str(statement.compile(engine, compile_kwargs={"literal_binds": True}))
    sqlglot.parse_one(text, dialect=SYNTAX[dialect])
    return " ".join(text.split())


def chosen(dialect: str, kind: Any) -> tuple[str | None, str]:
    """Landed type of a column ``c`` of this kind, and what is selected for it."""
    columns = columns_of(dialect, {"c": kind})
    statement = sa.select(columns.chosen["c"]).select_from(columns.relation)
    text = written(dialect, statement)
    return columns.landed["c"], text.removeprefix("SELECT ").removesuffix(" FROM orders")


@pytest.mark.parametrize(
    ("kind", "landed", "selected"),
    [
        (mssql.BIT(), "boolean", "orders.c"),
        (mssql.TINYINT(), "integer", "orders.c"),
        (sa.BigInteger(), "integer", "orders.c"),
        (mssql.DECIMAL(38, 10), "decimal(10)", "orders.c"),
        (mssql.MONEY(), "decimal(4)", "CAST(orders.c AS NUMERIC(19, 4)) AS c"),
        (mssql.REAL(), "number", "orders.c"),
        (mssql.DATETIME(), "timestamp", "orders.c"),
        (mssql.SMALLDATETIME(), "timestamp", "orders.c"),
        (mssql.DATE(), "date", "orders.c"),
        (mssql.DATETIME2(7), "timestamp", "convert(varchar(27), orders.c, 121) AS c"),
        (
            mssql.DATETIMEOFFSET(7),
            "timestamp",
            "convert(varchar(27), CAST(switchoffset(orders.c, '+00:00') AS DATETIME2(7)), 121) "
            "+ 'Z' AS c",
        ),
        (mssql.TIME(7), "time", "convert(varchar(27), orders.c, 121) AS c"),
        (mssql.NVARCHAR(), "text", "orders.c"),
        (mssql.UNIQUEIDENTIFIER(), "text", "CAST(orders.c AS NVARCHAR(max)) AS c"),
        (mssql.XML(), "text", "CAST(orders.c AS NVARCHAR(max)) AS c"),
        (mssql.SQL_VARIANT(), "text", "CAST(orders.c AS NVARCHAR(max)) AS c"),
        (sa.types.NullType(), "text", "CAST(orders.c AS NVARCHAR(max)) AS c"),  # hierarchyid
        (mssql.IMAGE(), "binary", "orders.c"),
    ],
)
def test_types_of_sql_server(kind: Any, landed: str, selected: str) -> None:
    assert chosen("mssql", kind) == (landed, selected)


FORM = "'YYYY-MM-DD\"T\"HH24:MI:SS.FF9'"
MOMENT = (
    f"to_char(sys_extract_utc(CAST(orders.c AS TIMESTAMP(9) WITH TIME ZONE)), {FORM}) || 'Z' AS c"
)


@pytest.mark.parametrize(
    ("kind", "landed", "selected"),
    [
        (oracle.NUMBER(18, 2), "decimal(2)", "orders.c"),
        (oracle.NUMBER(), None, "orders.c"),
        (sa.Integer(), "integer", "orders.c"),
        (oracle.FLOAT(126), None, "orders.c"),
        (oracle.BINARY_DOUBLE(), "number", "orders.c"),
        (oracle.DATE(), "timestamp", "orders.c"),
        (oracle.TIMESTAMP(), "timestamp", f"to_char(orders.c, {FORM}) AS c"),
        (oracle.TIMESTAMP(timezone=True), "timestamp", MOMENT),
        (oracle.TIMESTAMP(local_timezone=True), "timestamp", MOMENT),
        (oracle.INTERVAL(), "text", "to_char(orders.c) AS c"),
        (oracle.CLOB(), "text", "orders.c"),
        (oracle.NVARCHAR2(40), "text", "orders.c"),
        (sa.LargeBinary(), "binary", "orders.c"),
        (sa.types.NullType(), None, "orders.c"),
    ],
)
def test_types_of_oracle(kind: Any, landed: str | None, selected: str) -> None:
    assert chosen("oracle", kind) == (landed, selected)


def test_types_of_dameng() -> None:
    from dmSQLAlchemy import types as dm

    assert chosen("dm", dm.NUMBER(18, 2)) == ("decimal(2)", "orders.c")
    assert chosen("dm", dm.TINYINT()) == (None, "orders.c")
    assert chosen("dm", dm.BIT()) == (None, "orders.c")
    assert chosen("dm", dm.TIMESTAMP()) == (
        "timestamp",
        "CASE WHEN (orders.c = CAST(orders.c AS TIMESTAMP(6))) THEN "
        "to_char(orders.c, 'YYYY-MM-DD\"T\"HH24:MI:SS.FF6') "
        "ELSE CAST(orders.c AS VARCHAR(64 CHAR)) END AS c",
    )
    landed, selected = chosen("dm", dm.TIMESTAMP(timezone=True))
    assert landed == "timestamp" and "sys_extract_utc" in selected


@pytest.mark.parametrize(
    ("dialect", "kind"),
    [
        ("mssql", mssql.DATETIMEOFFSET(7)),
        ("oracle", oracle.TIMESTAMP(timezone=True)),
        ("dm", oracle.TIMESTAMP(timezone=True)),
    ],
)
def test_cursor_with_a_zone_is_compared_as_utc(dialect: str, kind: Any) -> None:
    columns = columns_of(dialect, {"id": sa.Integer(), "changed": kind})
    cursor = sa.func.coalesce(columns.ordered["changed"], columns.ordered["id"])
    condition = columns.ordered["changed"] >= "2026-01-01T08:00:00"
    text = written(dialect, sa.select(cursor).select_from(columns.relation).where(condition))
    assert "orders.changed >= " not in text and "'2026-01-01T08:00:00'" in text
    plain = columns_of(dialect, {"changed": sa.DateTime()})
    condition = plain.ordered["changed"] >= sa.literal_column("x")
    assert "orders.changed >= x" in written(dialect, sa.select(condition.label("is_new")))


def test_columns_with_times_finer_than_a_microsecond_are_known() -> None:
    kinds = {"fine": mssql.DATETIME2(), "exact": mssql.DATETIME2(6), "old": mssql.DATETIME()}
    assert columns_of("mssql", kinds).finer == ["fine"]
    assert columns_of("oracle", {"at": oracle.TIMESTAMP(), "on": oracle.DATE()}).finer == ["at"]
    assert columns_of("postgresql", {"at": sa.TIMESTAMP()}).finer == []


def test_zone_of_a_query_of_oracle_is_told_by_its_driver() -> None:
    import oracledb

    class Result:
        """Of a result only names and description are read."""

        class cursor:  # noqa: N801
            description = (
                ("ID", oracledb.DB_TYPE_NUMBER, None, None, None, None, None),
                ("CHANGED", oracledb.DB_TYPE_TIMESTAMP_TZ, None, None, None, None, None),
            )

        @staticmethod
        def keys() -> list[str]:
            return ["id", "changed"]

    probe: Any = Result()
    columns = column_types.of_query("select id, changed from orders", probe, "oracle")
    assert columns.landed == {"id": None, "changed": "timestamp"}
    text = written("oracle", sa.select(columns.chosen["changed"]).select_from(columns.relation))
    assert "sys_extract_utc(CAST(q.changed AS" in text


def test_types_of_a_query_are_told_by_sql_server_and_by_the_driver_of_dameng() -> None:
    import dmPython

    class Result:
        class cursor:  # noqa: N801
            description = (("ID", dmPython.NUMBER), ("CHANGED", dmPython.TIMESTAMP_WITH_TIMEZONE))

        @staticmethod
        def keys() -> list[str]:
            return ["id", "changed"]

    probe: Any = Result()
    query = "select id, changed from orders"
    columns = column_types.of_query(query, probe, "dm")
    assert (columns.landed, columns.finer) == ({"id": None, "changed": "timestamp"}, ["changed"])
    for named, finer in (("datetimeoffset(7)", ["changed"]), ("datetimeoffset(3)", [])):
        columns = column_types.of_query(query, probe, "mssql", ["int", named])
        assert (columns.landed, columns.finer) == ({"id": None, "changed": "timestamp"}, finer)
        text = written("mssql", sa.select(columns.chosen["changed"]).select_from(columns.relation))
        assert "switchoffset(q.changed, '+00:00')" in text
    columns = column_types.of_query(query, probe, "mssql", ["int", None])
    assert columns.landed == {"id": None, "changed": None}
    written("mssql", column_types.DESCRIBE_QUERY.bindparams(query=query))


@pytest.mark.parametrize("dialect", sorted(URLS))
def test_real_driver_that_finds_no_server_says_so(
    shop: Installation, monkeypatch: pytest.MonkeyPatch, dialect: str
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("SHOP_URL", URLS[dialect].format(port=port))
    shop.sources(
        '[[source]]\nsystem = "shop"\nkind = "sql"\nurl_env = "SHOP_URL"\n'
        '  [[source.table]]\n  name = "deals"\n'
    )
    receipt = shop.load()["deals"]
    assert receipt.status == "failed" and receipt.is_transient
    assert "Check that the server runs" in receipt.remedy_en
    told = receipt.message_en + receipt.message_zh + receipt.remedy_en + receipt.remedy_zh
    assert "s3cret-word" not in told and "b'" not in told


@pytest.mark.parametrize(
    ("dialect", "said"),
    [
        ("mssql", (18456, b"Login failed for user 'reader'.\nDB-Lib error message 20018\n")),
        ("oracle", ("ORA-01017: invalid username/password; logon denied",)),
        ("dm", ("[CODE:-2501]用户名或密码错误",)),
    ],
)
def test_wrong_password_is_told_as_one(
    shop: Installation, monkeypatch: pytest.MonkeyPatch, dialect: str, said: tuple[Any, ...]
) -> None:
    """The words are the databases' own; the driver's connect is what raises them."""
    driver = sa.create_engine(f"{DRIVERS[dialect]}://u@h").dialect.import_dbapi()

    def refuse(*_: Any, **__: Any) -> None:
        raise driver.DatabaseError(said if dialect == "mssql" else said[0])

    monkeypatch.setattr(driver, "connect", refuse)
    monkeypatch.setenv("SHOP_URL", URLS[dialect].format(port=1))
    shop.sources(
        '[[source]]\nsystem = "shop"\nkind = "sql"\nurl_env = "SHOP_URL"\n'
        '  [[source.table]]\n  name = "deals"\n'
    )
    receipt = shop.load()["deals"]
    assert receipt.status == "failed" and not receipt.is_transient
    assert "Correct user and password" in receipt.remedy_en
    assert "b'" not in receipt.message_en
