"""Questions of the page *Over-contact*: weekly load, opt-outs, safe frequency, people over it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from streamlit_app.data.catalogue import column_types
from streamlit_app.data.metrics import Selection, as_date, literal, selection_terms, where_clause
from streamlit_app.data.typed_rows import Page, Table, read, read_page, read_query, table

WEEK_MART = "mart_over_contact_week"
SAFE_MART = "mart_safe_frequency"
METRIC_MARTS = (WEEK_MART, SAFE_MART)
ORDERS = ("load", "name", "customer")
MAX_LOAD = 10
_ORDERS = {
    "load": "count_outbound_touches desc nulls last, count_touches desc nulls last",
    "name": "person_name",
    "customer": "customer_name",
}
_NEEDED = ("person_id", "week_start", "count_touches", "has_opted_out", "is_over_safe_frequency")


@dataclass(frozen=True)
class LoadClass:
    """Person-weeks with so many outbound touches, and after how many of them somebody left.

    ``load`` counts outbound touches in the week; the last class is open.
    """

    load: int
    count_person_weeks: int
    count_optouts: int
    count_bad_reviews: int

    @property
    def ratio(self) -> float | None:
        return self.count_optouts / self.count_person_weeks if self.count_person_weeks else None


@dataclass(frozen=True)
class LoadWeek:
    """All persons who were touched in a week."""

    week_start: date
    count_persons: int
    count_over: int
    count_optouts: int
    count_known: int

    @property
    def ratio(self) -> float | None:
        return self.count_over / self.count_known if self.count_known else None


def _measure(types: dict[str, str]) -> str:
    return "count_outbound_touches" if "count_outbound_touches" in types else "count_touches"


def _terms(connection: duckdb.DuckDBPyConnection, selection: Selection) -> list[str] | None:
    types = column_types(connection, WEEK_MART)
    terms, missing = selection_terms(selection, types)
    if missing is not None or not set(_NEEDED) <= set(types):
        return None
    return terms


def classes(
    connection: duckdb.DuckDBPyConnection, selection: Selection
) -> tuple[LoadClass, ...] | None:
    """Person-weeks by load; None where not published or a filter does not apply."""
    terms = _terms(connection, selection)
    if terms is None:
        return None
    types = column_types(connection, WEEK_MART)
    bad = (
        "count(*) filter (where has_bad_review)" if "has_bad_review" in types else "cast(0 as int)"
    )
    return read_query(
        connection,
        LoadClass,
        f"select cast(least({_measure(types)}, {MAX_LOAD}) as integer) as load, "
        f"count(*) as count_person_weeks, count(*) filter (where has_opted_out) as count_optouts, "
        f"{bad} as count_bad_reviews from {WEEK_MART} "
        f"{where_clause([*terms, f'{_measure(types)} is not null'])} group by 1 order by 1",
    )


def weeks(
    connection: duckdb.DuckDBPyConnection, selection: Selection, count: int = 26
) -> tuple[LoadWeek, ...] | None:
    """Weeks up to the newest; None where not published or a filter does not apply."""
    terms = _terms(connection, selection)
    if terms is None:
        return None
    since = f"week_start >= (select max(week_start) from {WEEK_MART}) - {7 * (count - 1)}"
    return read_query(
        connection,
        LoadWeek,
        "select week_start, count(distinct person_id) as count_persons, "
        "count(distinct person_id) filter (where is_over_safe_frequency) as count_over, "
        "count(distinct person_id) filter (where has_opted_out) as count_optouts, "
        "count(distinct person_id) filter (where is_over_safe_frequency is not null) "
        f"as count_known from {WEEK_MART} {where_clause([*terms, since])} group by 1 order by 1",
    )


@dataclass(frozen=True)
class SafeFrequency:
    """How many touches a week people of a segment bear; None where data are too few."""

    segment: str
    segment_name_en: str | None
    segment_name_zh: str | None
    safe_touches_per_week: float | None
    count_person_weeks: int | None
    count_optouts: int | None
    optout_ratio_below: float | None
    optout_ratio_above: float | None
    is_enough_data: bool | None
    unknown_reason: str | None
    count_person_weeks_below: int | None
    count_person_weeks_above: int | None
    count_optouts_below: int | None
    count_optouts_above: int | None


def safe_frequencies(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[SafeFrequency, ...] | None:
    """One row per segment, the largest first."""
    return read(
        connection,
        SAFE_MART,
        SafeFrequency,
        ("segment", "safe_touches_per_week"),
        order="case when segment = 'all' then 0 else 1 end, count_person_weeks desc nulls last, "
        "segment",
    )


def week_choices(
    connection: duckdb.DuckDBPyConnection, selection: Selection
) -> tuple[tuple[date, int], ...]:
    """(week, people over their safe frequency), the newest first."""
    terms = _terms(connection, selection)
    if terms is None:
        return ()
    rows = connection.execute(
        "select week_start, count(*) filter (where is_over_safe_frequency) "
        f"from {WEEK_MART} {where_clause(terms)} group by 1 order by 1 desc limit 53"
    ).fetchall()
    found = ((as_date(day), int(count)) for day, count in rows)
    return tuple((day, count) for day, count in found if day is not None)


@dataclass(frozen=True)
class PersonWeek:
    """One person in one week."""

    person_id: str
    person_name: str | None
    customer_id: str | None
    customer_name: str | None
    segment: str | None
    week_start: date
    count_touches: int | None
    count_outbound_touches: int | None
    has_opted_out: bool | None
    has_bad_review: bool | None
    is_over_safe_frequency: bool | None


def people(
    connection: duckdb.DuckDBPyConnection,
    selection: Selection,
    week: date,
    only_over: bool,
    order: str,
    page: int,
    page_size: int,
) -> Page[PersonWeek] | None:
    """One page of the people of a week; None where not published or a filter does not apply."""
    terms = _terms(connection, selection)
    if terms is None:
        return None
    return read_page(
        connection,
        WEEK_MART,
        PersonWeek,
        _NEEDED,
        [*terms, f"week_start = {literal(week)}",
         *(["is_over_safe_frequency"] if only_over else [])],
        f"{_ORDERS[order]}, person_id",
        page,
        page_size,
    )  # fmt: skip


def export(
    connection: duckdb.DuckDBPyConnection,
    what: str,
    selection: Selection = (),
    week: date | None = None,
) -> Table:
    """All rows of a table of the page, for a file: ``people`` of a week, or ``safe``."""
    if what == "safe":
        return table(connection, SAFE_MART)
    terms = _terms(connection, selection) or []
    if week is not None:
        terms.append(f"week_start = {literal(week)}")
    return table(connection, WEEK_MART, terms, "count_touches desc, person_id")
