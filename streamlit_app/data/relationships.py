"""Questions of the pages about relationships: quadrant, Top 20, plays, graph, index over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import duckdb

from streamlit_app.data.catalogue import column_types, records
from streamlit_app.data.metrics import Selection, as_date, literal, selection_terms, where_clause
from streamlit_app.data.typed_rows import Page, Table, read, read_page, read_query, table

ACCOUNT_MART = "mart_relationship_account"
WEEK_MART = "mart_relationship_index_week"
TOP_MART = "mart_relationship_top20"
PLAY_MART = "mart_journey_play"
TOUCH_MART = "mart_customer_touch"
EDGE_MART = "mart_influence_edge"
SENSITIVITY_MART = "mart_referrer_sensitivity"
LATENCY_MART = "mart_graph_latency"
PROPOSAL_MART = "mart_community_proposal"
DROPPED_MART = "mart_influence_dropped"

METRIC_MARTS = (
    ACCOUNT_MART,
    TOP_MART,
    EDGE_MART,
    LATENCY_MART,
    "mart_customer_influence",
    "mart_community_question",
    PLAY_MART,
    PROPOSAL_MART,
)
"""Marts whose metrics the page shows."""

DEPTH_FACTORS = ("frequency", "relevance", "coverage")
BREADTH_FACTORS = ("accounts", "industries", "levels")
ORDERS = ("gain", "depth", "breadth", "fall", "open", "name")
NO_QUADRANT = "unknown"
"""Customers of whom an index is unknown."""
MAX_POINTS = 400
MAX_NODES = 41
_ORDERS = {
    "gain": "greatest(coalesce(depth_mover_gain_points, 0), coalesce(breadth_mover_gain_points, 0))"
    " desc",
    "depth": "depth_points desc nulls last",
    "breadth": "breadth_points desc nulls last",
    "fall": "depth_points - depth_points_4w_ago asc nulls last",
    "open": "open_opportunity_amount_cny desc nulls last",
    "name": "customer_name",
}


@dataclass(frozen=True)
class Relationship:
    """A customer with its two indices and their factors; None where unknown."""

    customer_id: str
    customer_name: str | None
    industry: str | None
    region: str | None
    segment: str | None
    tier: str | None
    team_name: str | None
    owner_rep_id: str | None
    owner_name: str | None
    depth_points: Decimal | None
    breadth_points: Decimal | None
    depth_points_4w_ago: Decimal | None
    breadth_points_4w_ago: Decimal | None
    quadrant: str | None
    frequency_ratio: Decimal | None
    relevance_ratio: Decimal | None
    coverage_ratio: Decimal | None
    accounts_ratio: Decimal | None
    industries_ratio: Decimal | None
    levels_ratio: Decimal | None
    depth_unknown_factor: str | None
    breadth_unknown_factor: str | None
    depth_mover_factor: str | None
    depth_mover_gain_points: Decimal | None
    breadth_mover_factor: str | None
    breadth_mover_gain_points: Decimal | None
    play_id: str | None
    play_en: str | None
    play_zh: str | None
    last_touch_at: datetime | None
    count_touches_90d: int | None
    open_opportunity_amount_cny: float | None
    influence_points: float | None
    definition_version: str | None

    def factors(self, index: str) -> tuple[tuple[str, Decimal | None], ...]:
        """(factor, share 0–1) of ``depth`` or ``breadth``, in the order of the formula."""
        names = DEPTH_FACTORS if index == "depth" else BREADTH_FACTORS
        return tuple((name, getattr(self, f"{name}_ratio")) for name in names)

    def points(self, index: str) -> Decimal | None:
        return self.depth_points if index == "depth" else self.breadth_points


_NEEDED = ("customer_id", "depth_points", "breadth_points")


def _terms(
    connection: duckdb.DuckDBPyConnection, selection: Selection, search: str, quadrant: str = ""
) -> list[str] | None:
    """Terms of the customer list; None where a filter does not apply to it."""
    types = column_types(connection, ACCOUNT_MART)
    terms, missing = selection_terms(selection, types)
    if missing is not None or not set(_NEEDED) <= set(types):
        return None
    if quadrant == NO_QUADRANT:
        terms.append("quadrant is null")
    elif quadrant:
        terms.append(f"quadrant = {literal(quadrant)}")
    if search.strip():
        word = literal(search.strip().lower())
        terms.append(f"(contains(lower(customer_name), {word}) or lower(customer_id) = {word})")
    return terms


def relationships(
    connection: duckdb.DuckDBPyConnection,
    selection: Selection,
    search: str,
    quadrant: str,
    order: str,
    page: int,
    page_size: int,
) -> Page[Relationship] | None:
    """One page of customers; None where they are not published or a filter does not apply."""
    terms = _terms(connection, selection, search, quadrant)
    if terms is None:
        return None
    return read_page(
        connection,
        ACCOUNT_MART,
        Relationship,
        _NEEDED,
        terms,
        f"{_ORDERS[order]}, customer_id",
        page,
        page_size,
    )


def relationship(connection: duckdb.DuckDBPyConnection, customer_id: str) -> Relationship | None:
    """One customer; None where it has no row."""
    found = read(
        connection, ACCOUNT_MART, Relationship, _NEEDED, [f"customer_id = {literal(customer_id)}"]
    )
    return found[0] if found else None


@dataclass(frozen=True)
class Point:
    """A customer in the plane of both indices, or all customers of one field of a grid."""

    depth_points: float
    breadth_points: float
    count_customers: int
    customer_id: str | None
    customer_name: str | None
    quadrant: str | None
    open_opportunity_amount_cny: float | None


@dataclass(frozen=True)
class Plane:
    """What the quadrant shows; ``count_unknown`` customers have an index that is unknown.

    ``is_binned``: more customers than marks, so each mark stands for a field of 5 × 5 points.
    ``quadrants``: customers per quadrant.
    """

    points: tuple[Point, ...]
    count_known: int
    count_unknown: int
    is_binned: bool
    unknown_factors: tuple[tuple[str, int], ...]
    quadrants: tuple[tuple[str, int], ...]
    depth_limit: float | None
    breadth_limit: float | None


def plane(connection: duckdb.DuckDBPyConnection, selection: Selection, search: str) -> Plane | None:
    """Customers by depth and breadth; None where not published or a filter does not apply."""
    terms = _terms(connection, selection, search)
    if terms is None:
        return None
    types = column_types(connection, ACCOUNT_MART)
    known = "depth_points is not null and breadth_points is not null"
    where = where_clause(terms)
    counted = connection.execute(
        f"select count(*) filter (where {known}), count(*) from {ACCOUNT_MART} {where}"
    ).fetchone()
    assert counted is not None  # an aggregate always answers
    count_known, count_all = int(counted[0]), int(counted[1])
    is_binned = count_known > MAX_POINTS
    inner = where_clause([*terms, known])

    def column(name: str) -> str:
        return name if name in types else f"null as {name}"

    if is_binned:
        sql = (
            "select floor(least(depth_points, 99.999) / 5) * 5 + 2.5 as depth_points, "
            "floor(least(breadth_points, 99.999) / 5) * 5 + 2.5 as breadth_points, "
            "count(*) as count_customers, null as customer_id, null as customer_name, "
            "null as quadrant, null as open_opportunity_amount_cny "
            f"from {ACCOUNT_MART} {inner} group by 1, 2 order by 1, 2"
        )
    else:
        sql = (
            "select depth_points, breadth_points, 1 as count_customers, customer_id, "
            f"customer_name, {column('quadrant')}, {column('open_opportunity_amount_cny')} "
            f"from {ACCOUNT_MART} {inner} order by customer_id"
        )
    unknown: list[tuple[str, int]] = []
    for name in ("depth_unknown_factor", "breadth_unknown_factor"):
        if name in types:
            unknown += connection.execute(
                f"select {name}, count(*) from {ACCOUNT_MART} "
                f"{where_clause([*terms, f'{name} is not null'])} group by 1"
            ).fetchall()
    quadrants = []
    if "quadrant" in types:
        quadrants = connection.execute(
            f"select quadrant, count(*) from {ACCOUNT_MART} "
            f"{where_clause([*terms, 'quadrant is not null'])} group by 1 order by 1"
        ).fetchall()
    limits = _limits(connection)
    return Plane(
        read_query(connection, Point, sql),
        count_known,
        count_all - count_known,
        is_binned,
        tuple(sorted(((str(name), int(count)) for name, count in unknown), key=lambda p: -p[1])),
        tuple((str(name), int(count)) for name, count in quadrants),
        *limits,
    )


def _limits(connection: duckdb.DuckDBPyConnection) -> tuple[float | None, float | None]:
    """Where narrow ends and wide begins, as the rule rows say; None where they do not."""
    types = column_types(connection, PLAY_MART)
    if {"depth_limit_points", "breadth_limit_points"} <= set(types):
        row = connection.execute(
            f"select max(depth_limit_points), max(breadth_limit_points) from {PLAY_MART}"
        ).fetchone()
        if row is not None and row[0] is not None:
            return float(row[0]), float(row[1])
    return None, None


@dataclass(frozen=True)
class Play:
    """What to do with the customers of a quadrant, and how far it is done."""

    play_id: str
    quadrant: str | None
    play_en: str | None
    play_zh: str | None
    count_customers: int | None
    count_touched: int | None
    count_customers_4w_ago: int | None
    count_moved_since: int | None


def plays(connection: duckdb.DuckDBPyConnection) -> tuple[Play, ...] | None:
    """Journey plays by quadrant."""
    return read(connection, PLAY_MART, Play, ("play_id", "quadrant"), order="quadrant, play_id")


@dataclass(frozen=True)
class IndexWeek:
    """Mean of both indices over the customers for which they are known, in a week."""

    week_start: date
    basis: str
    depth_points: float | None
    breadth_points: float | None
    count_depth: int
    count_breadth: int
    definition_version: str | None
    is_definition_change: bool


def index_weeks(
    connection: duckdb.DuckDBPyConnection,
    customer_id: str | None = None,
    selection: Selection = (),
    weeks: int = 26,
) -> tuple[IndexWeek, ...] | None:
    """Both bases per week, of one customer or as mean of a selection; None where unknown."""
    types = column_types(connection, WEEK_MART)
    if not {"customer_id", "week_start", "depth_points", "breadth_points"} <= set(types):
        return None
    terms = [f"week_start >= (select max(week_start) from {WEEK_MART}) - {7 * (weeks - 1)}"]
    if customer_id is not None:
        terms.append(f"customer_id = {literal(customer_id)}")
    elif selection:
        chosen = _terms(connection, selection, "")
        if chosen is None:
            return None
        terms.append(f"customer_id in (select customer_id from {ACCOUNT_MART} "
                     f"{where_clause(chosen)})")  # fmt: skip
    basis = "basis" if "basis" in types else "'as_defined'"
    version = (
        "max(cast(definition_version as varchar))" if "definition_version" in types else "null"
    )
    change = (
        "coalesce(bool_or(is_definition_change), false)"
        if "is_definition_change" in types
        else "false"
    )
    return read_query(
        connection,
        IndexWeek,
        f"select week_start, {basis} as basis, avg(depth_points) as depth_points, "
        f"avg(breadth_points) as breadth_points, count(depth_points) as count_depth, "
        f"count(breadth_points) as count_breadth, {version} as definition_version, "
        f"{change} as is_definition_change from {WEEK_MART} {where_clause(terms)} "
        "group by 1, 2 order by 1, 2",
    )


def restated(found: Sequence[IndexWeek]) -> tuple[IndexWeek, ...]:
    """The series under today's definition: restated where there is such a row, else as it was."""
    weeks = {item.week_start: item for item in found if item.basis != "restated"}
    weeks |= {item.week_start: item for item in found if item.basis == "restated"}
    return tuple(weeks[week] for week in sorted(weeks))


