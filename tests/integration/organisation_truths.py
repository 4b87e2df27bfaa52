"""What the demo company planted about its organisation and the traps, beside published marts."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from dagster_project.settings import Settings
from tests.integration.demo_run import answer_key, published
from tests.integration.intent_truths import bare

SHANGHAI = timezone(timedelta(hours=8))
"""The CRM's times carry no zone."""
REFERENCE = 0.01
"""Share by which a mean may miss its reference value: files hold whole seconds."""


def differences(settings: Settings) -> list[str]:
    """Every planted truth that the marts do not show exactly; empty where all of them are there."""
    truths = answer_key(settings.home)["truths"]
    found: list[str] = []

    def compare(what: str, shown: Any, planted: Any) -> None:
        if shown != planted:
            found.append(f"{what}: shown {shown!r}, planted {planted!r}")

    for what, (shown, planted) in {
        **_traps(settings, truths),
        **_by_month(settings, truths),
        **_knowledge(settings, truths),
    }.items():
        compare(what, shown, planted)
    for what, shown, planted in _formation(settings):
        if abs(shown - planted) > REFERENCE * planted:
            found.append(f"{what}: shown {shown}, planted {planted}")
    found += _recognition_leaks(settings)
    return found


def _cases(settings: Settings, trap: str, column: str = "row_id") -> set[str | None]:
    rows = published(settings, f"select {column} from mart_trap_evidence where trap_id = ?", [trap])
    return {bare(row[0]) for row in rows}


