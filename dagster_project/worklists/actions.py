"""An action on a worklist, and what all actions on an item come to."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

LISTS = ("silent_lead", "stalled_lead")
ACTIONS = ("assign", "snooze", "outcome", "note", "reopen")
MAX_TEXT = 2000
MAX_NAME = 200


class WorklistError(ValueError):
    """An action that cannot be stored, or a store that cannot be used; says what to do."""


@dataclass(frozen=True)
class Action:
    """One thing that a person did with one item of a list.

    Attributes:
        action_id: made by the writer; storing the same action twice stores it once.
        list_name: one of :data:`LISTS` (column ``list``).
        subject_id: the lead.
        action: one of :data:`ACTIONS`.
        value: the rep of an ``assign``, the code of an ``outcome``; else None.
        until: the first day on which a snoozed item is shown again; else None.
        acted_at: UTC.
        version_id: the published version that the person looked at; None where unknown.
        sequence: position in the store, from 1; 0 before it is stored.
    """

    action_id: str
    list_name: str
    subject_id: str
    action: str
    actor: str
    acted_at: datetime
    value: str | None = None
    until: date | None = None
    note: str | None = None
    version_id: str | None = None
    sequence: int = 0


def new_action(
    list_name: str,
    subject_id: str,
    action: str,
    actor: str,
    acted_at: datetime,
    *,
    value: str | None = None,
    until: date | None = None,
    note: str | None = None,
    version_id: str | None = None,
    action_id: str | None = None,
) -> Action:
    """A checked action.

    Raises:
        WorklistError: it lacks what its kind needs, or a text is too long.
    """
    _require(list_name in LISTS, f"unknown list {list_name!r}: use one of {', '.join(LISTS)}")
    _require(action in ACTIONS, f"unknown action {action!r}: use one of {', '.join(ACTIONS)}")
    value, note, actor = (value or "").strip(), (note or "").strip(), actor.strip()
    _require(bool(subject_id.strip()), "an action needs its item: pass subject_id")
    _require(bool(actor), "an action needs a name of who acts: pass actor")
    _require(action not in ("assign", "outcome") or bool(value), f"{action} needs a value")
    _require(action != "snooze" or until is not None, "snooze needs the day it ends: pass until")
    _require(action != "note" or bool(note), "a note needs a text")
    _require(len(note) <= MAX_TEXT, f"the note is longer than {MAX_TEXT} characters: shorten it")
    for text in (actor, value, subject_id):
        _require(len(text) <= MAX_NAME, f"{text[:20]!r} … is longer than {MAX_NAME} characters")
    return Action(
        action_id=action_id or str(uuid.uuid4()),
        list_name=list_name,
        subject_id=subject_id.strip(),
        action=action,
        actor=actor,
        acted_at=_utc(acted_at),
        value=value if action in ("assign", "outcome") else None,
        until=until if action == "snooze" else None,
        note=note or None,
        version_id=version_id,
    )


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise WorklistError(f"{problem}.")


def _utc(moment: datetime) -> datetime:
    """To the microsecond, in UTC; a time without zone is UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@dataclass(frozen=True)
class ItemState:
    """What the actions on an item come to; of two of a kind the later one counts.

    Attributes:
        outcome: code of the last outcome that was not reopened since.
        outcome_at, outcome_by: when and by whom.
        count_actions, count_notes: all of them, those before a reopening too.
    """

    subject_id: str
    assigned_to: str | None = None
    snoozed_until: date | None = None
    outcome: str | None = None
    outcome_at: datetime | None = None
    outcome_by: str | None = None
    count_actions: int = 0
    count_notes: int = 0
    last_note: str | None = None
    last_actor: str | None = None
    last_acted_at: datetime | None = None

    def is_snoozed(self, today: date) -> bool:
        return self.snoozed_until is not None and today < self.snoozed_until


def fold(actions: Iterable[Action]) -> dict[str, ItemState]:
    """State by subject of actions in their stored order."""
    states: dict[str, ItemState] = {}
    for action in actions:
        before = states.get(action.subject_id) or ItemState(action.subject_id)
        states[action.subject_id] = _after(before, action)
    return states


def _after(state: ItemState, action: Action) -> ItemState:
    state = replace(
        state,
        count_actions=state.count_actions + 1,
        last_actor=action.actor,
        last_acted_at=action.acted_at,
    )
    if action.note is not None:
        state = replace(state, count_notes=state.count_notes + 1, last_note=action.note)
    if action.action == "assign":
        return replace(state, assigned_to=action.value)
    if action.action == "snooze":
        return replace(state, snoozed_until=action.until)
    if action.action == "outcome":
        return replace(
            state, outcome=action.value, outcome_at=action.acted_at, outcome_by=action.actor
        )
    if action.action == "reopen":
        return replace(state, snoozed_until=None, outcome=None, outcome_at=None, outcome_by=None)
    return state
