"""Questions of the page *Account*: one customer, its records, people, business and events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb

from streamlit_app.data import intent
from streamlit_app.data.catalogue import column_types, records
from streamlit_app.data.intent import Event, Factor
from streamlit_app.data.metrics import literal, where_clause
from streamlit_app.data.relationships import ACCOUNT_MART, TOUCH_MART
from streamlit_app.data.typed_rows import Table, read, read_query, table

CUSTOMER_MART = "mart_customer"
RECORD_MART = "mart_customer_record"
REVIEW_MART = "mart_identity_review"
STAR_MART = "mart_star_opportunity"
OPPORTUNITY_MART = "mart_opportunity"
LOAD_MART = "mart_over_contact_week"
KINDS = ("touch", *intent.TIMELINE_KINDS)
MAX_ROWS = 200


@dataclass(frozen=True)
class Customer:
    """One firm behind the accounts of several systems."""

    customer_id: str
    customer_name: str | None
    industry: str | None
    segment: str | None
    region: str | None
    country: str | None
    city: str | None
    tier: str | None
    size_employees: int | None
    tax_id: str | None
    web_domain: str | None
    team_id: str | None
    team_name: str | None
    owner_rep_id: str | None
    owner_rep_name: str | None
    parent_customer_id: str | None
    parent_customer_name: str | None
    count_accounts: int | None
    count_persons: int | None
    source_systems: str | None
    created_at: datetime | None


@dataclass(frozen=True)
class Found:
    """A customer that a search has found."""

    customer_id: str
    customer_name: str | None
    industry: str | None
    region: str | None
    count_accounts: int | None
    source_systems: str | None


def find(
    connection: duckdb.DuckDBPyConnection, search: str, limit: int = 12
) -> tuple[Found, ...] | None:
    """Customers whose name or id holds the words; without words those of most records."""
    types = column_types(connection, CUSTOMER_MART)
    mart = CUSTOMER_MART if {"customer_id", "customer_name"} <= set(types) else ACCOUNT_MART
    word = search.strip().lower()
    terms = []
    if word:
        name = literal(word)
        terms.append(f"(contains(lower(customer_name), {name}) or lower(customer_id) = {name})")
    return read(
        connection,
        mart,
        Found,
        ("customer_id", "customer_name"),
        terms,
        "count_accounts desc nulls last, customer_name, customer_id",
        limit,
    )


def customer(connection: duckdb.DuckDBPyConnection, customer_id: str) -> Customer | None:
    """One customer; None where it has no row. An account of a system finds its customer, too."""
    for wanted in (customer_id, _customer_of(connection, customer_id)):
        for mart in (CUSTOMER_MART, ACCOUNT_MART):
            if wanted is None:
                continue
            found = read(
                connection,
                mart,
                Customer,
                ("customer_id", "customer_name"),
                [f"customer_id = {literal(wanted)}"],
                limit=1,
            )
            if found:
                # What the index mart counts are accounts that the customer reaches.
                is_own = mart == CUSTOMER_MART
                return found[0] if is_own else replace(found[0], count_accounts=None)
    return None


def _customer_of(connection: duckdb.DuckDBPyConnection, account_id: str) -> str | None:
    types = column_types(connection, RECORD_MART)
    if not {"customer_id", "record_id"} <= set(types):
        return None
    row = connection.execute(
        f"select customer_id from {RECORD_MART} where record_id = {literal(account_id)} limit 1"
    ).fetchone()
    return None if row is None else str(row[0])


@dataclass(frozen=True)
class Record:
    """An account or contact of a system, and why it belongs to the customer."""

    record_id: str
    subject: str | None
    record_name: str | None
    person_id: str | None
    source_system: str | None
    is_representative: bool | None
    link_rule: str | None
    link_rule_en: str | None
    link_rule_zh: str | None
    match_weight: float | None
    confidence_ratio: float | None
    evidence_en: str | None
    evidence_zh: str | None


def customer_records(
    connection: duckdb.DuckDBPyConnection, customer_id: str
) -> tuple[Record, ...] | None:
    """Accounts first, of these the representative first, then contacts."""
    return read(
        connection,
        RECORD_MART,
        Record,
        ("customer_id", "record_id", "subject"),
        [f"customer_id = {literal(customer_id)}"],
        "subject, person_id nulls first, is_representative desc nulls last, record_id",
        MAX_ROWS,
    )


def account_ids(connection: duckdb.DuckDBPyConnection, customer_id: str) -> tuple[str, ...]:
    """Accounts of all systems; the customer's own id where the records are not published."""
    found = customer_records(connection, customer_id) or ()
    ids = tuple(item.record_id for item in found if item.subject == "account")
    return ids or (customer_id,)


