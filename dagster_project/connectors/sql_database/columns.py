"""How each column of an SQL database travels, so that no value changes on its way.

A value of a type that the driver gives to Python unchanged comes as it is. Others the database
itself writes as text: a JSON number keeps all its digits, an interval its months, and what the
driver does not know comes as the database shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql, oracle, postgresql

from dagster_project.connectors.values import DECIMAL_DIGITS

# What a `numeric` without digits is landed with, unless its values need more.
LOOSE_DECIMAL = "decimal(18)"

# Types of PostgreSQL, as a query's result tells them.
_OF_OID: Mapping[int, sa.types.TypeEngine[Any]] = {
    16: sa.Boolean(),
    17: sa.LargeBinary(),
    20: sa.BigInteger(),
    21: sa.SmallInteger(),
    23: sa.Integer(),
    25: sa.Text(),
    700: sa.REAL(),
    701: sa.DOUBLE_PRECISION(),
    1042: sa.CHAR(),
    1043: sa.VARCHAR(),
    1082: sa.Date(),
    1083: sa.Time(),
    1114: sa.TIMESTAMP(),
    1184: sa.TIMESTAMP(timezone=True),
}
_NUMERIC_OID = 1700

# Types of Oracle that its driver changes, as a query's result tells them.
_OF_ORACLE: Mapping[str, sa.types.TypeEngine[Any]] = {
    "DB_TYPE_TIMESTAMP_TZ": oracle.TIMESTAMP(timezone=True),
    "DB_TYPE_TIMESTAMP_LTZ": oracle.TIMESTAMP(local_timezone=True),
    "DB_TYPE_INTERVAL_DS": oracle.INTERVAL(),
    "DB_TYPE_INTERVAL_YM": oracle.INTERVAL(),
}
_LIKE_ORACLE = ("oracle", "dm")


@dataclass
class Columns:
    """Columns of one relation.

    ``landed`` is the type of each in the lake, None where the values have to tell. ``chosen`` is
    what is selected for it. ``plain`` is what is selected where the result is taken as Arrow: there
    also exact numbers come as text. ``loose`` columns have a type that the values may widen.
    ``ordered`` is what a cursor on the column compares. ``cut`` columns may hold times that are
    finer than a microsecond.
    """

    relation: sa.FromClause
    landed: dict[str, str | None] = field(default_factory=dict)
    chosen: dict[str, sa.ColumnElement[Any]] = field(default_factory=dict)
    plain: dict[str, sa.ColumnElement[Any]] = field(default_factory=dict)
    loose: set[str] = field(default_factory=set)
    ordered: dict[str, sa.ColumnElement[Any]] = field(default_factory=dict)
    cut: list[str] = field(default_factory=list)

    def add(self, dialect: str, name: str, kind: sa.types.TypeEngine[Any]) -> None:
        """Decide how column ``name`` of type ``kind`` travels."""
        column = self.relation.c[name]
        self.landed[name], self.chosen[name] = _travel(dialect, column, kind)
        self.plain[name] = self.chosen[name]
        base = _base(kind)
        if _is_finer(dialect, base):
            self.cut.append(name)
        # Drivers of these tell a time with its zone each in their own way; as text it has an order.
        is_text = dialect in (*_LIKE_ORACLE, "mssql") and _has_zone(base)
        self.ordered[name] = _unlabelled(self.chosen[name]) if is_text else column
        if isinstance(base, sa.Numeric) and dialect == "postgresql":
            if not isinstance(base, sa.Float) or isinstance(base, sa.REAL):
                # The shortest text of a single-precision number, not its binary digits.
                self.plain[name] = sa.cast(column, sa.Text).label(name)
            if self.landed[name] is None:
                self.loose.add(name)
        elif isinstance(base, mysql.BIGINT) and base.unsigned:
            self.loose.add(name)


def of_table(
    dialect: str, name: str, schema: str | None, described: Iterable[Mapping[str, Any]]
) -> Columns:
    """Columns of a table, as SQLAlchemy's inspector describes them."""
    kinds = {column["name"]: column["type"] for column in described}
    if dialect == "sqlite":
        # Untyped: values come as they are stored, so that one odd value does not stop the whole
        # table in a driver's conversion.
        elements: list[sa.ColumnClause[Any]] = [sa.column(column) for column in kinds]
    else:
        elements = [sa.column(column, _readable(kind)) for column, kind in kinds.items()]
    columns = Columns(sa.table(name, *elements, schema=schema))
    for column, kind in kinds.items():
        columns.add(dialect, column, kind)
    return columns


