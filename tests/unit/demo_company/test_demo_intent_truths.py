"""Signals outside the web log, silent and stalled leads: recomputed from what was written."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from dagster_project.demo_company import advance
from tests.unit.demo_company.company import Company, read_company
from tests.unit.demo_company.web_log_tables import (
    WEB_SIGNALS,
    found_in_log,
    told_hits,
    web_tables,
)

SHANGHAI = timezone(timedelta(hours=8))
AS_OF_END = datetime(2026, 7, 1, tzinfo=UTC)
ENGLISH = {
    "budget": {"budget", "budgets", "funding", "capex"},
    "security": {"security", "compliance", "gdpr"},
}
PHRASES = {
    "budget": ("预算", "经费", "拨款"),
    "security": ("数据安全", "信息安全", "等保", "合规"),
    "finance_check": (
        "和财务确认",
        "跟财务确认",
        "与财务确认",
        "财务审批",
        "check with finance",
        "confirm with finance",
        "finance has to approve",
    ),
}


@dataclass(frozen=True)
class Said:
    """A touch as a system wrote it down."""

    number: str
    at: datetime
    is_inbound: bool
    text: str
    account: str | None
    person: str
    deal: str | None
    lead: str | None


def moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=SHANGHAI)).astimezone(UTC)


def touches_of(company: Company) -> list[Said]:
    """All touches of CRM, mail and chat, with the account by the deal where none is given."""
    account_of = dict(company.rows("crm", "select deal_no, acc_no from crm_deal"))
    mails = dict(company.rows("crm", "select email, person_no from crm_person"))
    chat = company.truth("crm_chat_links")["contacts"]
    said = [
        Said(f"demo_crm:{no}", moment(at), way == "I", text or "", account, person, deal, lead)
        for no, at, way, text, account, person, deal, lead in company.rows(
            "crm",
            "select task_no, done_at, in_out, summary, acc_no, person_no, deal_no, lead_no "
            "from crm_task",
        )
    ]
    for row in company.lines("mail/journal-*.jsonl"):
        is_inbound = row["direction"] == "in"
        account = row["x_crm_account"] or account_of.get(row["x_crm_deal"])
        said.append(
            Said(
                f"demo_mail:{row['message_id']}",
                moment(row["sent"]),
                is_inbound,
                f"{row['subject']} {row['body']}",
                account,
                mails[row["from" if is_inbound else "to"]],
                row["x_crm_deal"],
                None,
            )
        )
    for row in {row["msgid"]: row for row in company.lines("chat/messages-*.jsonl")}.values():
        said.append(
            Said(
                f"demo_chat:{row['msgid']}",
                moment(row["msgtime"]),
                row["from_ext"],
                row["content"] or "",
                row["crm_account"] or account_of.get(row["crm_deal"]),
                chat[row["ext_userid"]]["person"],
                row["crm_deal"],
                None,
            )
        )
    return sorted(said, key=lambda touch: (touch.at, touch.number))


@pytest.fixture(scope="module")
def said(small: Company) -> list[Said]:
    return touches_of(small)


def speaks_of(group: str, text: str) -> bool:
    plain = text.lower().replace("干预算法", "").replace("security deposit", "")
    words = set(re.split("[^a-z]+", plain))
    return bool(words & ENGLISH.get(group, set())) or any(part in plain for part in PHRASES[group])


def truth_of(company: Company, signal: str) -> dict[str, Any]:
    truth: dict[str, Any] = company.truth("intent_signals")[signal]
    return truth


@pytest.mark.parametrize(
    ("signal", "group"), [("budget_words", "budget"), ("finance_check", "finance_check")]
)
def test_words_of_customers(small: Company, said: list[Said], signal: str, group: str) -> None:
    truth = truth_of(small, signal)
    found = {
        (touch.number, touch.account)
        for touch in said
        if touch.is_inbound and speaks_of(group, touch.text)
    }
    assert found == {(row["activity"], row["account"]) for row in truth["hits"]}
    assert len(found) == truth["count"] > 300
    near = set(truth["near_misses"]["evidence"])
    assert near and not near & {number for number, _ in found}
    by_number = {touch.number: touch for touch in said}
    ways = Counter(by_number[number].is_inbound for number in near)
    assert min(ways[True], ways[False]) > 30, "words that only look alike, and words of our own"


def test_traps_are_in_both_languages(small: Company, said: list[Said]) -> None:
    inbound = " ".join(touch.text for touch in said if touch.is_inbound)
    for trap in ("干预算法", "refunding", "财务系统", "finance system", "security deposit"):
        assert trap in inbound, trap


def test_security_asked_repeatedly(small: Company, said: list[Said]) -> None:
    truth = truth_of(small, "security_asked_repeatedly")
    asked: dict[str | None, list[Said]] = defaultdict(list)
    for touch in said:
        if touch.is_inbound and speaks_of("security", touch.text):
            asked[touch.account].append(touch)
    found = set()
    for account, questions in asked.items():
        repeats = [
            any(timedelta(0) <= one.at - other.at <= timedelta(days=30) for other in questions[:n])
            for n, one in enumerate(questions)
        ]
        for number, question in enumerate(questions):
            if repeats[number] and not (number and repeats[number - 1]):
                found.add((question.number, account))
    assert found == {(row["activity"], row["account"]) for row in truth["hits"]}
    accounts = {account for _, account in found}
    assert set(truth["planted"].values()) <= accounts
    near = truth["near_misses"]
    assert not accounts & set(near.values())
    days = [touch.at for touch in asked[near["after_31_days"]]]
    assert days[1] - days[0] == timedelta(days=31)
    by_us = [t for t in said if t.account == near["answered_by_us"] and not t.is_inbound]
    assert any(speaks_of("security", touch.text) for touch in by_us)


def test_third_share(small: Company) -> None:
    truth = truth_of(small, "content_shared")
    shares: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in small.lines("community/shares.jsonl"):
        shares[row["crm_person"]].append((row["at"], row["share_id"]))
    third = {(person, *sorted(rows)[2]) for person, rows in shares.items() if len(rows) > 2}
    assert third == {(row["person"], row["at"], row["share"]) for row in truth["hits"]}
    assert {person for person, _, _ in third} == set(small.truth("influential_sharers")["persons"])
    near = truth["near_misses"]["evidence"]
    assert near == sorted(person for person, rows in shares.items() if len(rows) == 2)


def test_many_questions(small: Company) -> None:
    truth = truth_of(small, "live_session_questions")
    rows = {row["attendance_id"]: row for row in small.lines("community/attendance.jsonl")}
    assert {row["attendance"] for row in truth["hits"]} == {
        number for number, row in rows.items() if row["questions"] > 2
    }
    assert all(rows[row["attendance"]]["crm_person"] == row["person"] for row in truth["hits"])
    near = truth["near_misses"]["evidence"]
    assert near and {rows[number]["questions"] for number in near} == {2}


def test_decision_makers_who_changed(small: Company) -> None:
    truth = truth_of(small, "decision_maker_change")
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    others = set()
    for change, level, deal, was_open in small.rows(
        "crm",
        """
        select
            hist_no, dec_lvl, deal_no,
            crm_deal.created_at <= chg_time
                and (real_close_at is null or real_close_at > chg_time)
        from crm_person_history
        join crm_person using (person_no)
        join crm_deal using (person_no)
        order by crm_deal.created_at, deal_no
        """,
    ):
        if was_open and level in ("E", "D"):
            found[change].append(deal)
        else:
            others.add(change)
    told = {row["change"]: row for row in truth["hits"]}
    assert {change: row["opportunities"] for change, row in told.items()} == found
    assert all(row["opportunity"] == row["opportunities"][-1] for row in told.values())
    moves = {
        change: "title" if old == new else "employer"
        for change, old, new in small.rows(
            "crm", "select hist_no, old_acc_no, new_acc_no from crm_person_history"
        )
    }
    assert {change: row["kind"] for change, row in told.items()} == {
        change: moves[change] for change in told
    }
    assert {row["kind"] for row in told.values()} == {"title", "employer"}
    assert set(truth["near_misses"]["evidence"]) & others
    assert not set(truth["near_misses"]["evidence"]) & set(told)


def test_silent_leads_that_came_back(small: Company) -> None:
    truth = small.truth("silent_leads")
    back = small.rows(
        "crm",
        """
        select
            lead_no,
            min(done_at),
            (julianday(min(done_at)) - julianday(any_first)) * 24
        from (select lead_no, first_touch_at as any_first from crm_lead where del_flag = 0)
        join crm_task using (lead_no)
        where in_out = 'I'
        group by lead_no
        """,
    )
    silent = set(truth["leads"])
    found = {lead: (at, hours) for lead, at, hours in back if lead in silent}
    assert found.keys() == truth["reactivated_at"].keys()
    for lead, (at, hours) in found.items():
        assert moment(at) == datetime.fromisoformat(truth["reactivated_at"][lead])
        assert hours == pytest.approx(truth["delay_hours"][lead], abs=0.001)
        assert hours > 48
    assert truth["activation_ratio"] == pytest.approx(len(found) / len(truth["due"]), abs=1e-6)
    hours_of = {lead: hours for lead, _, hours in back}
    just_in_time = {round(hours_of[lead], 2) for lead in truth["reacted_just_in_time"]}
    assert just_in_time == {47.98}
    assert min(truth["delay_hours"].values()) == pytest.approx(48.0167, abs=0.001)


def stage_and_touch(company: Company, said: list[Said]) -> dict[str, dict[str, Any]]:
    """Lead → what the list of stalled leads is made of, for leads in its scope."""
    last: dict[str, list[Said]] = defaultdict(list)
    for touch in said:
        for key in {touch.person, touch.deal, touch.lead} - {None}:
            last[str(key)].append(touch)
    stages: dict[str, datetime] = {}
    for deal, at in company.rows("crm", "select deal_no, in_at from crm_deal_stage_log"):
        stages[deal] = max(moment(at), stages.get(deal, moment(at)))
    quotes: dict[str, datetime] = {}
    for deal, at in company.rows("crm", "select deal_no, quoted_at from crm_quote"):
        quotes[deal] = max(moment(at), quotes.get(deal, moment(at)))
    left = {
        person: moment(at)
        for person, at in company.rows(
            "crm",
            "select person_no, max(chg_time) from crm_person_history "
            "where old_acc_no <> new_acc_no group by 1",
        )
    }
    found = {}
    for lead, person, deal, state, stage, created in company.rows(
        "crm",
        """
        select lead_no, crm_lead.person_no, crm_deal.deal_no, state, stage, crm_lead.created_at
        from crm_lead left join crm_deal using (lead_no)
        where crm_lead.del_flag = 0
        """,
    ):
        is_open_deal = stage is not None and stage not in ("SIGN", "DEAD", "冻结")
        if state not in ("10", "20", "30") and not (state == "40" and is_open_deal):
            continue
        touches = sorted(
            {touch for key in (lead, person, deal) if key for touch in last[key]},
            key=lambda touch: touch.at,
        )
        moved = stages[deal] if deal else moment(created)
        idle = AS_OF_END - max([moved, *(touch.at for touch in touches)])
        inbound = [touch for touch in touches if touch.is_inbound]
        texts = [touch.text for touch in inbound if touch.text]
        reason = "no_owner_touch"
        if person in left and left[person] > moment(created):
            reason = "decision_maker_left"
        elif deal in quotes and not [t for t in inbound if t.at > quotes[deal]]:
            reason = "quote_unanswered"
        elif texts and speaks_of("finance_check", texts[-1]):
            reason = "awaiting_finance"
        elif texts and speaks_of("security", texts[-1]):
            reason = "security_review"
        found[lead] = {"person": person, "deal": deal, "days": idle.days, "reason": reason}
    return found


@pytest.mark.parametrize("norm_days", [16, 21, 38])
def test_stalled_leads(small: Company, said: list[Said], norm_days: int) -> None:
    check_stalled_leads(small, said, norm_days)


def test_stalled_leads_of_a_tiny_company(make_tiny: Callable[..., Company]) -> None:
    company = make_tiny()
    check_stalled_leads(company, touches_of(company), 21)


def check_stalled_leads(company: Company, said: list[Said], norm_days: int) -> None:
    truth = company.truth("stalled_leads")
    recent = (AS_OF_END - timedelta(days=45)).strftime("%Y-%m-%dT%H:%M:%SZ")
    interest: dict[str, set[str]] = defaultdict(set)
    for signal in WEB_SIGNALS:
        for row in truth_of(company, signal)["hits"]:
            if row["at"] >= recent:
                interest[row["person"]].add(signal)
    leads = stage_and_touch(company, said)
    idle = {lead: row for lead, row in leads.items() if row["days"] >= norm_days}
    hot = {lead: row for lead, row in idle.items() if len(interest[row["person"]]) >= 3}
    assert {lead: row["reason"] for lead, row in hot.items()} == truth["reason_by_lead"]
    assert {lead: row["deal"] for lead, row in hot.items() if row["deal"]} == truth[
        "opportunity_by_lead"
    ]
    assert set(truth["reason_by_lead"].values()) == {
        "no_owner_touch",
        "quote_unanswered",
        "awaiting_finance",
        "security_review",
        "decision_maker_left",
    }
    others = [len(interest[row["person"]]) for lead, row in idle.items() if lead not in hot]
    assert max(others) <= 2, "who is not planted is far from it"
    assert len(truth["reason_by_lead"]) == truth["count"]


def test_near_misses_of_stalled_leads(small: Company, said: list[Said]) -> None:
    near = small.truth("stalled_leads")["near_misses"]
    leads = stage_and_touch(small, said)
    days = {
        kind: {leads[lead]["days"] for lead, why in near.items() if why == kind and lead in leads}
        for kind in set(near.values())
    }
    assert days["touched_lately"] == {5}
    assert max(days["stage_moved_lately"]) < 7
    assert min(days["weak_interest"]) > 40
    assert days["closed"] == set(), "lost leads are not on the list"
    labels = {
        label
        for (label,) in small.rows(
            "crm",
            "select distinct hot_lvl from crm_lead where lead_no in "
            f"({', '.join('?' * len(near))})",
            *near,
        )
    }
    assert labels == {"H"}, "the label alone would list them"
    stalled = small.truth("stalled_leads")["reason_by_lead"]
    by_label = set(small.truth("stalled_high_intent_leads")["leads"])
    assert set(stalled) - by_label, "and would miss some"


def test_late_lines_change_what_is_known(make_tiny: Callable[..., Company]) -> None:
    company = make_tiny()
    truth = company.truth("late_web_signals")
    before = web_tables(company)
    advance(company.home)
    moved = read_company(company.home)
    (step,) = moved.key["advances"]
    assert len(step["web_lines_late"]) == truth["count_lines"] == 4
    after = web_tables(moved)
    for signal in WEB_SIGNALS:
        old, new = found_in_log(before, signal), found_in_log(after, signal)
        assert new - old == told_hits(truth["appear"].get(signal, [])), signal
        assert old - new == told_hits(truth["vanish"].get(signal, [])), signal
    assert truth["appear"]["competitor_comparison_dwell"]
    assert truth["appear"]["technical_documents_downloaded"]
    assert truth["vanish"]["competitor_comparison_dwell"]
    late = truth["visitor"]
    who = f"{late['address']} {late['agent']}"
    person = "select person from identity where visitor = ?"
    assert before.execute(person, [who]).fetchall() == [(None,)]
    assert after.execute(person, [who]).fetchall() == [(late["person"],)]
    advance(company.home)
    second = read_company(company.home).key["advances"][1]
    assert second["web_lines_late"] == [], "they come once"