@dataclass(frozen=True)
class Person:
    """A person of the customer, with the touches that are known to be theirs."""

    person_id: str
    person_name: str | None
    title: str | None
    decision_level: str | None
    count_contacts: int | None
    count_touches: int | None
    last_touch_at: datetime | None
    has_opted_out: bool | None
    is_over_safe_frequency: bool | None


def people(
    connection: duckdb.DuckDBPyConnection, customer_id: str, limit: int = 25
) -> tuple[Person, ...] | None:
    """People by last touch; None where neither records nor touches name persons."""
    record_types = column_types(connection, RECORD_MART)
    touch_types = column_types(connection, TOUCH_MART)
    own = f"customer_id = {literal(customer_id)}"
    parts = []
    if {"person_id", "subject", "record_name"} <= set(record_types):
        title = "max(title)" if "title" in record_types else "null"
        level = "max(decision_level)" if "decision_level" in record_types else "null"
        parts.append(
            f"select person_id, max_by(record_name, coalesce(is_representative, false)) "
            f"as person_name, {title} as title, {level} as decision_level, "
            f"count(*) as count_contacts, 0 as count_touches, null::timestamp as last_touch_at "
            f"from {RECORD_MART} where {own} and person_id is not null group by 1"
        )
    if {"person_id", "person_name", "occurred_at"} <= set(touch_types):
        parts.append(
            "select person_id, max(person_name) as person_name, null as title, "
            "null as decision_level, 0 as count_contacts, count(*) as count_touches, "
            "cast(max(occurred_at) as timestamp) as last_touch_at "
            f"from {TOUCH_MART} where {own} and person_id is not null group by 1"
        )
    if not parts:
        return None
    load_types = column_types(connection, LOAD_MART)
    load = (
        "select null::varchar as person_id, null::boolean as has_left, null::boolean as is_over "
        "where false"
    )
    if {"person_id", "week_start", "is_over_safe_frequency", "has_opted_out"} <= set(load_types):
        load = (
            "select person_id, bool_or(has_opted_out) as has_left, "
            "max_by(is_over_safe_frequency, week_start) as is_over "
            f"from {LOAD_MART} where {own} group by 1"
        )
    return read_query(
        connection,
        Person,
        f"""
        with named as ({" union all ".join(parts)}), load as ({load})
        select named.person_id, max(person_name) as person_name, max(title) as title,
            max(decision_level) as decision_level, sum(count_contacts) as count_contacts,
            sum(count_touches) as count_touches, max(last_touch_at) as last_touch_at,
            bool_or(load.has_left) as has_opted_out,
            bool_or(load.is_over) as is_over_safe_frequency
        from named left join load on named.person_id = load.person_id
        group by 1
        order by last_touch_at desc nulls last, count_touches desc, named.person_id
        limit {int(limit)}
        """,
    )


@dataclass(frozen=True)
class Opportunity:
    """An open opportunity of the customer or of a neighbour in the graph."""

    opportunity_id: str
    opportunity_name: str | None
    customer_id: str | None
    customer_name: str | None
    funnel_stage: str | None
    amount: float | None
    currency: str | None
    rep_name: str | None
    created_at: datetime | None
    edge_type: str | None
    is_own: bool | None