def as_defined(found: Sequence[IndexWeek]) -> tuple[IndexWeek, ...]:
    """The series as it was computed at the time."""
    return tuple(item for item in found if item.basis != "restated")


@dataclass(frozen=True)
class Top:
    """A customer to strengthen in a month, why, and what became of it."""

    top20_id: str
    team_name: str | None
    month_start: date
    rank_in_team: int
    customer_id: str
    customer_name: str | None
    reasons_en: str | None
    reasons_zh: str | None
    expected_gain_points: float | None
    depth_points_start: float | None
    depth_points_end: float | None
    count_touches_done: int | None
    outcome: str | None


def top_months(connection: duckdb.DuckDBPyConnection) -> tuple[date, ...] | None:
    """Months of the list, the newest first; None where it is not published."""
    if "month_start" not in column_types(connection, TOP_MART):
        return None
    rows = connection.execute(
        f"select distinct month_start from {TOP_MART} order by 1 desc limit 24"
    ).fetchall()
    days = (as_date(row[0]) for row in rows)
    return tuple(day for day in days if day is not None)


def top_teams(
    connection: duckdb.DuckDBPyConnection, month: date, selection: Selection = ()
) -> tuple[str, ...]:
    """Teams with a list in a month."""
    types = column_types(connection, TOP_MART)
    terms, missing = selection_terms(_team_only(selection), types)
    if missing is not None or "team_name" not in types:
        return ()
    rows = connection.execute(
        f"select distinct team_name from {TOP_MART} "
        f"{where_clause([*terms, f'month_start = {literal(month)}', 'team_name is not null'])} "
        "order by 1"
    ).fetchall()
    return tuple(str(row[0]) for row in rows)


