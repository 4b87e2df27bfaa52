"""Questions of the worklists: leads of the published version, beside what people did with them.

The leads come from the published version, the actions from their own store; they meet here, so that
an action is seen at once, whatever version is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from dagster_project.worklists.actions import ItemState
from streamlit_app.data.catalogue import column_types, records, table_names
from streamlit_app.data.filters import UNKNOWN
from streamlit_app.data.intent import decimal
from streamlit_app.data.metrics import Selection, literal, selection_terms, where_clause

MARTS = {"silent_lead": "mart_silent_lead", "stalled_lead": "mart_stalled_lead"}
OUTCOME_MART = "mart_worklist_outcome"
METRIC_MARTS = (*MARTS.values(), OUTCOME_MART)
"""Marts whose metrics the page shows."""
OUTCOME_TABLE = "worklist_outcome"
REP_MARTS = ("mart_lead", "mart_opportunity", "mart_silent_lead", "mart_stalled_lead")
ORDERS = ("intent", "idle", "recent")


@dataclass(frozen=True)
class Outcome:
    """An outcome that a person can report; a finished item leaves the list."""

    outcome: str
    is_finished: bool


@dataclass(frozen=True)
class Lead:
    """An item of a list; None where the version does not say. Texts are (English, Chinese)."""

    lead_id: str
    lead_name: str | None
    account_id: str | None
    account_name: str | None
    contact_id: str | None
    opportunity_id: str | None
    industry: str | None
    region: str | None
    team_name: str | None
    rep_id: str | None
    rep_name: str | None
    channel: str | None
    product_line: str | None
    created_at: datetime | None
    first_touch_at: datetime | None
    last_touch_at: datetime | None
    last_stage_change_at: datetime | None
    last_signal_at: datetime | None
    silent_hours: float | None
    idle_days: float | None
    norm_days: float | None
    intent_points: Decimal | None
    intent_label: str | None
    reason_code: str | None
    reason: tuple[str | None, str | None]
    next_step: tuple[str | None, str | None]
    amount: float | None
    currency: str | None

    @property
    def waiting_days(self) -> float | None:
        """Days without movement: since the last touch of a silent lead, else since either."""
        if self.idle_days is not None:
            return self.idle_days
        return None if self.silent_hours is None else self.silent_hours / 24


@dataclass(frozen=True)
class Item:
    """A lead with what people did about it."""

    lead: Lead
    state: ItemState
    is_snoozed: bool
    is_finished: bool
    owner_id: str | None
    """Whoever it was assigned to, else the lead's rep."""

    @property
    def is_hidden(self) -> bool:
        return self.is_snoozed or self.is_finished

    @property
    def has_news(self) -> bool:
        """A signal came after the outcome was reported: worth a second look."""
        signal, told = self.lead.last_signal_at, self.state.outcome_at
        return bool(signal and told and signal.replace(tzinfo=None) > told.replace(tzinfo=None))


_TEXTS = (
    "lead_name", "account_id", "account_name", "contact_id", "opportunity_id", "industry", "region",
    "team_name", "rep_id", "rep_name", "channel", "product_line", "intent_label", "reason_code",
    "currency",
)  # fmt: skip
_TIMES = (
    "created_at", "first_touch_at", "last_touch_at", "last_stage_change_at", "last_signal_at",
)  # fmt: skip
_NUMBERS = ("silent_hours", "idle_days", "norm_days", "amount")


def is_published(connection: duckdb.DuckDBPyConnection, list_name: str) -> bool:
    return MARTS[list_name] in table_names(connection)


def leads(
    connection: duckdb.DuckDBPyConnection, list_name: str, selection: Selection = ()
) -> tuple[Lead, ...] | None:
    """The open items of a list; None where this version has no such list or filter.

    Filters by rep are applied later, because a lead may have been assigned to somebody else.
    """
    mart = MARTS[list_name]
    types = column_types(connection, mart)
    if "lead_id" not in types:
        return None
    shared = tuple(item for item in selection if item[0] != "rep")
    terms, missing = selection_terms(shared, types)
    if missing is not None:
        return None
    # A mart may also hold leads that have reacted since or are closed.
    terms += [name for name in ("is_still_silent", "is_lead_open") if name in types]
    rows = records(
        connection, f"select {_lead_columns(types)} from {mart} {where_clause(terms)} order by all"
    )
    return tuple(_lead(row) for row in rows)


def lead(connection: duckdb.DuckDBPyConnection, list_name: str, lead_id: str) -> Lead | None:
    """One item by its id, also where it is no longer open; None where there is none."""
    types = column_types(connection, MARTS[list_name])
    if "lead_id" not in types:
        return None
    rows = records(
        connection,
        f"select {_lead_columns(types)} from {MARTS[list_name]} "
        f"where lead_id = {literal(lead_id)} limit 1",
    )
    return _lead(rows[0]) if rows else None


_COLUMNS = (
    "lead_id", *_TEXTS, *_TIMES, *_NUMBERS, "intent_points", "reason_en", "reason_zh",
    "next_step_en", "next_step_zh",
)  # fmt: skip


def _lead_columns(types: Mapping[str, str]) -> str:
    return ", ".join(name if name in types else f"null as {name}" for name in _COLUMNS)


def _lead(row: Mapping[str, Any]) -> Lead:
    values: dict[str, Any] = {name: row[name] for name in _TIMES}
    values |= {name: None if row[name] is None else str(row[name]) for name in _TEXTS}
    values |= {name: None if row[name] is None else float(row[name]) for name in _NUMBERS}
    return Lead(
        lead_id=str(row["lead_id"]),
        **values,
        intent_points=decimal(row["intent_points"]),
        reason=(row["reason_en"], row["reason_zh"]),
        next_step=(row["next_step_en"], row["next_step_zh"]),
    )


