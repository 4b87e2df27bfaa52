"""Questions of the intent page: signals over time, accounts with their factors, one account.

A mart that this version does not have yet gives None, which the page says in words; a column that
it lacks reads as unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import duckdb

from streamlit_app.data.catalogue import column_types, records, table_names
from streamlit_app.data.filters import Period
from streamlit_app.data.metrics import (
    Selection,
    as_date,
    bucket_of,
    bucket_sql,
    covers,
    literal,
    next_bucket,
    period_terms,
    selection_terms,
    where_clause,
)

SIGNAL_MART = "mart_intent_signal"
ACCOUNT_MART = "mart_intent_account"
SCORE_MART = "mart_intent_score_day"
FACTOR_MART = "mart_intent_factor"
EVIDENCE_MART = "mart_intent_evidence"
TIMELINE_MART = "mart_account_timeline"
RULE_TABLE = "intent_signal"

METRIC_MARTS = (
    SIGNAL_MART,
    ACCOUNT_MART,
    SCORE_MART,
    "mart_decision_maker_change",
    "mart_web_session",
    "mart_visitor_link",
)
"""Marts whose metrics the page shows."""

TIMELINE_KINDS = ("signal", "visit", "activity", "quote", "stage", "lead")
ACCOUNT_ORDERS = ("score", "rise", "recent", "name")
GROUPS = {"signal": "signal_id", "industry": "industry"}


@dataclass(frozen=True)
class Group:
    """Signals of one class or industry: ``counts`` per bucket; ``previous`` None if unknown."""

    key: str | None
    counts: tuple[int, ...]
    previous: int | None
    count_accounts: int

    @property
    def count(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True)
class Signals:
    """Signals over time in groups, the largest first."""

    buckets: tuple[date, ...]
    grain: str
    groups: tuple[Group, ...]
    previous: tuple[int, ...] | None
    """All groups together, in the buckets of the period before."""

    @property
    def totals(self) -> tuple[int, ...]:
        return tuple(
            sum(group.counts[index] for group in self.groups) for index in range(len(self.buckets))
        )


def _buckets(period: Period, grain: str, first: date, last: date) -> tuple[date, ...]:
    start = bucket_of(period.start or first, grain, period.end)
    end = bucket_of(period.end - timedelta(days=1) if period.end else last, grain, period.end)
    days = []
    while start <= end:
        days.append(start)
        start = next_bucket(start, grain)
    return tuple(days)


def groups_table(found: Signals, names: Sequence[str]) -> tuple[list[str], list[list[Any]]]:
    """Groups over time as rows for a file; ``names`` are those of the groups."""
    columns = ["group", "group_name", "count", "count_before", "count_accounts"]
    columns += [day.isoformat() for day in found.buckets]
    return columns, [
        [group.key, name, group.count, group.previous, group.count_accounts, *group.counts]
        for group, name in zip(found.groups, names, strict=True)
    ]


def published(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Names of the tables of this version."""
    return table_names(connection)