def _traps(settings: Settings, truths: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Cases of each trap, shown and planted; nothing is planted for low usage."""
    label = truths["label_gaming"]
    reps = _cases(settings, "label_gaming", "subject_id")
    copies = published(
        settings,
        "select copied_from_id, knowledge_item_id from mart_knowledge_item where is_copy",
    )
    states = dict(published(settings, "select trap_id, is_triggered from mart_trap"))
    adding_up = published(
        settings,
        "select trap_id from mart_trap where count_cases <> (select count(*) from "
        "mart_trap_evidence where mart_trap_evidence.trap_id = mart_trap.trap_id)",
    )
    planted_copies = {tuple(pair) for pair in truths["copied_practices"]["pairs"]}
    inflated = {
        row[0]
        for row in published(
            settings,
            "select row_id from mart_trap_evidence where trap_id = 'relationship_inflation'",
        )
    }
    return {
        "contradicted portraits": (
            _cases(settings, "contradicted_portrait"),
            set(truths["contradicted_portraits"]["notes"]),
        ),
        "label gaming": (_cases(settings, "label_gaming"), set(label["leads"])),
        "label gaming reps": (reps, set(label["reps"]) if label["leads"] else set()),
        "islands": (_cases(settings, "island"), set(truths["islands"]["orders"])),
        "hasty vetoes": (
            _cases(settings, "hasty_veto", "subject_id"),
            set(truths["hasty_vetoed_projects"]["projects"]),
        ),
        "copied practices": (
            {(bare(original), bare(copy)) for original, copy in copies},
            planted_copies,
        ),
        "copied practices in evidence": (
            _cases(settings, "copied_practice"),
            {copy for _, copy in planted_copies},
        ),
        "inflated relationships": (inflated, _inflated(settings.home, truths)),
        "low usage": (_cases(settings, "low_usage"), set()),
        "state of low usage": (states["low_usage"], False),
        "traps that are unknown": ({name for name, on in states.items() if on is None}, set()),
        "traps that do not add up": (adding_up, []),
    }


def _inflated(home: Path, truths: dict[str, Any]) -> set[str]:
    """Pairs of firms between which only people shared who did so once or twice in all."""
    strong = set(truths["influential_sharers"]["persons"])
    crm = sqlite3.connect(home / "demo" / "crm.sqlite")
    try:
        firm_of = dict(crm.execute("select person_no, acc_no from crm_person").fetchall())
        moves = crm.execute(
            "select person_no, chg_time, old_acc_no from crm_person_history "
            "where old_acc_no is not null order by chg_time desc"
        ).fetchall()
    finally:
        crm.close()

    def firm_at(person: str | None, at: datetime) -> str | None:
        firm = None if person is None else firm_of.get(person)
        for who, changed, before in moves:
            if who == person and at < datetime.fromisoformat(changed).replace(tzinfo=SHANGHAI):
                firm = before
        return firm

    sharers: dict[tuple[str, str], set[str]] = defaultdict(set)
    lines = (home / "demo" / "community" / "shares.jsonl").read_text("utf-8").splitlines()
    for share in map(json.loads, lines):
        target = firm_at(share.get("to_crm_person"), datetime.fromisoformat(share["at"]))
        if target is not None and target != share["crm_account"]:
            sharers[share["crm_account"], target].add(share["crm_person"])
    return {
        f"share|demo_crm:{source}|demo_crm:{target}"
        for (source, target), people in sharers.items()
        if not people & strong
    }


def _by_month(settings: Settings, truths: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    def months(sql: str) -> dict[str, list[int]]:
        return {row[0]: [int(value) for value in row[1:]] for row in published(settings, sql)}

    month = "strftime(period_date, '%Y-%m')"
    return {
        "suggestion adoption": (
            months(
                f"select {month}, count(*) filter (where is_adopted), count(*) "
                "from mart_suggestion where is_answered group by 1"
            ),
            truths["suggestion_adoption"]["adopted_and_answered_by_month"],
        ),
        "event triggers": (
            months(
                f"select {month}, count(*) filter (where has_triggered), count(*) "
                "from mart_business_event where is_trigger_known group by 1"
            ),
            truths["event_trigger_success"]["fired_and_all_by_month"],
        ),
        "rule changes": (
            months(
                f"select {month}, count(*) from mart_config_change where is_business_user "
                "group by 1"
            ),
            {
                name: [count]
                for name, count in truths["business_rule_changes"]["by_month"].items()
                if count
            },
        ),
    }


def _knowledge(settings: Settings, truths: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    shown = published(
        settings,
        "select track, count(*) filter (where is_reused), count(*) from mart_knowledge_item "
        "where not is_copy group by 1",
    )
    planted = truths["knowledge_reuse"]
    return {
        "knowledge reuse": (
            {track: [used, count] for track, used, count in shown},
            {track: planted[track] for track in ("practice", "standard")},
        )
    }


def _formation(settings: Settings) -> list[tuple[str, float, float]]:
    """Mean hours until a team stood and days until it answered, in the first and last month."""
    rows = published(
        settings,
        "select strftime(needed_at, '%Y-%m') as month, avg(formation_hours), avg(response_days) "
        "from mart_project_team group by 1 order by 1",
    )
    (_, first_hours, first_days), (_, last_hours, last_days) = rows[0], rows[-1]
    return [
        ("hours to form, first month", first_hours, 7.2 * 24),
        ("hours to form, last month", last_hours, 4.2),
        ("days to answer, first month", first_days, 11.3),
        ("days to answer, last month", last_days, 4.2),
    ]


def _recognition_leaks(settings: Settings) -> list[str]:
    """Leads judged by a score of the day of the outcome or later, or against its definition."""
    rows = published(
        settings,
        "select lead_id from mart_intent_recognition where is_judged and ("
        "score_date >= cast(decided_at as date) or score_date > cast(created_at as date) + 14 "
        "or is_recognised <> (is_expected = is_converted) or is_expected <> (score_points >= 15))",
    )
    judged = published(settings, "select count(*) from mart_intent_recognition where is_judged")
    problems = [f"recognition knew the future or misjudged: {lead}" for (lead,) in rows]
    return problems if judged[0][0] > 100 else [*problems, f"recognition judged {judged[0][0]}"]