def _team_only(selection: Selection) -> Selection:
    return tuple(item for item in selection if item[0] == "team")


def top(
    connection: duckdb.DuckDBPyConnection, month: date, team: str | None
) -> tuple[Top, ...] | None:
    """The list of a team in a month, by rank."""
    terms = [f"month_start = {literal(month)}"]
    terms.append("team_name is null" if team is None else f"team_name = {literal(team)}")
    return read(
        connection,
        TOP_MART,
        Top,
        ("top20_id", "customer_id", "month_start", "rank_in_team"),
        terms,
        "rank_in_team, customer_id",
    )


@dataclass(frozen=True)
class Edge:
    """Influence of one customer on another; ``is_above_threshold`` False is noise."""

    influence_edge_id: str
    from_customer_id: str
    from_customer_name: str | None
    industry: str | None
    to_customer_id: str
    to_customer_name: str | None
    to_industry: str | None
    edge_type: str | None
    edge_type_name_en: str | None
    edge_type_name_zh: str | None
    count_events: int | None
    first_at: datetime | None
    last_at: datetime | None
    strength_ratio: float | None
    is_above_threshold: bool | None
    dropped_reason: str | None


_EDGE_NEEDED = ("from_customer_id", "to_customer_id", "edge_type", "is_above_threshold")