def of_query(query: str, probe: sa.CursorResult[Any], dialect: str) -> Columns:
    """Columns of a query; ``probe`` is a result of it, whose rows are not needed."""
    inner = sa.text(query.strip().rstrip(";"))
    names = list(probe.keys())
    description: list[Any] = list(probe.cursor.description or ()) if probe.cursor else []
    relation = inner.columns(*(sa.column(name) for name in names)).subquery("q")
    columns = Columns(relation)
    for name, told in zip(names, description or [None] * len(names), strict=True):
        kind = _told_by(dialect, told)
        if kind is None:
            # An array, a range, a type of an extension: PostgreSQL writes it as JSON, so that a
            # list is a list; a JSON text is what it is.
            columns.landed[name] = "text"
            column = relation.c[name]
            columns.chosen[name] = columns.plain[name] = _as_list(column).label(name)
            columns.ordered[name] = column
            continue
        columns.add(dialect, name, kind)
        if isinstance(kind, sa.types.NullType):
            columns.landed[name] = None
            columns.chosen[name] = columns.plain[name] = relation.c[name]
    return columns


def _told_by(dialect: str, told: Any) -> sa.types.TypeEngine[Any] | None:
    """Type of a result's column, where the driver tells one that decides how it travels."""
    if dialect == "postgresql":
        return _told_by_postgresql(told)
    if dialect == "oracle" and told is not None:
        return _OF_ORACLE.get(getattr(told[1], "name", ""), sa.types.NullType())
    return sa.types.NullType()


def _told_by_postgresql(told: Any) -> sa.types.TypeEngine[Any] | None:
    """Type of a result's column; None where its values are written by the server."""
    code = told[1]
    if code == _NUMERIC_OID:
        precision, scale = told[4], told[5]
        # Without digits PostgreSQL tells 65535.
        if precision is None or precision > 1000:
            return sa.Numeric()
        return sa.Numeric(precision, scale)
    return _OF_OID.get(code)