def signals(
    connection: duckdb.DuckDBPyConnection, selection: Selection, period: Period, by: str
) -> Signals | None:
    """Signals per bucket and class (``by`` = signal) or industry; None where not known."""
    types = column_types(connection, SIGNAL_MART)
    column = GROUPS[by]
    terms, missing = selection_terms(selection, types)
    if missing is not None or not {"period_date", column} <= set(types):
        return None
    extent = connection.execute(
        f"select min(period_date), max(period_date) from {SIGNAL_MART}"
    ).fetchone()
    assert extent is not None  # an aggregate always answers
    first, last = as_date(extent[0]), as_date(extent[1])
    if first is None or last is None:
        return None
    grain = period.grain(first, last)
    before = period.previous()
    if before is not None and not covers(first, before):
        before = None
    accounts = "count(distinct account_id)" if "account_id" in types else "0"

    def counted(span: Period) -> list[tuple[Any, ...]]:
        where = where_clause([*terms, *period_terms(span), "period_date is not null"])
        return connection.execute(
            f"select {column}, {bucket_sql(grain, span.end)}, count(*) "
            f"from {SIGNAL_MART} {where} group by all"
        ).fetchall()

    where = where_clause([*terms, *period_terms(period), "period_date is not null"])
    reached = dict(
        connection.execute(
            f"select {column}, {accounts} from {SIGNAL_MART} {where} group by all"
        ).fetchall()
    )
    buckets = _buckets(period, grain, first, last)
    now: dict[str | None, dict[date, int]] = {}
    for key, day, count in counted(period):
        bucket = as_date(day)
        assert bucket is not None  # rows without a day are left out
        now.setdefault(key, {})[bucket] = int(count)
    earlier: dict[str | None, int] = {}
    by_bucket: dict[date, int] = {}
    if before is not None:
        for key, day, count in counted(before):
            bucket = as_date(day)
            assert bucket is not None
            earlier[key] = earlier.get(key, 0) + int(count)
            by_bucket[bucket] = by_bucket.get(bucket, 0) + int(count)
    groups = [
        Group(
            key=None if key is None else str(key),
            counts=tuple(now.get(key, {}).get(day, 0) for day in buckets),
            previous=None if before is None else earlier.get(key, 0),
            count_accounts=int(reached.get(key, 0)),
        )
        for key in {*now, *earlier}
    ]
    groups.sort(key=lambda group: (group.key is None, -group.count, group.key or ""))
    previous = None
    if before is not None:
        days = _buckets(before, grain, first, last)
        previous = tuple(by_bucket.get(day, 0) for day in days)
    return Signals(buckets, grain, tuple(groups), previous)


@dataclass(frozen=True)
class SignalRule:
    """What the rule table says about a signal class; texts by language, None where unknown."""

    signal_id: str
    weight: Decimal | None
    half_life_days: Decimal | None
    description: tuple[str | None, str | None]
    play: tuple[str | None, str | None]


def signal_rules(connection: duckdb.DuckDBPyConnection) -> dict[str, SignalRule]:
    """Rules by signal id; empty where the rule table is not published."""
    types = column_types(connection, RULE_TABLE)
    if "signal_id" not in types:
        return {}

    def texts(row: Mapping[str, Any], *stems: str) -> tuple[str | None, str | None]:
        for stem in stems:
            if f"{stem}_en" in row:
                return row[f"{stem}_en"], row.get(f"{stem}_zh")
        return None, None

    return {
        str(row["signal_id"]): SignalRule(
            str(row["signal_id"]),
            decimal(row.get("weight")),
            decimal(row.get("half_life_days")),
            texts(row, "description", "definition"),
            texts(row, "play", "response_play", "response"),
        )
        for row in records(connection, f"from {RULE_TABLE}")
    }


def decimal(value: Any) -> Decimal | None:
    """The number as it is written; a binary fraction by its shortest decimal form."""
    return None if value is None else Decimal(str(value))


def _optional(types: Mapping[str, str], *names: str) -> str:
    """The first of the columns that there is, else NULL; named as the first."""
    found = next((name for name in names if name in types), "null")
    return found if found == names[0] else f"{found} as {names[0]}"


@dataclass(frozen=True)
class Factor:
    """Points that one signal class adds to a score."""

    signal_id: str
    points: Decimal
    count_hits: int | None