@dataclass(frozen=True)
class Neighbourhood:
    """Edges around a focus: all of its own, then those between the customers they reach."""

    focus_id: str
    focus_name: str
    edges: tuple[Edge, ...]
    count_neighbours: int
    count_shown: int


def default_focus(
    connection: duckdb.DuckDBPyConnection, selection: Selection, search: str
) -> str | None:
    """The customer of the selection with most influence that has an edge."""
    types = column_types(connection, EDGE_MART)
    terms = _terms(connection, selection, search)
    if terms is None or not set(_EDGE_NEEDED) <= set(types):
        return None
    order = "influence_points desc nulls last, " if "influence_points" in column_types(
        connection, ACCOUNT_MART) else ""  # fmt: skip
    row = connection.execute(
        f"select customer_id from {ACCOUNT_MART} "
        + where_clause(
            [
                *terms,
                f"customer_id in (select from_customer_id from {EDGE_MART} "
                "where is_above_threshold)",
            ]
        )
        + f" order by {order} customer_id limit 1"
    ).fetchone()
    return None if row is None else str(row[0])


def neighbourhood(
    connection: duckdb.DuckDBPyConnection, focus_id: str, with_dropped: bool
) -> Neighbourhood | None:
    """The strongest edges of one customer and those between its neighbours.

    At most ``MAX_NODES`` customers, so that a hub stays readable; how many there are is told.
    """
    above = [] if with_dropped else ["is_above_threshold"]
    name = literal(focus_id)
    own = read(
        connection,
        EDGE_MART,
        Edge,
        _EDGE_NEEDED,
        [f"{name} in (from_customer_id, to_customer_id)", "from_customer_id <> to_customer_id",
         *above],
        "strength_ratio desc nulls last, count_events desc nulls last, influence_edge_id",
        2000,
    )  # fmt: skip
    if own is None:
        return None
    neighbours = dict.fromkeys(
        edge.to_customer_id if edge.from_customer_id == focus_id else edge.from_customer_id
        for edge in own
    )
    shown = list(neighbours)[: MAX_NODES - 1]
    nodes = {focus_id, *shown}
    edges = [edge for edge in own if {edge.from_customer_id, edge.to_customer_id} <= nodes]
    if shown:
        named = ", ".join(literal(node) for node in shown)
        edges += (
            read(
                connection,
                EDGE_MART,
                Edge,
                _EDGE_NEEDED,
                [f"from_customer_id in ({named})", f"to_customer_id in ({named})",
                 "from_customer_id <> to_customer_id", *above],
                "strength_ratio desc nulls last, influence_edge_id",
                120,
            )
            or ()
        )  # fmt: skip
    names = {edge.from_customer_id: edge.from_customer_name for edge in own}
    names |= {edge.to_customer_id: edge.to_customer_name for edge in own}
    found = relationship(connection, focus_id)
    focus_name = names.get(focus_id) or (found.customer_name if found else None) or focus_id
    return Neighbourhood(focus_id, focus_name, tuple(edges), len(neighbours), len(shown))


