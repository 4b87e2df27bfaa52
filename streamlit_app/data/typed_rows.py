"""Rows of a mart as typed, frozen objects; a column that the mart does not have reads as unknown.

A mart that this version does not carry gives None, which the page says in words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar, get_args, get_type_hints

import duckdb

from streamlit_app.data.catalogue import column_types, records
from streamlit_app.data.metrics import as_date, where_clause

Row = TypeVar("Row")

_CONVERSIONS: dict[type, Callable[[Any], Any]] = {
    int: int,
    float: float,
    str: str,
    bool: bool,
    date: as_date,
    datetime: lambda value: value,
    # The shortest decimal form, so that a binary fraction is written as people write it.
    Decimal: lambda value: Decimal(str(value)),
}


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of rows, and how many there are in all."""

    rows: tuple[Row, ...]
    count_all: int


def _plan(row_class: type[Any]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """(field, conversion) of a dataclass whose fields are ``x`` or ``x | None``."""
    hints = get_type_hints(row_class)
    plan = []
    for item in fields(row_class):
        hint = hints[item.name]
        kind = next((part for part in get_args(hint) if part is not type(None)), hint)
        plan.append((item.name, _CONVERSIONS[kind]))
    return tuple(plan)


def _columns(row_class: type[Any], types: Mapping[str, str]) -> str:
    return ", ".join(name if name in types else f"null as {name}" for name, _ in _plan(row_class))


def _objects(row_class: type[Row], found: Iterable[Mapping[str, Any]]) -> tuple[Row, ...]:
    plan = _plan(row_class)
    return tuple(
        row_class(
            **{name: None if row[name] is None else convert(row[name]) for name, convert in plan}
        )
        for row in found
    )


def read(
    connection: duckdb.DuckDBPyConnection,
    mart: str,
    row_class: type[Row],
    needed: Sequence[str],
    terms: Sequence[str] = (),
    order: str = "",
    limit: int | None = None,
    offset: int = 0,
) -> tuple[Row, ...] | None:
    """Rows of a mart; None where it is not published or lacks a ``needed`` column.

    Args:
        row_class: a dataclass whose fields are columns.
        terms, order: SQL of the condition (joined by ``and``) and of ``order by``.
    """
    types = column_types(connection, mart)
    if not types or not set(needed) <= set(types):
        return None
    sql = f"select {_columns(row_class, types)} from {mart} {where_clause(list(terms))}"
    if order:
        # By an inner query, so that a column that this version lacks can be sorted by all the same.
        sql = f"select * from ({sql}) as listed order by {order}"
    if limit is not None:
        sql += f" limit {int(limit)} offset {int(offset)}"
    return _objects(row_class, records(connection, sql))


def read_page(
    connection: duckdb.DuckDBPyConnection,
    mart: str,
    row_class: type[Row],
    needed: Sequence[str],
    terms: Sequence[str],
    order: str,
    page: int,
    page_size: int,
) -> Page[Row] | None:
    """One page of rows sorted in SQL, with the number of all; None as for :func:`read`."""
    types = column_types(connection, mart)
    if not types or not set(needed) <= set(types):
        return None
    counted = connection.execute(
        f"select count(*) from {mart} {where_clause(list(terms))}"
    ).fetchone()
    found = read(
        connection, mart, row_class, needed, terms, order, page_size, page_size * (page - 1)
    )
    return Page(found or (), int(counted[0]) if counted else 0)


def read_query(
    connection: duckdb.DuckDBPyConnection, row_class: type[Row], sql: str
) -> tuple[Row, ...]:
    """Rows of a query that gives every field of ``row_class``."""
    return _objects(row_class, records(connection, sql))


Table = tuple[list[str], list[tuple[Any, ...]]]


def table(
    connection: duckdb.DuckDBPyConnection, mart: str, terms: Sequence[str] = (), order: str = "all"
) -> Table:
    """All columns and rows of a selection, for a file; empty where the mart is not published."""
    if not column_types(connection, mart):
        return [], []
    cursor = connection.execute(
        f"select * from {mart} {where_clause(list(terms))} order by {order}"
    )
    return [str(column[0]) for column in cursor.description or []], cursor.fetchall()
