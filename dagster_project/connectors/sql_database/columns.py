"""How each column of an SQL database travels, so that no value changes on its way.

A value of a type that the driver gives to Python unchanged comes as it is. Others the database
itself writes as text: a JSON number keeps all its digits, an interval its months, and what the
driver does not know comes as the database shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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

# Types of Oracle and 达梦 that their drivers change, as a query's result tells them.
_OF_ORACLE: Mapping[str, sa.types.TypeEngine[Any]] = {
    "DB_TYPE_TIMESTAMP": oracle.TIMESTAMP(),
    "DB_TYPE_TIMESTAMP_TZ": oracle.TIMESTAMP(timezone=True),
    "DB_TYPE_TIMESTAMP_LTZ": oracle.TIMESTAMP(local_timezone=True),
    "DB_TYPE_INTERVAL_DS": oracle.INTERVAL(),
    "DB_TYPE_INTERVAL_YM": oracle.INTERVAL(),
}
_OF_DAMENG: Mapping[str, sa.types.TypeEngine[Any]] = {
    "TIMESTAMP": sa.TIMESTAMP(),
    "TIMESTAMP_WITH_TIMEZONE": sa.TIMESTAMP(timezone=True),
}
_LIKE_ORACLE = ("oracle", "dm")

# Types of SQL Server that its driver changes, as the server names them.
_OF_SQL_SERVER: Mapping[
    str, type[mssql.DATETIME2] | type[mssql.DATETIMEOFFSET] | type[mssql.TIME]
] = {
    "datetime2": mssql.DATETIME2,
    "datetimeoffset": mssql.DATETIMEOFFSET,
    "time": mssql.TIME,
}
# What SQL Server says of the columns of a query.
DESCRIBE_QUERY = sa.text(
    "select system_type_name from sys.dm_exec_describe_first_result_set(:query, null, 0) "
    "where is_hidden = 0 order by column_ordinal"
)


@dataclass
class Columns:
    """Columns of one relation.

    ``landed`` is the type of each in the lake, None where the values have to tell. ``chosen`` is
    what is selected for it. ``plain`` is what is selected where the result is taken as Arrow: there
    also exact numbers come as text. ``loose`` columns have a type that the values may widen.
    ``ordered`` is what a cursor on the column compares. ``finer`` columns may hold times with
    digits behind the microsecond.
    """

    relation: sa.FromClause
    landed: dict[str, str | None] = field(default_factory=dict)
    chosen: dict[str, sa.ColumnElement[Any]] = field(default_factory=dict)
    plain: dict[str, sa.ColumnElement[Any]] = field(default_factory=dict)
    loose: set[str] = field(default_factory=set)
    ordered: dict[str, sa.ColumnElement[Any]] = field(default_factory=dict)
    finer: list[str] = field(default_factory=list)

    def add(self, dialect: str, name: str, kind: sa.types.TypeEngine[Any]) -> None:
        """Decide how column ``name`` of type ``kind`` travels."""
        column = self.relation.c[name]
        self.landed[name], self.chosen[name] = _travel(dialect, column, kind)
        self.plain[name] = self.chosen[name]
        base = _base(kind)
        if _is_finer(dialect, base):
            self.finer.append(name)
        self.ordered[name] = column
        if _has_zone(base):
            # Drivers of these tell a time with its zone each in their own way; text has an order.
            if dialect in _LIKE_ORACLE:
                self.ordered[name] = _oracle_moment(dialect, column)
            elif dialect == "mssql":
                self.ordered[name] = _sql_server_moment(column)
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


def of_query(
    query: str,
    probe: sa.CursorResult[Any],
    dialect: str,
    described: Sequence[str | None] = (),
) -> Columns:
    """Columns of a query; ``probe`` is a result of it, whose rows are not needed.

    ``described`` are their types as SQL Server names them, whose driver does not tell them.
    """
    inner = sa.text(query.strip().rstrip(";"))
    names = list(probe.keys())
    description: list[Any] = list(probe.cursor.description or ()) if probe.cursor else []
    if dialect == "mssql":
        description = list(described)
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
    if told is None:
        return sa.types.NullType()
    if dialect == "oracle":
        return _OF_ORACLE.get(getattr(told[1], "name", ""), sa.types.NullType())
    if dialect == "dm":
        return _OF_DAMENG.get(getattr(told[1], "__name__", ""), sa.types.NullType())
    if dialect == "mssql":
        name, _, digits = told.rstrip(")").partition("(")
        kind = _OF_SQL_SERVER.get(name)
        return kind(precision=int(digits or 7)) if kind else sa.types.NullType()
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
    """What SQL Server itself writes as text, so that no version of the protocol changes it."""
    name = column.key or ""
    if isinstance(base, mssql.DATETIMEOFFSET):
        return "timestamp", _sql_server_moment(column).label(name)
    if isinstance(base, mssql.DATETIME2 | sa.Time):
        landed = "time" if isinstance(base, sa.Time) else "timestamp"
        return landed, _sql_server_time(column).label(name)
    if isinstance(base, mssql.MONEY | mssql.SMALLMONEY):
        return "decimal(4)", sa.cast(column, sa.Numeric(19, 4)).label(name)
    if isinstance(base, _AS_SQL_SERVER_SHOWS):
        # Also hierarchies and shapes, which the driver does not know.
        return "text", sa.cast(column, sa.Unicode).label(name)
    return landed, column


def _sql_server_time(value: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """A time in the ODBC form, style 121, with all its digits."""
    form: sa.ColumnElement[Any] = sa.literal_column("121")
    return sa.func.convert(sa.literal_column("varchar(27)"), value, form, type_=sa.String())


def _sql_server_moment(column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """A time with an offset as text at UTC."""
    at_utc = sa.cast(sa.func.switchoffset(column, "+00:00"), mssql.DATETIME2(7))
    return _sql_server_time(at_utc) + "Z"


class _Timestamp(sa.types.UserDefinedType[Any]):
    """``TIMESTAMP`` with its digits named: a cast to one without them keeps six."""

    cache_ok = True

    def __init__(self, digits: int, *, has_zone: bool) -> None:
        self.digits = digits
        self.has_zone = has_zone

    def get_col_spec(self, **_: Any) -> str:
        return f"TIMESTAMP({self.digits})" + (" WITH TIME ZONE" if self.has_zone else "")


def _digits(dialect: str) -> int:
    """Digits behind the second that a time is written with; not every 达梦 knows more."""
    return 6 if dialect == "dm" else 9


def _oracle_time(dialect: str, value: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    form: sa.ColumnElement[str] = sa.literal_column(
        f"'YYYY-MM-DD\"T\"HH24:MI:SS.FF{_digits(dialect)}'"
    )
    return sa.func.to_char(value, form, type_=sa.String())


def _oracle_moment(dialect: str, column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """A time with a (local) time zone as text at UTC."""
    zoned = sa.cast(column, _Timestamp(_digits(dialect), has_zone=True))
    at_utc = sa.func.sys_extract_utc(zoned)
    return _oracle_time(dialect, at_utc) + sa.literal_column("'Z'", sa.String())


def _of_oracle(
    dialect: str,
    base: sa.types.TypeEngine[Any],
    column: sa.ColumnElement[Any],
    landed: str | None,
) -> tuple[str | None, sa.ColumnElement[Any]]:
    """What Oracle and 达梦 write as text: their drivers leave out zones and nanoseconds."""
    name = column.key or ""
    if _is_finer(dialect, base):
        has_zone = _has_zone(base)
        text = (_oracle_moment if has_zone else _oracle_time)(dialect, column)
        if dialect == "dm":
            # What six digits do not tell comes as 达梦 shows it.
            is_exact = column == sa.cast(column, _Timestamp(6, has_zone=has_zone))
            text = sa.case((is_exact, text), else_=sa.cast(column, sa.VARCHAR(64)))
        return "timestamp", text.label(name)
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
    # How many digits times of Oracle and 达梦 have is not told; Oracle's DATE has none.
    return isinstance(base, {"oracle": sa.TIMESTAMP, "dm": sa.DateTime}.get(dialect, ()))


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
