"""Period and filters of a page, and their form in the URL.

The URL is the only place that holds them, so that a link shows what its sender saw. Streamlit's own
``bind="query-params"`` writes the label of an option, which differs between the two languages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

UNKNOWN = "~unknown"
"""Value of a filter that selects the rows without a value."""


@dataclass(frozen=True)
class Dimension:
    """A column by which the page filters and splits."""

    dimension_id: str
    column: str
    label_column: str | None = None
    code_list: str | None = None
    is_filter: bool = True


DIMENSIONS: tuple[Dimension, ...] = (
    Dimension("team", "team_name"),
    Dimension("rep", "rep_id", label_column="rep_name"),
    Dimension("industry", "industry", code_list="industry"),
    Dimension("region", "region"),
    Dimension("channel", "channel", code_list="channel"),
    Dimension("product_line", "product_line"),
    Dimension("source", "source_system"),
    Dimension("cohort", "cohort_month", is_filter=False),
)
FILTERS: tuple[Dimension, ...] = tuple(item for item in DIMENSIONS if item.is_filter)
SIGNAL = Dimension("signal", "signal_id", code_list="intent_signal")
REASON = Dimension("reason", "reason_code", code_list="stall_reason")
SEGMENT = Dimension("segment", "segment", code_list="segment")
_ABOUT_CUSTOMERS = tuple(
    item for item in FILTERS if item.dimension_id in ("team", "industry", "region")
)
PAGE_FILTERS: dict[str, tuple[Dimension, ...]] = {
    "intent": (SIGNAL, *(item for item in FILTERS if item.dimension_id != "source")),
    "worklists": (REASON, *(item for item in FILTERS if item.dimension_id != "source")),
    "relationships": (*_ABOUT_CUSTOMERS, SEGMENT),
    "over_contact": (SEGMENT, *_ABOUT_CUSTOMERS),
}
"""What pages other than the overview filter by; a parameter that is no filter here is ignored."""


def page_filters(page: str) -> tuple[Dimension, ...]:
    """Dimensions by which a page filters."""
    return PAGE_FILTERS.get(page, FILTERS)


PERIODS = ("4w", "13w", "qtd", "ytd", "12m", "all", "custom")


def dimension(dimension_id: str) -> Dimension:
    """The dimension of this id.

    Raises:
        KeyError: there is none.
    """
    for item in (*DIMENSIONS, SIGNAL, REASON, SEGMENT):
        if item.dimension_id == dimension_id:
            return item
    raise KeyError(dimension_id)


def _months_before(day: date, months: int) -> date:
    month_index = day.year * 12 + day.month - 1 - months
    year, month = divmod(month_index, 12)
    first = date(year, month + 1, 1)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return first + timedelta(days=min(day.day, (following - first).days) - 1)


@dataclass(frozen=True)
class Period:
    """Days ``start <= day < end`` (UTC); None means without limit."""

    period_id: str
    start: date | None
    end: date | None

    @property
    def days(self) -> int | None:
        if self.start is None or self.end is None:
            return None
        return (self.end - self.start).days

    def previous(self) -> Period | None:
        """The period of the same length just before; None for a period without limits."""
        if self.start is None or self.end is None:
            return None
        if self.period_id == "12m":
            return Period("previous", _months_before(self.start, 12), self.start)
        return Period("previous", self.start - (self.end - self.start), self.start)

    def grain(self, first: date | None, last: date | None) -> str:
        """``day``, ``week``, ``month`` or ``quarter``: at most about sixty points in a trend."""
        start, end = self.start or first, self.end or last
        days = 0 if start is None or end is None else (end - start).days
        if days <= 45:
            return "day"
        if days <= 190:
            return "week"
        return "month" if days <= 366 * 5 else "quarter"


def make_period(
    period_id: str, as_of: date, start: date | None = None, end: date | None = None
) -> Period:
    """A preset that ends with the as-of day, or a custom period of inclusive days."""
    tomorrow = as_of + timedelta(days=1)
    # Whole weeks: two periods then have the same number of each weekday.
    if period_id == "4w":
        return Period(period_id, tomorrow - timedelta(weeks=4), tomorrow)
    if period_id == "13w":
        return Period(period_id, tomorrow - timedelta(weeks=13), tomorrow)
    if period_id == "qtd":
        quarter_month = 3 * ((as_of.month - 1) // 3) + 1
        return Period(period_id, date(as_of.year, quarter_month, 1), tomorrow)
    if period_id == "ytd":
        return Period(period_id, date(as_of.year, 1, 1), tomorrow)
    if period_id == "12m":
        return Period(period_id, _months_before(tomorrow, 12), tomorrow)
    if period_id == "custom" and start is not None and end is not None and start <= end:
        return Period(period_id, start, end + timedelta(days=1))
    return Period("all", None, None)


@dataclass(frozen=True)
class PageState:
    """What the URL says; every value is valid."""

    language: str
    period: Period
    selected: tuple[tuple[str, tuple[str, ...]], ...] = field(default=())
    breakdown: str = "team"
    trend: str | None = None
    passport: str | None = None

    def values(self, dimension_id: str) -> tuple[str, ...]:
        """Selected values of one dimension; empty means all."""
        return dict(self.selected).get(dimension_id, ())

    def with_values(self, dimension_id: str, values: Iterable[str]) -> PageState:
        """A state in which one dimension is selected anew."""
        selected = {**dict(self.selected), dimension_id: tuple(values)}
        return replace(
            self, selected=tuple((key, chosen) for key, chosen in selected.items() if chosen)
        )


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        # A mistyped day in a link is ignored like any other unusable parameter.
        return None


def parse_state(
    parameters: Mapping[str, list[str]],
    as_of: date,
    default_language: str = "en",
    default_period: str = "13w",
    filters: tuple[Dimension, ...] = FILTERS,
) -> PageState:
    """Read URL parameters (name → values); unusable ones are ignored."""

    def one(name: str) -> str | None:
        values = parameters.get(name) or []
        return values[-1] if values else None

    language = one("lang")
    period_id = one("period")
    if period_id not in PERIODS:
        period_id = default_period
    selected = []
    for item in filters:
        values = tuple(dict.fromkeys(v for v in parameters.get(item.dimension_id, []) if v))
        if values:
            selected.append((item.dimension_id, values))
    breakdown = one("by")
    known = {item.dimension_id for item in DIMENSIONS}
    return PageState(
        language=language if language in ("en", "zh") else default_language,
        period=make_period(period_id, as_of, _day(one("from")), _day(one("to"))),
        selected=tuple(selected),
        breakdown=breakdown if breakdown in known else "team",
        trend=one("trend"),
        passport=one("passport"),
    )