@dataclass(frozen=True)
class Dropped:
    """Edges of one kind that claim a relationship, and those of them that are noise.

    Kinds that claim nothing of the customer's own doing (meeting at the same event) cannot be
    inflated: their ``count_claims`` is 0.
    """

    edge_type: str
    edge_type_name_en: str | None
    edge_type_name_zh: str | None
    count_edges: int
    count_claims: int
    count_dropped: int


def dropped(connection: duckdb.DuckDBPyConnection) -> tuple[Dropped, ...] | None:
    """Edges per kind and how many of them fall below the threshold; None where unknown."""
    types = column_types(connection, EDGE_MART)
    if not set(_EDGE_NEEDED) <= set(types):
        return None
    claim = "is_claim" if "is_claim" in types else "true"
    names = ", ".join(
        f"max({name}) as {name}" if name in types else f"null as {name}"
        for name in ("edge_type_name_en", "edge_type_name_zh")
    )
    return read_query(
        connection,
        Dropped,
        f"select edge_type, {names}, count(*) as count_edges, "
        f"count(*) filter (where {claim}) as count_claims, "
        f"count(*) filter (where {claim} and not is_above_threshold) as count_dropped "
        f"from {EDGE_MART} group by 1 order by 6 desc, 4 desc, 1",
    )


@dataclass(frozen=True)
class LeftOut:
    """Acts that became no edge, and why; the count is None where it is not known."""

    edge_type: str
    reason: str
    count_acts: int | None


def left_out(connection: duckdb.DuckDBPyConnection) -> tuple[LeftOut, ...]:
    """What no edge came of: acts towards oneself, unknown ends, kinds that no source delivers."""
    return (
        read(
            connection,
            DROPPED_MART,
            LeftOut,
            ("edge_type", "reason", "is_dropped"),
            ["is_dropped", "count_edges is null"],
            "edge_type, reason",
        )
        or ()
    )


@dataclass(frozen=True)
class Lost:
    """What a customer's influence or reach would be without the referrer."""

    referrer_customer_id: str
    customer_id: str
    customer_name: str | None
    influence_points: float | None
    influence_points_without: float | None
    lost_points: float | None


def without_referrer(
    connection: duckdb.DuckDBPyConnection, referrer_id: str, limit: int = 12
) -> tuple[Lost, ...] | None:
    """Customers that lose most if the referrer were not there."""
    own = literal(referrer_id)
    found = read(
        connection,
        SENSITIVITY_MART,
        Lost,
        ("referrer_customer_id", "customer_id", "lost_points"),
        [f"referrer_customer_id = {own}", f"customer_id <> {own}", "lost_points > 0"],
        "lost_points desc nulls last, customer_id",
        limit,
    )
    if not found or any(item.customer_name for item in found):
        return found
    named = ", ".join(literal(item.customer_id) for item in found)
    if "customer_name" not in column_types(connection, ACCOUNT_MART):
        return found
    names = {
        str(row["customer_id"]): row["customer_name"]
        for row in records(
            connection,
            f"select customer_id, customer_name from {ACCOUNT_MART} where customer_id in ({named})",
        )
    }
    return tuple(
        Lost(
            item.referrer_customer_id,
            item.customer_id,
            names.get(item.customer_id),
            item.influence_points,
            item.influence_points_without,
            item.lost_points,
        )
        for item in found
    )