def opportunities(
    connection: duckdb.DuckDBPyConnection, ids: Sequence[str]
) -> tuple[Opportunity, ...] | None:
    """Open opportunities of the accounts, the largest first."""
    types = column_types(connection, OPPORTUNITY_MART)
    if not {"opportunity_id", "account_id", "is_open"} <= set(types):
        return None
    named = ", ".join(literal(value) for value in ids)
    return read(
        connection,
        OPPORTUNITY_MART,
        Opportunity,
        ("opportunity_id",),
        [f"account_id in ({named})", "is_open"],
        "amount desc nulls last, opportunity_id",
        MAX_ROWS,
    )


@dataclass(frozen=True)
class Star:
    """An opportunity that runs beside those of the customer, at a neighbour in the graph."""

    opportunity_id: str
    opportunity_name: str | None
    opportunity_customer_id: str | None
    opportunity_customer_name: str | None
    relations: str | None
    edge_types: str | None
    strength_ratio: float | None
    funnel_stage: str | None
    amount: float | None
    currency: str | None
    rep_name: str | None
    is_own: bool | None


def star(connection: duckdb.DuckDBPyConnection, customer_id: str) -> tuple[Star, ...] | None:
    """Open opportunities of the customer's neighbours, the strongest relation first."""
    return read(
        connection,
        STAR_MART,
        Star,
        ("customer_id", "opportunity_id", "is_open", "is_own"),
        [f"customer_id = {literal(customer_id)}", "is_open", "not is_own"],
        "strength_ratio desc nulls last, amount desc nulls last, opportunity_id",
        MAX_ROWS,
    )


@dataclass(frozen=True)
class Review:
    """A pair of records that a person should judge."""

    left_id: str
    left_name: str | None
    right_id: str | None
    right_name: str | None
    reason_en: str | None
    reason_zh: str | None
    remedy_en: str | None
    remedy_zh: str | None
    subject: str | None
    match_weight: float | None
    match_probability: float | None
    evidence_en: str | None
    evidence_zh: str | None


