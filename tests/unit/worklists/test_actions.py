"""What actions come to, whatever keeps them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from dagster_project.worklists.actions import Action, WorklistError, fold, new_action

NOW = datetime(2026, 7, 1, 9, 30, tzinfo=UTC)


def act(action: str, subject: str = "crm:lead1", actor: str = "Li Na", **values: Any) -> Action:
    return new_action("stalled_lead", subject, action, actor, NOW, **values)


def test_the_later_of_two_actions_counts() -> None:
    states = fold(
        [
            act("assign", value="rep1"),
            act("assign", value="rep2"),
            act("snooze", until=date(2026, 7, 9)),
            act("snooze", until=date(2026, 7, 3), note="back on Friday"),
            act("outcome", value="contacted"),
            act("outcome", value="quoted", actor="Wang Fang"),
            act("assign", subject="crm:lead2", value="rep3"),
        ]
    )
    state = states["crm:lead1"]
    assert (state.assigned_to, state.snoozed_until) == ("rep2", date(2026, 7, 3))
    assert (state.outcome, state.outcome_by, state.outcome_at) == ("quoted", "Wang Fang", NOW)
    assert (state.count_actions, state.count_notes, state.last_note) == (6, 1, "back on Friday")
    assert states["crm:lead2"].assigned_to == "rep3" and states["crm:lead2"].outcome is None


def test_reopening_takes_off_snooze_and_outcome_but_not_the_owner() -> None:
    before = [
        act("assign", value="rep1"),
        act("snooze", until=date(2026, 7, 9)),
        act("outcome", value="no_interest"),
    ]
    state = fold([*before, act("reopen")])["crm:lead1"]
    assert (state.assigned_to, state.snoozed_until, state.outcome) == ("rep1", None, None)
    assert state.outcome_by is None and state.count_actions == 4


def test_a_snoozed_item_comes_back_on_its_day() -> None:
    state = fold([act("snooze", until=date(2026, 7, 9))])["crm:lead1"]
    assert state.is_snoozed(date(2026, 7, 8)) and not state.is_snoozed(date(2026, 7, 9))
    assert not fold([act("note", note="x")])["crm:lead1"].is_snoozed(date(2026, 7, 8))


@pytest.mark.parametrize(
    ("action", "values", "problem"),
    [
        ("assign", {}, "assign needs a value"),
        ("outcome", {"value": " "}, "outcome needs a value"),
        ("snooze", {}, "pass until"),
        ("note", {"note": " \n"}, "a note needs a text"),
        ("note", {"note": "x" * 2001}, "longer than 2000"),
        ("note", {"note": "x", "actor": "  "}, "a name of who acts"),
        ("note", {"note": "x", "subject": ""}, "needs its item"),
        ("delete", {}, "use one of assign, snooze"),
    ],
)
def test_an_incomplete_action_is_refused(action: str, values: dict[str, Any], problem: str) -> None:
    with pytest.raises(WorklistError, match=problem):
        act(action, **values)


def test_an_unknown_list_is_refused() -> None:
    with pytest.raises(WorklistError, match="silent_lead, stalled_lead"):
        new_action("cold_lead", "x", "reopen", "Li Na", NOW)


def test_an_action_holds_what_its_kind_has_and_utc() -> None:
    shanghai = timezone(timedelta(hours=8))
    action = new_action(
        "silent_lead", " crm:lead1 ", "note", " 李娜 ", NOW.astimezone(shanghai),
        value="rep1", until=date(2026, 7, 9), note=" 客户出差 ",
    )  # fmt: skip
    assert (action.subject_id, action.actor, action.note) == ("crm:lead1", "李娜", "客户出差")
    assert (action.value, action.until) == (None, None)
    assert action.acted_at == NOW and action.acted_at.tzinfo is UTC
    assert new_action("silent_lead", "x", "reopen", "a", NOW.replace(tzinfo=None)).acted_at == NOW