@dataclass(frozen=True)
class Latency:
    """Opportunities whose touches reached the graph within the limit (``is_slow`` False) or later.

    ``count_decided`` of them are closed, ``count_won`` of these are won.
    """

    is_slow: bool
    count_decided: int
    count_won: int
    median_hours: float | None


_LATENCY_NEEDED = (
    *("is_opportunity_row", "opportunity_latency_hours", "is_fast_decided", "is_fast_converted"),
    *("is_slow_decided", "is_slow_converted"),
)


def latency(connection: duckdb.DuckDBPyConnection) -> tuple[Latency, ...] | None:
    """Conversion of decided opportunities under and over the limit."""
    types = column_types(connection, LATENCY_MART)
    if not set(_LATENCY_NEEDED) <= set(types):
        return None
    parts = [
        f"select {is_slow} as is_slow, count(*) filter (where is_{pace}_decided) as count_decided, "
        f"count(*) filter (where is_{pace}_converted) as count_won, "
        f"median(opportunity_latency_hours) filter (where is_{pace}_decided) as median_hours "
        f"from {LATENCY_MART} where is_opportunity_row"
        for is_slow, pace in (("false", "fast"), ("true", "slow"))
    ]
    found = read_query(connection, Latency, f"{' union all '.join(parts)} order by 1")
    return found if any(item.count_decided for item in found) else ()


@dataclass(frozen=True)
class Proposal:
    """A question of customers in the community, and what became of it."""

    proposal_id: str
    topic: str | None
    question: str | None
    customer_id: str | None
    customer_name: str | None
    asked_at: datetime | None
    count_questions: int | None
    count_open_questions: int | None
    status: str | None
    answered_at: datetime | None
    waiting_days: float | None


def proposals(
    connection: duckdb.DuckDBPyConnection, page: int, page_size: int
) -> Page[Proposal] | None:
    """One page of proposals: the unanswered first, of these the longest waiting."""
    return read_page(
        connection,
        PROPOSAL_MART,
        Proposal,
        ("proposal_id", "topic", "status"),
        (),
        "case when status = 'answered' then 1 else 0 end, waiting_days desc nulls last, "
        "proposal_id",
        page,
        page_size,
    )


@dataclass(frozen=True)
class Touch:
    """One touch of a customer, and what it adds to the index."""

    touch_id: str
    customer_id: str
    person_id: str | None
    person_name: str | None
    rep_name: str | None
    channel: str | None
    direction: str | None
    topic: str | None
    source_system: str | None
    occurred_at: datetime | None
    weight_points: float | None


def touches(
    connection: duckdb.DuckDBPyConnection, customer_id: str, page: int, page_size: int
) -> Page[Touch] | None:
    """One page of touches of a customer, the newest first."""
    return read_page(
        connection,
        TOUCH_MART,
        Touch,
        ("touch_id", "customer_id", "occurred_at"),
        [f"customer_id = {literal(customer_id)}"],
        "occurred_at desc nulls last, touch_id",
        page,
        page_size,
    )


def export(
    connection: duckdb.DuckDBPyConnection,
    what: str,
    selection: Selection = (),
    search: str = "",
    key: str = "",
) -> Table:
    """All rows of a table of the page, for a file.

    Args:
        what: ``accounts`` (of the selection; ``key`` is the quadrant), ``top`` (all months),
            ``edges`` (of the customer ``key``), ``touches`` (of the customer ``key``),
            ``dropped`` (edges below the threshold) or ``proposals``.
    """
    if what == "accounts":
        terms = _terms(connection, selection, search, key) or []
        return table(connection, ACCOUNT_MART, terms, "customer_id")
    if what == "top":
        return table(connection, TOP_MART, (), "month_start desc, team_name, rank_in_team")
    if what == "edges":
        return table(
            connection,
            EDGE_MART,
            [f"{literal(key)} in (from_customer_id, to_customer_id)"],
            "influence_edge_id",
        )
    if what == "dropped":
        return table(connection, EDGE_MART, ["not is_above_threshold"], "influence_edge_id")
    if what == "touches":
        return table(
            connection, TOUCH_MART, [f"customer_id = {literal(key)}"], "occurred_at desc, touch_id"
        )
    return table(connection, PROPOSAL_MART)
