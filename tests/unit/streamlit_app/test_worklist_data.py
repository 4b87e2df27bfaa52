"""Worklists: leads of the version and what people did with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import duckdb
import pytest

from dagster_project.worklists.actions import ItemState
from streamlit_app.data import worklists
from streamlit_app.data.worklists import Item, Lead

TODAY = date(2026, 7, 1)
FINISHING = frozenset({"quoted", "no_interest"})


@pytest.fixture
def leads(company: duckdb.DuckDBPyConnection) -> tuple[Lead, ...]:
    found = worklists.leads(company, "stalled_lead")
    assert found is not None
    return found


def merged(leads: tuple[Lead, ...], **states: ItemState) -> list[Item]:
    return worklists.items(
        leads, {f"crm:lead{key[1:]}": value for key, value in states.items()}, FINISHING, TODAY
    )


def ids(items: list[Item]) -> list[str]:
    return [item.lead.lead_id for item in items]


def test_a_list_holds_what_is_open_and_is_filtered(company: duckdb.DuckDBPyConnection) -> None:
    silent = worklists.leads(company, "silent_lead")
    assert silent is not None and len(silent) == 60, "20 of 80 have reacted since"
    chosen = worklists.leads(
        company, "stalled_lead", (("reason", ("no_quote",)), ("rep", ("nobody",)))
    )
    assert chosen and {lead.reason_code for lead in chosen} == {"no_quote"}
    assert worklists.leads(company, "silent_lead", (("reason", ("no_quote",)),)) is None
    one = worklists.lead(company, "silent_lead", "crm:lead0")
    assert one is not None and one.lead_id == "crm:lead0", "a link to a settled lead still opens"
    assert worklists.lead(company, "silent_lead", "' or true --") is None


def test_closed_leads_are_left_out_where_the_mart_says_so(
    own_company: duckdb.DuckDBPyConnection,
) -> None:
    own_company.execute("alter table mart_silent_lead add column is_lead_open boolean")
    own_company.execute("update mart_silent_lead set is_lead_open = lead_id <> 'crm:lead1'")
    found = worklists.leads(own_company, "silent_lead")
    assert found is not None and len(found) == 59


def test_snoozed_and_finished_items_are_hidden_until_asked_for(leads: tuple[Lead, ...]) -> None:
    items = merged(
        leads,
        n1=ItemState("crm:lead1", snoozed_until=TODAY + timedelta(days=1)),
        n2=ItemState("crm:lead2", snoozed_until=TODAY),
        n3=ItemState("crm:lead3", outcome="quoted"),
        n4=ItemState("crm:lead4", outcome="contacted"),
    )
    shown = ids(worklists.chosen(items))
    assert {"crm:lead1", "crm:lead3"}.isdisjoint(shown) and len(shown) == len(leads) - 2
    assert {"crm:lead2", "crm:lead4"} <= set(shown)
    assert len(worklists.chosen(items, with_hidden=True)) == len(leads)


def test_an_assigned_lead_belongs_to_whom_it_was_assigned_to(leads: tuple[Lead, ...]) -> None:
    items = merged(leads, n1=ItemState("crm:lead1", assigned_to="crm:rep8"))
    own = ids(worklists.chosen(items, owners=("crm:rep8",)))
    assert "crm:lead1" in own and "crm:lead8" in own
    assert "crm:lead1" not in ids(worklists.chosen(items, owners=("crm:rep1",)))
    nobody = worklists.items([replace(leads[0], rep_id=None)], {}, FINISHING, TODAY)
    assert ids(worklists.chosen(nobody, owners=("~unknown",))) == [leads[0].lead_id]


def test_search_and_order(leads: tuple[Lead, ...]) -> None:
    items = merged(leads)
    assert ids(worklists.chosen(items, search=" CRM:LEAD7 ")) == ["crm:lead7"]
    assert len(worklists.chosen(items, search="wang fang")) > 1
    points = [item.lead.intent_points for item in worklists.chosen(items)]
    assert points == sorted(points, reverse=True)  # type: ignore[type-var]
    idle = [item.lead.waiting_days or 0 for item in worklists.chosen(items, order="idle")]
    assert idle == sorted(idle, reverse=True)
    newest = [item.lead.last_signal_at for item in worklists.chosen(items, order="recent")]
    assert newest == sorted(newest, reverse=True)  # type: ignore[type-var]


def test_a_signal_after_the_outcome_is_news(leads: tuple[Lead, ...]) -> None:
    signal = leads[0].last_signal_at
    assert signal is not None
    told = signal.replace(tzinfo=UTC) - timedelta(hours=1)
    for outcome_at, expected in ((told, True), (told + timedelta(hours=2), False), (None, False)):
        state = ItemState(leads[0].lead_id, outcome="contacted", outcome_at=outcome_at)
        (item,) = worklists.items([leads[0]], {leads[0].lead_id: state}, FINISHING, TODAY)
        assert item.has_news is expected


def test_a_file_holds_what_is_shown_in_the_language_of_the_page(leads: tuple[Lead, ...]) -> None:
    when = datetime(2026, 6, 30, 8, 0, tzinfo=UTC)
    state = ItemState("crm:lead1", assigned_to="crm:rep8", outcome="contacted", outcome_at=when)
    shown = worklists.chosen(merged(leads, n1=state))
    names, rows = worklists.export(shown, "zh")
    assert len(rows) == len(shown) and {len(row) for row in rows} == {len(names)}
    row = dict(zip(names, next(row for row in rows if row[0] == "crm:lead1"), strict=True))
    assert row["next_step"] == "致电决策人" and row["reason"] == "已看价格但未报价"
    assert (row["assigned_to"], row["outcome_at"]) == ("crm:rep8", when)
    assert row["intent_points"] == Decimal("41.50")


def test_what_came_of_it_counts_only_what_can_be_told(
    own_company: duckdb.DuckDBPyConnection,
) -> None:
    found = worklists.outcome_counts(own_company)
    assert found == (worklists.OutcomeCount("stalled_lead", 4, 4, 2),)
    assert found[0].share == 0.5
    assert worklists.OutcomeCount("silent_lead", 0, 0, 3).share is None, "unknown is not 0"
    own_company.execute("update mart_worklist_outcome set is_attempt = lead_id = 'crm:lead1'")
    assert worklists.outcome_counts(own_company) == (
        worklists.OutcomeCount("stalled_lead", 1, 0, 0),
    )


def test_a_version_without_the_marts_is_unknown(own_company: duckdb.DuckDBPyConnection) -> None:
    for mart in (*worklists.METRIC_MARTS, "worklist_outcome"):
        own_company.execute(f"drop table {mart}")
    assert worklists.leads(own_company, "silent_lead") is None
    assert worklists.lead(own_company, "stalled_lead", "crm:lead1") is None
    assert worklists.outcome_counts(own_company) is None
    assert worklists.outcomes(own_company) == ()
    assert worklists.reps(own_company), "reps are also known from leads and deals"


def test_outcomes_are_the_rule_rows_in_their_order(company: duckdb.DuckDBPyConnection) -> None:
    found = worklists.outcomes(company)
    assert [item.outcome for item in found][:3] == ["contacted", "meeting_agreed", "quoted"]
    assert {item.outcome for item in found if item.is_finished} >= {"quoted", "wrong_data"}
