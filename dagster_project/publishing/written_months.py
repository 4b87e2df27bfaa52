"""Months of a mart whose days dbt replaces, and which build has last written rows of each.

The same build means the same rows: what was read of them before holds, unless somebody has changed
the warehouse by hand. So a run of a part reads only the other months; a whole run reads them all.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from dagster_project.publishing.dbt_artifacts import Node


@dataclass(frozen=True)
class Month:
    """Rows of one month now, and the build that has last written any of them."""

    rows: int
    build: str


@dataclass(frozen=True)
class WrittenMonths:
    """All months of a table.

    Attributes:
        column: the day of a row.
        months: by the month's first day as text; None for rows without a day.
    """

    column: str
    months: dict[str | None, Month]


def written_months(connection: duckdb.DuckDBPyConnection, node: Node) -> WrittenMonths | None:
    """The months of a mart; None where dbt does not tell which build wrote them.

    dbt keeps the list in the table's comment: see ``written_months`` in
    ``dbt/macros/incremental_days.sql``.
    """
    if node.day_column is None:
        return None
    found = connection.execute(
        "select comment from duckdb_tables() "
        "where database_name = ? and schema_name = ? and table_name = ?",
        list(node.relation),
    ).fetchone()
    parts = str(found[0] if found else "").split(" ")
    if len(parts) != 3:  # there is no such table, or it was built before there was such a list
        return None
    builds = dict(pair.split("=") for pair in parts[1].split(","))
    table = ".".join(f'"{part}"' for part in node.relation)
    # By day first: a month of every row costs more than all the rest.
    rows = connection.execute(
        f"select {month_of('day')} as month, cast(sum(count_rows) as bigint) from ("
        f'select "{node.day_column}" as day, count(*) as count_rows from {table} group by day) '
        "group by month order by month nulls first"
    ).fetchall()
    if any((month or "").endswith("infinity") for month, _ in rows):
        return None  # no range holds such a day, so publishing has to find and refuse it
    months = {
        month: Month(count, builds.get(month or "null", builds["other"])) for month, count in rows
    }
    return WrittenMonths(node.day_column, months)


def month_of(column: str) -> str:
    """SQL for the first day of the month as text."""
    return f"cast(cast(date_trunc('month', {column}) as date) as varchar)"


def is_in_month(column: str, month: str | None) -> str:
    """SQL for the rows of one month, as a range by which DuckDB skips the others unread."""
    if month is None:
        return f"{column} is null"
    return f"{column} >= date '{month}' and {column} < date '{month}' + interval 1 month"