def reviews(connection: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> tuple[Review, ...]:
    """Pairs in the review list that name one of the records."""
    types = column_types(connection, REVIEW_MART)
    if not {"left_id", "right_id"} <= set(types) or not ids:
        return ()
    named = ", ".join(literal(value) for value in ids)
    return (
        read(
            connection,
            REVIEW_MART,
            Review,
            ("left_id", "right_id"),
            [f"(left_id in ({named}) or right_id in ({named}))"],
            "match_probability desc nulls last, left_id, right_id",
            20,
        )
        or ()
    )


@dataclass(frozen=True)
class Score:
    """Intent of the customer: the sum over its accounts, with the factors that add up to it."""

    points: Decimal
    points_before: Decimal | None
    factors: tuple[Factor, ...]


def intent_score(connection: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> Score | None:
    """Intent now; None where no account of the customer has a score."""
    found = [item for item in (intent.account(connection, one) for one in ids) if item]
    scored = [item for item in found if item.score_points is not None]
    if not scored:
        return None
    parts: dict[str, list[Factor]] = {}
    for item in scored:
        for factor in item.factors:
            parts.setdefault(factor.signal_id, []).append(factor)
    factors = [
        Factor(
            signal_id,
            sum((part.points for part in same), Decimal(0)),
            sum(part.count_hits or 0 for part in same),
        )
        for signal_id, same in parts.items()
    ]
    before = [item.points_before for item in scored if item.points_before is not None]
    return Score(
        sum((item.score_points or Decimal(0) for item in scored), Decimal(0)),
        sum(before, Decimal(0)) if before else None,
        tuple(sorted(factors, key=lambda factor: (-factor.points, factor.signal_id))),
    )


@dataclass(frozen=True)
class TouchEvent(Event):
    """A touch, whose words depend on the language of the page."""

    channel: str | None = None
    direction: str | None = None
    topic: str | None = None


@dataclass(frozen=True)
class Events:
    """One page of what happened, the newest first, and the number of events per kind."""

    events: tuple[Event, ...]
    counts: tuple[tuple[str, int], ...]

    def count(self, kinds: Sequence[str] = ()) -> int:
        return sum(count for kind, count in self.counts if not kinds or kind in kinds)


def events(
    connection: duckdb.DuckDBPyConnection,
    customer_id: str,
    ids: tuple[str, ...],
    kinds: tuple[str, ...] = (),
    page: int = 1,
    page_size: int = 25,
) -> Events | None:
    """Touches, signals, visits, quotes and stages of all systems; None where none is published."""
    parts = []
    types = column_types(connection, intent.TIMELINE_MART)
    has_timeline = {"account_id", "occurred_at", "kind"} <= set(types)
    named = ", ".join(literal(value) for value in ids)
    touch_types = column_types(connection, TOUCH_MART)
    has_touches = {"touch_id", "customer_id", "occurred_at", "channel"} <= set(touch_types)
    if has_touches:
        person = "person_name" if "person_name" in touch_types else "null"
        rep, direction, topic = (
            name if name in touch_types else "null" for name in ("rep_name", "direction", "topic")
        )
        parts.append(
            f"select occurred_at, 'touch' as kind, channel, {direction} as direction, "
            f"{topic} as topic, null as title_en, null as title_zh, {person} as contact_name, "
            f"{rep} as detail, null as signal_hit_id, touch_id as event_id "
            f"from {TOUCH_MART} where customer_id = {literal(customer_id)}"
        )
        if (
            has_timeline
            and connection.execute(
                f"select 1 from {intent.TIMELINE_MART} where account_id in ({named}) "
                "and kind = 'visit' limit 1"
            ).fetchone()
        ):
            # Visits say which pages were read; the same visit as a touch would stand there twice.
            parts[-1] += " and channel <> 'web'"
    if has_timeline:

        def column(name: str) -> str:
            return name if name in types else "null"

        # Touches of the customer hold the activities of its accounts.
        without = " and kind <> 'activity'" if has_touches else ""
        hit = next(
            (name for name in ("signal_hit_id", "evidence_id", "object_id") if name in types),
            "null",
        )
        parts.append(
            f"select occurred_at, kind, null, null, null, {column('title_en')}, "
            f"{column('title_zh')}, "
            f"{column('contact_name')}, {column('detail')}, "
            f"case when kind = 'signal' then cast({hit} as varchar) end, "
            f"concat_ws(':', account_id, cast({hit} as varchar)) "
            f"from {intent.TIMELINE_MART} where account_id in ({named}){without}"
        )
    if not parts:
        return None
    happened = f"({' union all '.join(parts)}) as happened"
    counted = connection.execute(f"select kind, count(*) from {happened} group by 1").fetchall()
    order = {kind: index for index, kind in enumerate(KINDS)}
    counts = sorted(
        ((str(kind), int(count)) for kind, count in counted),
        key=lambda pair: (order.get(pair[0], len(order)), pair[0]),
    )
    terms = [f"kind in ({', '.join(literal(kind) for kind in kinds)})"] if kinds else []
    rows = records(
        connection,
        f"select * from {happened} {where_clause(terms)} "
        "order by occurred_at desc nulls last, kind, event_id "
        f"limit {int(page_size)} offset {int(page_size) * (int(page) - 1)}",
    )
    return Events(tuple(_event(row) for row in rows), tuple(counts))


def _event(row: dict[str, Any]) -> Event:
    common = {
        "kind": str(row["kind"]),
        "occurred_at": row["occurred_at"],
        "title": (row["title_en"], row["title_zh"]),
        "contact_name": row["contact_name"],
        "detail": row["detail"],
        "signal_hit_id": row["signal_hit_id"],
        "count_evidence": None,
    }
    if row["kind"] != "touch":
        return Event(**common)
    named = {name: row[name] for name in ("channel", "direction", "topic")}
    return TouchEvent(**common, **named)


def export(connection: duckdb.DuckDBPyConnection, what: str, customer_id: str) -> Table:
    """All rows of a table of the page, for a file: ``records`` or ``star`` of the customer."""
    mart = {"records": RECORD_MART, "star": STAR_MART}[what]
    return table(connection, mart, [f"customer_id = {literal(customer_id)}"])