def _as_list(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Text of any value; of an array a JSON list."""
    as_text = sa.cast(column, sa.Text)
    is_array = sa.func.pg_typeof(column).cast(sa.Text).like("%[]")
    return sa.case((is_array, sa.cast(sa.func.to_jsonb(column), sa.Text)), else_=as_text)


def _base(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """The type that a domain stands for."""
    while isinstance(kind, postgresql.DOMAIN):
        kind = kind.data_type
    return kind


def _readable(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """The type by which SQLAlchemy may convert values: none where it would change them."""
    base = _base(kind)
    if isinstance(base, oracle.FLOAT):
        return sa.Numeric()
    # JSON is not parsed, a set of words keeps its order, and 100 hours do not become 4 o'clock.
    return sa.types.NullType() if isinstance(base, sa.JSON | mysql.SET | mysql.TIME) else base


def _travel(
    dialect: str, column: sa.ColumnElement[Any], kind: sa.types.TypeEngine[Any]
) -> tuple[str | None, sa.ColumnElement[Any]]:
    """Landed type of a column, and what is selected for it."""
    base = _base(kind)
    name = column.key or ""
    if dialect == "sqlite" and isinstance(base, sa.Numeric):
        return "number", column  # SQLite keeps every decimal as a binary floating point number
    landed = landed_type(base)
    if dialect == "postgresql":
        if isinstance(base, sa.ARRAY):
            return "text", sa.cast(sa.func.to_jsonb(column), sa.Text).label(name)
        if not isinstance(base, _NATIVE) or isinstance(base, sa.Enum | postgresql.CITEXT):
            return "text", sa.cast(column, sa.Text).label(name)
        if isinstance(base, sa.Time) and base.timezone:
            return "text", sa.cast(column, sa.Text).label(name)
    elif dialect in ("mysql", "mariadb"):
        if isinstance(base, mysql.BIGINT) and base.unsigned:
            return "decimal(0)", column
        if isinstance(base, mysql.YEAR):
            return "integer", column
        if isinstance(base, sa.FLOAT | mysql.FLOAT) and not isinstance(base, sa.DOUBLE):
            # As it is shown, a single-precision number has lost digits.
            return "number", (column + sa.literal_column("0E0", sa.Double)).label(name)
    elif dialect == "mssql":
        return _of_sql_server(base, column, landed)
    elif dialect in _LIKE_ORACLE:
        return _of_oracle(dialect, base, column, landed)
    return landed, column


_AS_SQL_SERVER_SHOWS = (mssql.UNIQUEIDENTIFIER, mssql.SQL_VARIANT, mssql.XML, sa.types.NullType)


def _of_sql_server(
    base: sa.types.TypeEngine[Any], column: sa.ColumnElement[Any], landed: str | None
) -> tuple[str | None, sa.ColumnElement[Any]]:
    """What SQL Server itself writes as text, so that no version of the protocol changes it.

    A time keeps six of the seven digits that it may have behind the second.
    """
    name = column.key or ""
    if isinstance(base, mssql.DATETIMEOFFSET):
        at_utc = sa.cast(sa.func.switchoffset(column, "+00:00"), mssql.DATETIME2(7))
        return "timestamp", (_sql_server_time(at_utc, 26) + "Z").label(name)
    if isinstance(base, mssql.DATETIME2):
        return "timestamp", _sql_server_time(column, 26).label(name)
    if isinstance(base, sa.Time):
        return "time", _sql_server_time(column, 15).label(name)
    if isinstance(base, mssql.MONEY | mssql.SMALLMONEY):
        return "decimal(4)", sa.cast(column, sa.Numeric(19, 4)).label(name)
    if isinstance(base, _AS_SQL_SERVER_SHOWS):
        # Also hierarchies and shapes, which the driver does not know.
        return "text", sa.cast(column, sa.Unicode).label(name)
    return landed, column


def _sql_server_time(value: sa.ColumnElement[Any], length: int) -> sa.ColumnElement[str]:
    """A time in the ODBC form, style 121, cut behind the microsecond."""
    form: sa.ColumnElement[str] = sa.func.convert(
        sa.literal_column("varchar(27)"), value, sa.literal_column("121"), type_=sa.String()
    )
    return sa.func.left(form, sa.literal_column(str(length)), type_=sa.String())


def _of_oracle(
    dialect: str,
    base: sa.types.TypeEngine[Any],
    column: sa.ColumnElement[Any],
    landed: str | None,
) -> tuple[str | None, sa.ColumnElement[Any]]:
    """What Oracle and 达梦 write as text: their drivers leave out the zone of a time.

    Times keep six digits behind the second.
    """
    name = column.key or ""
    if _has_zone(base):
        zoned = sa.cast(column, oracle.TIMESTAMP(timezone=True))
        form: sa.ColumnElement[str] = sa.literal_column("'YYYY-MM-DD\"T\"HH24:MI:SS.FF6'")
        text = sa.func.to_char(sa.func.sys_extract_utc(zoned), form, type_=sa.String())
        return "timestamp", (text + sa.literal_column("'Z'", sa.String())).label(name)
    if isinstance(base, sa.Interval | oracle.INTERVAL):
        return "text", sa.func.to_char(column, type_=sa.String()).label(name)
    if isinstance(base, oracle.FLOAT):
        return None, column  # a decimal number of up to 38 digits, not a binary one
    if dialect == "dm" and not isinstance(base, _NATIVE):
        return None, column
    return landed, column


def _has_zone(base: sa.types.TypeEngine[Any]) -> bool:
    """Whether a time column of SQL Server, Oracle or 达梦 names moments."""
    if isinstance(base, mssql.DATETIMEOFFSET):
        return True
    is_local = getattr(base, "local_timezone", False)
    return isinstance(base, sa.DateTime) and bool(base.timezone or is_local)


def _is_finer(dialect: str, base: sa.types.TypeEngine[Any]) -> bool:
    """Whether times of this type may have more than six digits behind the second."""
    if dialect == "mssql" and isinstance(base, mssql.DATETIME2 | mssql.DATETIMEOFFSET | mssql.TIME):
        return base.precision is None or base.precision > 6
    # How many digits a timestamp of Oracle or 达梦 has is not told.
    return dialect in _LIKE_ORACLE and isinstance(base, sa.TIMESTAMP)


def _unlabelled(element: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return element.element if isinstance(element, sa.Label) else element


_NATIVE = (
    sa.Boolean,
    sa.Integer,
    sa.Numeric,
    sa.String,
    sa.LargeBinary,
    sa.Date,
    sa.DateTime,
    sa.Time,
)


def landed_type(kind: sa.types.TypeEngine[Any]) -> str | None:
    """Landed type of an SQL type; None where the values have to tell."""
    if isinstance(kind, sa.Boolean):
        return "boolean"
    if isinstance(kind, sa.Float):
        return "number"
    if isinstance(kind, sa.Numeric):  # before the integers: 达梦's NUMBER is of both classes
        scale, precision = kind.scale, kind.precision
        if precision is not None and precision <= DECIMAL_DIGITS and (scale or 0) >= 0:
            return f"decimal({scale or 0})"
        return None
    if isinstance(kind, sa.Integer):
        return "integer"
    if isinstance(kind, sa.DateTime):
        return "timestamp"
    if isinstance(kind, sa.Date):
        return "date"
    if isinstance(kind, sa.Time):
        return "time"
    if isinstance(kind, sa.LargeBinary):
        return "binary"
    if isinstance(kind, sa.types.NullType):
        return None
    return "text"