def outcomes(connection: duckdb.DuckDBPyConnection) -> tuple[Outcome, ...]:
    """Outcomes to choose from, in their order; empty where the rule table is not published."""
    if OUTCOME_TABLE not in table_names(connection):
        return ()
    rows = records(
        connection,
        f"select outcome, is_finished from {OUTCOME_TABLE} order by display_order, outcome",
    )
    return tuple(
        Outcome(str(row["outcome"]), str(row["is_finished"]).lower() == "true") for row in rows
    )


def reps(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Name by rep id of everybody who has leads or deals."""
    unions = []
    for mart in REP_MARTS:
        types = column_types(connection, mart)
        if {"rep_id", "rep_name"} <= set(types):
            unions.append(f"select rep_id, rep_name from {mart} where rep_id is not null")
    if not unions:
        return {}
    rows = connection.execute(
        "select rep_id, max(coalesce(rep_name, rep_id)) as rep_name "
        f"from ({' union all '.join(unions)}) as named group by rep_id order by rep_name, rep_id"
    ).fetchall()
    return {str(rep_id): str(name) for rep_id, name in rows}


def items(
    found: Iterable[Lead],
    states: Mapping[str, ItemState],
    finishing: frozenset[str],
    today: date,
) -> list[Item]:
    """Each lead with its state.

    Args:
        finishing: outcomes that finish an item.
        today: the day by which a snooze is judged.
    """
    merged = []
    for one in found:
        state = states.get(one.lead_id) or ItemState(one.lead_id)
        merged.append(
            Item(
                lead=one,
                state=state,
                is_snoozed=state.is_snoozed(today),
                is_finished=state.outcome in finishing,
                owner_id=state.assigned_to or one.rep_id,
            )
        )
    return merged


def chosen(
    merged: Sequence[Item],
    owners: Sequence[str] = (),
    search: str = "",
    with_hidden: bool = False,
    order: str = "intent",
) -> list[Item]:
    """The items to show, in order; ties by lead id, so that the order is always the same."""
    word = search.strip().lower()

    def fits(item: Item) -> bool:
        if item.is_hidden and not with_hidden:
            return False
        if owners and (item.owner_id or UNKNOWN) not in owners:
            return False
        names = (item.lead.lead_name, item.lead.account_name, item.lead.rep_name, item.lead.lead_id)
        return not word or any(word in (name or "").lower() for name in names)

    def rank(item: Item) -> tuple[float, float]:
        points = float(item.lead.intent_points or 0)
        waiting = item.lead.waiting_days or 0.0
        if order == "idle":
            return (-waiting, -points)
        if order == "recent":
            newest = item.lead.last_signal_at or item.lead.first_touch_at or item.lead.created_at
            return (-(newest.timestamp() if newest else 0.0), -points)
        return (-points, -waiting)

    return sorted((item for item in merged if fits(item)), key=lambda i: (rank(i), i.lead.lead_id))


@dataclass(frozen=True)
class OutcomeCount:
    """Actions of a list and what came of them within the time of the rule."""

    list_name: str
    count_quoted: int
    count_not: int
    count_too_early: int

    @property
    def share(self) -> float | None:
        """Quoted in time ÷ those whose time is over; None where none is."""
        decided = self.count_quoted + self.count_not
        return self.count_quoted / decided if decided else None


def outcome_counts(connection: duckdb.DuckDBPyConnection) -> tuple[OutcomeCount, ...] | None:
    """What came of worked items, per list; None where this version does not say."""
    types = column_types(connection, OUTCOME_MART)
    if not {"list", "is_quoted_in_time"} <= set(types):
        return None
    # A note or a snooze is no attempt, so nothing is to come of it.
    where = "where is_attempt" if "is_attempt" in types else ""
    rows = connection.execute(
        f"""
        select
            list,
            count(*) filter (where is_quoted_in_time) as count_quoted,
            count(*) filter (where not is_quoted_in_time) as count_not,
            count(*) filter (where is_quoted_in_time is null) as count_too_early
        from {OUTCOME_MART}
        {where}
        group by all
        order by all
        """
    ).fetchall()
    return tuple(OutcomeCount(str(row[0]), int(row[1]), int(row[2]), int(row[3])) for row in rows)


EXPORT_COLUMNS = (
    "lead_id", "lead_name", "account_id", "account_name", "industry", "region", "team_name",
    "rep_id", "rep_name", "channel", "product_line", "created_at", "first_touch_at",
    "last_touch_at", "last_stage_change_at", "last_signal_at", "silent_hours", "idle_days",
    "norm_days", "intent_points", "reason_code", "reason", "next_step", "amount", "currency",
    "assigned_to", "snoozed_until", "outcome", "outcome_at", "outcome_by", "last_note",
    "last_actor", "last_acted_at",
)  # fmt: skip


def export(shown: Sequence[Item], language: str) -> tuple[list[str], list[list[Any]]]:
    """The items as they are shown, for a file."""
    rows = []
    for item in shown:
        values = []
        for name in EXPORT_COLUMNS:
            value = getattr(item.lead, name, None)
            if isinstance(value, tuple):
                value = value[language == "zh"] or value[0]
            if not hasattr(item.lead, name):
                value = getattr(item.state, name)
            values.append(value)
        rows.append(values)
    return list(EXPORT_COLUMNS), rows
