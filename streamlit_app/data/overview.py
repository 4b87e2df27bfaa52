"""Questions of the overview page that are not one metric: options, funnel, distribution."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from streamlit_app.data.catalogue import column_types, records, table_names
from streamlit_app.data.filters import Period, page_filters
from streamlit_app.data.metrics import (
    Selection,
    as_date,
    bucket_sql,
    period_terms,
    selection_terms,
    where_clause,
)

FUNNEL_MART = "mart_funnel_stage"
RESPONSE_MART = "mart_lead"
FILTERED_MARTS = ("mart_lead", "mart_opportunity", "mart_order_line", "mart_activity")
WEB_MART = "mart_web_day"
PAGE_MARTS = {
    "intent": ("mart_intent_signal", "mart_intent_account"),
    "worklists": ("mart_silent_lead", "mart_stalled_lead"),
    "relationships": ("mart_relationship_account",),
    "over_contact": ("mart_over_contact_week",),
}
"""Marts whose values a page offers as filters; the overview's for all others."""


def filter_options(
    connection: duckdb.DuckDBPyConnection, page: str = "overview"
) -> dict[str, tuple[tuple[str | None, str | None], ...]]:
    """Per filter the (value, label) pairs that occur in a mart; NULL stands for unknown."""
    tables = table_names(connection)
    options: dict[str, tuple[tuple[str | None, str | None], ...]] = {}
    names = PAGE_MARTS.get(page, (*FILTERED_MARTS, WEB_MART))
    marts = {name: column_types(connection, name) for name in names}
    for item in page_filters(page):
        unions = []
        for mart, types in marts.items():
            if mart in tables and item.column in types:
                label = item.label_column if item.label_column in types else item.column
                unions.append(
                    f"select distinct cast({item.column} as varchar) as option_value, "
                    f"cast({label} as varchar) as option_label from {mart}"
                )
        if not unions:
            continue
        rows = connection.execute(
            "select option_value, max(option_label) as option_label "
            f"from ({' union all '.join(unions)}) as options "
            "group by option_value order by option_label nulls last, option_value"
        ).fetchall()
        if any(value is not None for value, _ in rows):
            options[item.dimension_id] = tuple((value, label) for value, label in rows)
    return options


def has_rows_since(connection: duckdb.DuckDBPyConnection, start: date) -> bool:
    """Whether any mart has a row dated on or after ``start``."""
    for mart in (*FILTERED_MARTS, WEB_MART):
        if "period_date" in column_types(connection, mart):
            found = connection.execute(
                f"select 1 from {mart} where period_date >= $start limit 1", {"start": start}
            ).fetchone()
            if found is not None:
                return True
    return False


@dataclass(frozen=True)
class Stage:
    """One funnel stage: opportunities that reached it, and the median days they stayed.

    ``count_known`` counts those whose way out of the stage is decided (they went on or closed),
    ``count_advanced`` those of them that went on.
    """

    funnel_stage: str
    stage_order: int
    count_reached: int
    count_known: int
    count_advanced: int
    median_days: float | None
    is_closed: bool
    is_won: bool


def funnel(
    connection: duckdb.DuckDBPyConnection, selection: Selection, period: Period
) -> tuple[Stage, ...] | None:
    """Stages in order; None where the mart is missing, empty or cannot be filtered so."""
    types = column_types(connection, FUNNEL_MART)
    terms, missing = selection_terms(selection, types)
    if not types or missing is not None:
        return None
    where = where_clause([*terms, *period_terms(period)])
    stages = (
        "left join funnel_stage as stage on stage.funnel_stage = reached.funnel_stage"
        if "funnel_stage" in table_names(connection)
        else "cross join (select false as is_closed, false as is_won) as stage"
    )
    rows = records(
        connection,
        f"""
        with reached as (
            select * from {FUNNEL_MART} {where}
        )
        select
            reached.funnel_stage,
            max(reached.stage_order) as stage_order,
            count(distinct reached.opportunity_id) as count_reached,
            count(*) filter (where reached.is_decided) as count_known,
            count(*) filter (where reached.is_decided and reached.has_advanced) as count_advanced,
            median(reached.stage_days) as median_days,
            coalesce(bool_or(stage.is_closed), false) as is_closed,
            coalesce(bool_or(stage.is_won), false) as is_won
        from reached
        {stages}
        where reached.funnel_stage is not null
        group by reached.funnel_stage
        order by stage_order
        """,
    )
    if not rows:
        return None
    return tuple(
        Stage(
            funnel_stage=str(row["funnel_stage"]),
            stage_order=int(row["stage_order"] or 0),
            count_reached=int(row["count_reached"]),
            count_known=int(row["count_known"]),
            count_advanced=int(row["count_advanced"]),
            median_days=None if row["median_days"] is None else float(row["median_days"]),
            is_closed=bool(row["is_closed"]),
            is_won=bool(row["is_won"]),
        )
        for row in rows
    )


RESPONSE_EDGES_MINUTES: tuple[float, ...] = (5, 15, 60, 240, 1440, 2880)
"""Upper edges of the response-time classes; the last class is open."""


def response_distribution(
    connection: duckdb.DuckDBPyConnection, selection: Selection, period: Period
) -> tuple[int, ...] | None:
    """Leads per response-time class, the last being "no response known"; None where unknown."""
    types = column_types(connection, RESPONSE_MART)
    terms, missing = selection_terms(selection, types)
    if "response_minutes" not in types or missing is not None:
        return None
    where = where_clause([*terms, *period_terms(period)])
    lower = 0.0
    counts = []
    for edge in RESPONSE_EDGES_MINUTES:
        low = "" if lower == 0 else f"response_minutes >= {lower} and "
        counts.append(f"count(*) filter (where {low}response_minutes < {edge})")
        lower = edge
    counts.append(f"count(*) filter (where response_minutes >= {lower})")
    counts.append("count(*) filter (where response_minutes is null)")
    row = connection.execute(f"select {', '.join(counts)} from {RESPONSE_MART} {where}").fetchone()
    assert row is not None  # an aggregate always answers
    result = tuple(int(value) for value in row)
    return result if sum(result[:-1]) > 0 else None


def web_series(
    connection: duckdb.DuckDBPyConnection, selection: Selection, period: Period
) -> tuple[tuple[date, str, int], ...] | None:
    """(bucket, class of answer ``2xx`` … , requests); None where there is no web log."""
    types = column_types(connection, WEB_MART)
    terms, missing = selection_terms(selection, types)
    if "period_date" not in types or "status" not in types or missing is not None:
        return None
    extent: Any = connection.execute(
        f"select min(period_date), max(period_date) from {WEB_MART}"
    ).fetchone()
    grain = period.grain(as_date(extent[0]), as_date(extent[1]))
    where = where_clause([*terms, *period_terms(period), "period_date is not null"])
    rows = connection.execute(
        f"select {bucket_sql(grain, period.end)} as bucket, "
        "coalesce(cast(floor(try_cast(status as double) / 100) as integer) || 'xx', '?') "
        "as status_class, sum(count_requests) as count_requests "
        f"from {WEB_MART} {where} group by 1, 2 order by 1, 2"
    ).fetchall()
    if not rows:
        return None
    return tuple((bucket, str(status_class), int(count)) for bucket, status_class, count in rows)
