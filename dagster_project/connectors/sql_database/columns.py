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
from sqlalchemy.dialects import mysql, postgresql

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


@dataclass
class Columns:
    """Columns of one relation.

    ``landed`` is the type of each in the lake, None where the values have to tell. ``chosen`` is
    what is selected for it. ``plain`` is what is selected where the result is taken as Arrow: there
    also exact numbers come as text. ``loose`` columns have a type that the values may widen.
    """

    relation: sa.FromClause
    landed: dict[str, str | None] = field(default_factory=dict)
    chosen: dict[str, sa.ColumnElement[Any]] = field(default_factory=dict)
    plain: dict[str, sa.ColumnElement[Any]] = field(default_factory=dict)
    loose: set[str] = field(default_factory=set)

    def add(self, dialect: str, name: str, kind: sa.types.TypeEngine[Any]) -> None:
        """Decide how column ``name`` of type ``kind`` travels."""
        column = self.relation.c[name]
        self.landed[name], self.chosen[name] = _travel(dialect, column, kind)
        self.plain[name] = self.chosen[name]
        base = _base(kind)
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
        kind = _told_by_postgresql(told) if dialect == "postgresql" else sa.types.NullType()
        if kind is None:
            # An array, a range, a type of an extension: PostgreSQL writes it as JSON, so that a
            # list is a list; a JSON text is what it is.
            columns.landed[name] = "text"
            column = relation.c[name]
            columns.chosen[name] = columns.plain[name] = _as_list(column).label(name)
            continue
        columns.add(dialect, name, kind)
        if isinstance(kind, sa.types.NullType):
            columns.landed[name] = None
            columns.chosen[name] = columns.plain[name] = relation.c[name]
    return columns


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
    return landed, column


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
    if isinstance(kind, sa.Integer):
        return "integer"
    if isinstance(kind, sa.Float):
        return "number"
    if isinstance(kind, sa.Numeric):
        scale, precision = kind.scale, kind.precision
        if precision is not None and precision <= DECIMAL_DIGITS and (scale or 0) >= 0:
            return f"decimal({scale or 0})"
        return None
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