@dataclass(frozen=True)
class Account:
    """One account with its score now; None where the mart does not say."""

    account_id: str
    account_name: str | None
    industry: str | None
    region: str | None
    team_name: str | None
    rep_name: str | None
    score_points: Decimal | None
    points_before: Decimal | None
    intent_level: str | None
    count_signals: int | None
    last_signal_at: datetime | None
    count_open_opportunities: int | None
    count_open_leads: int | None
    factors: tuple[Factor, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether the factors add up to the score; must hold wherever there are factors."""
        return sum((factor.points for factor in self.factors), Decimal(0)) == self.score_points


_ACCOUNT_COLUMNS: tuple[tuple[str, ...], ...] = (
    ("account_name",),
    ("industry",),
    ("region",),
    ("team_name",),
    ("rep_name",),
    ("score_points",),
    ("points_before", "score_points_before", "score_points_28_days_ago"),
    ("intent_level", "score_level"),
    ("count_signals",),
    ("last_signal_at",),
    ("count_open_opportunities",),
    ("count_open_leads",),
)
_ORDERS = {
    "score": "score_points desc nulls last",
    "rise": "score_points - coalesce(points_before, 0) desc nulls last",
    "recent": "last_signal_at desc nulls last",
    "name": "account_name",
}


def _account_rows(types: Mapping[str, str]) -> str:
    columns = ", ".join(_optional(types, *names) for names in _ACCOUNT_COLUMNS)
    return f"select account_id, {columns} from {ACCOUNT_MART}"


def _account_terms(
    connection: duckdb.DuckDBPyConnection,
    types: Mapping[str, str],
    selection: Selection,
    search: str,
) -> list[str] | None:
    """Terms of the account list; None where a filter does not apply to accounts.

    A signal class selects the accounts to whose score it adds points now.
    """
    terms, missing = selection_terms(tuple(s for s in selection if s[0] != "signal"), types)
    if missing is not None:
        return None
    wanted = dict(selection).get("signal")
    if wanted:
        current = _current_factors(connection)
        if current is None:
            return None
        named = ", ".join(literal(value) for value in wanted)
        terms.append(f"account_id in (select account_id from ({current}) where signal_id in "
                     f"({named}) and points > 0)")  # fmt: skip
    if search.strip():
        word = literal(search.strip().lower())
        name = "lower(account_name)" if "account_name" in types else "account_id"
        terms.append(f"(contains({name}, {word}) or lower(account_id) = {word})")
    return terms


@dataclass(frozen=True)
class Accounts:
    """Some accounts of a selection, how many there are, and the highest score of all."""

    rows: tuple[Account, ...]
    count_all: int
    highest: Decimal | None


def accounts(
    connection: duckdb.DuckDBPyConnection,
    selection: Selection,
    search: str = "",
    order: str = "score",
    page: int = 1,
    page_size: int = 15,
) -> Accounts | None:
    """One page of accounts that have a score, with factors; None where that is not known."""
    types = column_types(connection, ACCOUNT_MART)
    if not {"account_id", "score_points"} <= set(types):
        return None
    terms = _account_terms(connection, types, selection, search)
    if terms is None:
        return None
    where = where_clause([*terms, "score_points > 0"])
    counted = connection.execute(
        f"select count(*), max(score_points) from {ACCOUNT_MART} {where}"
    ).fetchone()
    assert counted is not None  # an aggregate always answers
    rows = records(
        connection,
        f"select * from ({_account_rows(types)} {where}) order by {_ORDERS[order]}, "
        f"score_points desc, account_id limit {int(page_size)} "
        f"offset {int(page_size) * (int(page) - 1)}",
    )
    found = factors(connection, [str(row["account_id"]) for row in rows])
    return Accounts(
        tuple(_account(row, found.get(str(row["account_id"]), ())) for row in rows),
        int(counted[0]),
        decimal(counted[1]),
    )


def account(connection: duckdb.DuckDBPyConnection, account_id: str) -> Account | None:
    """One account by its id; None where it has no row."""
    types = column_types(connection, ACCOUNT_MART)
    if "account_id" not in types:
        return None
    rows = records(
        connection, f"{_account_rows(types)} where account_id = {literal(account_id)} limit 1"
    )
    if not rows:
        return None
    return _account(rows[0], factors(connection, [account_id]).get(account_id, ()))


def _account(row: Mapping[str, Any], parts: tuple[Factor, ...]) -> Account:
    return Account(
        **{
            name: row[name]
            for name in (
                "account_name", "industry", "region", "team_name", "rep_name", "intent_level",
                "count_signals", "last_signal_at", "count_open_opportunities", "count_open_leads",
            )
        },
        account_id=str(row["account_id"]),
        score_points=decimal(row["score_points"]),
        points_before=decimal(row["points_before"]),
        factors=parts,
    )  # fmt: skip


def _current_factors(connection: duckdb.DuckDBPyConnection) -> str | None:
    """SQL for the factors of the newest day, of accounts as a whole."""
    types = column_types(connection, FACTOR_MART)
    if not {"account_id", "signal_id", "points"} <= set(types):
        return None
    terms = ["account_id is not null"]
    if "level" in types:
        terms.append("level = 'account'")
    if "score_date" in types:
        terms.append(f"score_date = (select max(score_date) from {FACTOR_MART})")
    hits = _optional(types, "count_hits", "hits")
    return (
        f"select account_id, signal_id, points, {hits} from {FACTOR_MART} "
        f"where {' and '.join(terms)}"
    )


def factors(
    connection: duckdb.DuckDBPyConnection, account_ids: Sequence[str]
) -> dict[str, tuple[Factor, ...]]:
    """What the scores of accounts are made of now, the largest factor first."""
    current = _current_factors(connection)
    if current is None or not account_ids:
        return {}
    named = ", ".join(literal(value) for value in account_ids)
    found: dict[str, list[Factor]] = {}
    for row in records(
        connection,
        f"select * from ({current}) where account_id in ({named}) and points <> 0 "
        "order by account_id, points desc, signal_id",
    ):
        points = decimal(row["points"])
        assert points is not None  # the condition leaves out NULL
        hits = None if row["count_hits"] is None else int(row["count_hits"])
        found.setdefault(str(row["account_id"]), []).append(
            Factor(str(row["signal_id"]), points, hits)
        )
    return {key: tuple(values) for key, values in found.items()}


def rounded_parts(values: Sequence[Decimal], digits: int) -> tuple[Decimal, ...]:
    """Values rounded so that they add up to their rounded sum (largest remainder)."""
    step = Decimal(1).scaleb(-digits)
    total = sum(values, Decimal(0)).quantize(step)
    floors = [value.quantize(step, ROUND_FLOOR) for value in values]
    missing = int((total - sum(floors, Decimal(0))) / step)
    largest = sorted(range(len(values)), key=lambda i: (floors[i] - values[i], i))
    raised = set(largest[:missing])
    return tuple(
        (floor + step if index in raised else floor).quantize(step)
        for index, floor in enumerate(floors)
    )


def score_history(
    connection: duckdb.DuckDBPyConnection, account_id: str, days: int = 365
) -> tuple[tuple[date, float], ...] | None:
    """Score per day up to the newest day; a day without a row is a score of 0."""
    types = column_types(connection, SCORE_MART)
    if not {"account_id", "score_date", "score_points"} <= set(types):
        return None
    level = "and level = 'account'" if "level" in types else ""
    extent = connection.execute(
        f"select min(score_date), max(score_date) from {SCORE_MART}"
    ).fetchone()
    assert extent is not None  # an aggregate always answers
    first, last = as_date(extent[0]), as_date(extent[1])
    rows = connection.execute(
        f"select cast(score_date as date), cast(sum(score_points) as double) from {SCORE_MART} "
        f"where account_id = {literal(account_id)} {level} group by 1"
    ).fetchall()
    found = {day: float(points) for day, points in rows if points is not None}
    if not found or first is None or last is None:
        return ()
    # From the day before the first points, so that the line starts where it rose from.
    start = max(first, last - timedelta(days=days - 1), min(found) - timedelta(days=1))
    count = (last - start).days + 1
    span = (start + timedelta(days=index) for index in range(count))
    return tuple((day, found.get(day, 0.0)) for day in span)


@dataclass(frozen=True)
class ContactScore:
    """A contact of an account and the points of the signals that are known to be its own."""

    contact_id: str
    contact_name: str | None
    title: str | None
    points: Decimal


def contact_scores(
    connection: duckdb.DuckDBPyConnection, account_id: str
) -> tuple[ContactScore, ...]:
    """Contacts with points on the newest day; empty where none is known."""
    types = column_types(connection, SCORE_MART)
    if not {"level", "contact_id", "account_id", "score_points", "score_date"} <= set(types):
        return ()
    rows = records(
        connection,
        f"select contact_id, {_optional(types, 'contact_name')}, "
        f"{_optional(types, 'title', 'contact_title')}, score_points "
        f"from {SCORE_MART} where level = 'contact' and account_id = {literal(account_id)} "
        f"and score_date = (select max(score_date) from {SCORE_MART}) "
        "and contact_id is not null and score_points > 0 order by score_points desc, contact_id",
    )
    return tuple(
        ContactScore(
            str(row["contact_id"]),
            row["contact_name"],
            row["title"],
            decimal(row["score_points"]) or Decimal(0),
        )
        for row in rows
    )


@dataclass(frozen=True)
class Event:
    """One entry of an account's timeline."""

    kind: str
    occurred_at: datetime | None
    title: tuple[str | None, str | None]
    contact_name: str | None
    detail: str | None
    signal_hit_id: str | None
    count_evidence: int | None


@dataclass(frozen=True)
class Timeline:
    """One page of events, the newest first, and the number of events per kind."""

    events: tuple[Event, ...]
    count_all: int
    counts: tuple[tuple[str, int], ...]


def _knows_evidence(connection: duckdb.DuckDBPyConnection) -> bool:
    return {"signal_hit_id", "count_evidence"} <= set(column_types(connection, SIGNAL_MART))


def timeline(
    connection: duckdb.DuckDBPyConnection,
    account_id: str,
    kinds: tuple[str, ...] = (),
    page: int = 1,
    page_size: int = 25,
) -> Timeline | None:
    """What happened with an account; ``kinds`` empty means all. None where not published."""
    types = column_types(connection, TIMELINE_MART)
    if not {"account_id", "occurred_at", "kind"} <= set(types):
        return None
    own = f"account_id = {literal(account_id)}"
    counts = connection.execute(
        f"select kind, count(*) from {TIMELINE_MART} where {own} group by kind"
    ).fetchall()
    terms = [own]
    if kinds:
        terms.append(f"kind in ({', '.join(literal(kind) for kind in kinds)})")
    hit = _optional(types, "signal_hit_id", "evidence_id", "object_id")
    evidence = _optional(types, "count_evidence")
    if evidence.startswith("null") and _knows_evidence(connection):
        evidence = (
            f"(select max(count_evidence) from {SIGNAL_MART} as signal "
            "where signal.signal_hit_id = happened.signal_hit_id) as count_evidence"
        )
    rows = records(
        connection,
        f"select occurred_at, kind, {_optional(types, 'title_en')}, "
        f"{_optional(types, 'title_zh')}, {_optional(types, 'contact_name')}, "
        f"{_optional(types, 'detail')}, {hit}, {evidence} "
        f"from {TIMELINE_MART} as happened {where_clause(terms)} "
        f"order by occurred_at desc nulls last, kind, {', '.join(types)} "
        f"limit {int(page_size)} offset {int(page_size) * (int(page) - 1)}",
    )
    events = tuple(
        Event(
            kind=str(row["kind"]),
            occurred_at=row["occurred_at"],
            title=(row["title_en"], row["title_zh"]),
            contact_name=row["contact_name"],
            detail=row["detail"],
            signal_hit_id=str(row["signal_hit_id"])
            if row["kind"] == "signal" and row["signal_hit_id"]
            else None,
            count_evidence=row["count_evidence"],
        )
        for row in rows
    )
    chosen = sum(count for kind, count in counts if not kinds or kind in kinds)
    order = {kind: index for index, kind in enumerate(TIMELINE_KINDS)}
    found = sorted(
        ((str(kind), int(count)) for kind, count in counts),
        key=lambda pair: (order.get(pair[0], len(order)), pair[0]),
    )
    return Timeline(events, int(chosen), tuple(found))


@dataclass(frozen=True)
class Hit:
    """One signal: what was seen, of whom, when, and how much it weighs."""

    signal_hit_id: str
    signal_id: str
    signal_version: str | None
    contact_name: str | None
    occurred_at: datetime | None
    weight: Decimal | None
    half_life_days: Decimal | None
    count_evidence: int | None


def signal_hit(connection: duckdb.DuckDBPyConnection, signal_hit_id: str) -> Hit | None:
    """One signal by its id; None where there is no such row."""
    types = column_types(connection, SIGNAL_MART)
    if not {"signal_hit_id", "signal_id"} <= set(types):
        return None
    columns = ", ".join(
        _optional(types, name)
        for name in (
            "signal_version", "contact_name", "occurred_at", "weight", "half_life_days",
            "count_evidence",
        )
    )  # fmt: skip
    rows = records(
        connection,
        f"select signal_hit_id, signal_id, {columns} from {SIGNAL_MART} "
        f"where signal_hit_id = {literal(signal_hit_id)} limit 1",
    )
    if not rows:
        return None
    row = rows[0]
    return Hit(
        str(row["signal_hit_id"]),
        str(row["signal_id"]),
        None if row["signal_version"] is None else str(row["signal_version"]),
        row["contact_name"],
        row["occurred_at"],
        decimal(row["weight"]),
        decimal(row["half_life_days"]),
        row["count_evidence"],
    )


@dataclass(frozen=True)
class Evidence:
    """A raw row behind a signal, and where it lies: file and line, address, or text."""

    evidence_object: str
    evidence_id: str | None
    source_system: str | None
    evidence_at: datetime | None
    source_file: str | None
    source_row: int | None
    url: str | None
    text_excerpt: str | None
    keywords: tuple[str, ...] = ()
    engaged_seconds: float | None = None


EVIDENCE_LIMIT = 500


def evidence(
    connection: duckdb.DuckDBPyConnection, signal_hit_id: str
) -> tuple[Evidence, ...] | None:
    """Raw rows behind a signal, in order of time; None where they are not published."""
    types = column_types(connection, EVIDENCE_MART)
    if "signal_hit_id" not in types:
        return None
    columns = ", ".join(
        _optional(types, *names)
        for names in (
            ("evidence_object",),
            ("evidence_id",),
            ("source_system",),
            ("evidence_at",),
            ("source_file",),
            ("source_row", "source_line"),
            ("url", "url_path"),
            ("text_excerpt", "evidence_text", "excerpt"),
            ("keywords",),
            ("engaged_seconds",),
        )
    )
    rows = records(
        connection,
        f"select {columns} from {EVIDENCE_MART} where signal_hit_id = {literal(signal_hit_id)} "
        f"order by evidence_at nulls last, evidence_id limit {EVIDENCE_LIMIT}",
    )
    return tuple(
        Evidence(
            evidence_object=str(row["evidence_object"] or ""),
            evidence_id=None if row["evidence_id"] is None else str(row["evidence_id"]),
            source_system=row["source_system"],
            evidence_at=row["evidence_at"],
            source_file=row["source_file"],
            source_row=None if row["source_row"] is None else int(row["source_row"]),
            url=row["url"],
            text_excerpt=row["text_excerpt"],
            keywords=tuple(
                word for word in re.split(r"\s*[,;|、]\s*", row["keywords"] or "") if word
            ),
            engaged_seconds=None
            if row["engaged_seconds"] is None
            else float(row["engaged_seconds"]),
        )
        for row in rows
    )


Table = tuple[list[str], Iterable[Sequence[Any]]]


def _table(connection: duckdb.DuckDBPyConnection, sql: str) -> Table:
    cursor = connection.execute(sql)
    names = [str(column[0]) for column in cursor.description or []]
    return names, cursor.fetchall()


def export(
    connection: duckdb.DuckDBPyConnection,
    what: str,
    selection: Selection = (),
    period: Period | None = None,
    search: str = "",
    key: str = "",
) -> Table:
    """All rows of a table of the page, for a file.

    Args:
        what: ``signals`` (every hit of the selection), ``accounts`` (one row per account and
            factor), ``timeline`` and ``factors`` of the account ``key``, ``evidence`` of the
            signal ``key``.
    """
    if what == "signals":
        types = column_types(connection, SIGNAL_MART)
        terms, _ = selection_terms(selection, types)
        terms += period_terms(period) if period is not None else []
        return _table(connection, f"select * from {SIGNAL_MART} {where_clause(terms)} order by all")
    if what == "accounts":
        types = column_types(connection, ACCOUNT_MART)
        account_terms = _account_terms(connection, types, selection, search) or []
        where = where_clause([*account_terms, "score_points > 0"])
        chosen = f"select * from {ACCOUNT_MART} {where}"
        current = _current_factors(connection)
        if current is None:
            return _table(connection, f"{chosen} order by score_points desc, account_id")
        return _table(
            connection,
            f"select account.*, factor.signal_id, factor.points as factor_points, "
            f"factor.count_hits from ({chosen}) as account left join ({current}) as factor "
            "using (account_id) order by score_points desc, account_id, factor_points desc",
        )
    if what == "factors":
        current = _current_factors(connection) or f"select * from {FACTOR_MART} where false"
        return _table(
            connection,
            f"select * from ({current}) where account_id = {literal(key)} order by points desc",
        )
    mart, column, order = {
        "timeline": (TIMELINE_MART, "account_id", "occurred_at desc"),
        "evidence": (EVIDENCE_MART, "signal_hit_id", "evidence_at"),
    }[what]
    return _table(
        connection, f"select * from {mart} where {column} = {literal(key)} order by {order}"
    )
