"""Chat, mail, community, events and content: JSON lines as their tools export them."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .clock import month_of, offset_text, zulu_text
from .random_source import pick, scalar_random, working_time
from .records import Attendance, Person, Share, World
from .sizes import DAY, END, START
from .vocabulary import COMMUNITY_QUESTIONS, CONTENT, CRM_INDUSTRY, FAMILY, GIVEN

COUNT_REDELIVERED = 25
SHARES_FROM = 3
BROKEN_MAIL_LINES = (
    '{"message_id": "<broken-1@ourcompany.example>", "sent": "2025-11-0',
    "--- export interrupted, resumed at 03:12 ---",
)


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
    return len(lines)


def _write_months(folder: Path, stem: str, rows: dict[str, list[dict[str, Any]]]) -> int:
    return sum(write_lines(folder / f"{stem}-{month}.jsonl", rows[month]) for month in sorted(rows))


def write_chat(world: World, folder: Path) -> dict[str, int]:
    """Messages per month and the list of external contacts, in the shape of a work-chat export."""
    rng = scalar_random(world.seed, "chat")
    by_month: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for touch in world.touches:
        if touch.medium != "chat":
            continue
        by_month[month_of(touch.at)].append(
            {
                "msgid": f"msg{touch.no}",
                "ext_userid": touch.person.chat_id,
                "staff_userid": touch.rep.no,
                "from_ext": touch.is_inbound,
                "msgtime": offset_text(touch.at),
                "savetime": offset_text(touch.recorded),
                "capture": "auto" if touch.is_automatic else "upload",
                "content": touch.text,
                "crm_deal": touch.deal.no if touch.deal else None,
                # Only what the chat tool could match itself; the rest is left to the warehouse.
                "crm_account": touch.person.account.no if rng.random() < 0.7 else None,
            }
        )
    count = sum(map(len, by_month.values()))
    redelivered = 0
    for month in sorted(by_month)[3:8]:
        for row in rng.sample(by_month[month], min(COUNT_REDELIVERED // 5, len(by_month[month]))):
            by_month[month].append(dict(row))
            redelivered += 1
    lines = _write_months(folder / "chat", "messages", by_month)
    contacts = _chat_contacts(world, rng)
    world.faults["redelivered_chat_messages"] = {
        "count": redelivered,
        "meaning": "Lines that repeat an earlier line of the same file, same msgid.",
    }
    world.totals["chat"] = {"lines": lines, "messages": count, "contacts": len(contacts)}
    return {
        "messages": lines,
        "contacts": write_lines(folder / "chat" / "contacts.jsonl", contacts),
    }


def _chat_contacts(world: World, rng: random.Random) -> list[dict[str, Any]]:
    seen: dict[str, Person] = {}
    for touch in world.touches:
        if touch.medium == "chat" and touch.person.chat_id:
            seen.setdefault(touch.person.chat_id, touch.person)
    rows, links = [], {}
    for chat_id in sorted(seen):
        person = seen[chat_id]
        knows_chat = int(person.no[1:]) % 3 != 0
        evidence = "chat_id" if knows_chat else pick(rng, ("mobile", "name_and_firm"), (75, 25))
        nickname = person.name if rng.random() < 0.7 else f"{person.name[0]}工"
        links[chat_id] = {"person": person.no, "evidence": evidence}
        rows.append(
            {
                "ext_userid": chat_id,
                "name": person.name if evidence == "name_and_firm" else nickname,
                "corp_name": person.account.name,
                "mobile": person.mobile if evidence == "mobile" else None,
                "unionid": f"un{chat_id[2:]}" if rng.random() < 0.4 else None,
                "add_time": offset_text(person.created),
            }
        )
    world.truths["crm_chat_links"] = {
        "count": len(links),
        "contacts": links,
        "meaning": "Chat id → CRM person number; evidence: the CRM knows the chat id, or the "
        "mobile number is equal, or only name and firm are.",
    }
    return rows


def write_mail(world: World, folder: Path) -> dict[str, int]:
    """The journal of the mail gateway per month, with two lines that broke in the export."""
    rng = scalar_random(world.seed, "mail")
    by_month: dict[str, list[dict[str, Any]]] = defaultdict(list)
    unmatched = 0
    for touch in world.touches:
        if touch.medium != "mail":
            continue
        addresses = (touch.person.mail, touch.rep.mail)
        sender, receiver = addresses if touch.is_inbound else addresses[::-1]
        is_matched = rng.random() < 0.86
        unmatched += not is_matched
        by_month[month_of(touch.at)].append(
            {
                "message_id": f"<{touch.no}@ourcompany.example>",
                "sent": offset_text(touch.at),
                "journaled": offset_text(touch.recorded),
                "from": sender,
                "to": receiver,
                "direction": "in" if touch.is_inbound else "out",
                "captured_by": "gateway" if touch.is_automatic else "bcc",
                "subject": "咨询" if touch.person.account.is_chinese else "Your enquiry",
                "body": touch.text,
                "lang": "zh" if touch.person.account.is_chinese else "en",
                "x_crm_user": touch.rep.no,
                "x_crm_person": touch.person.no if is_matched else None,
                "x_crm_account": touch.person.account.no if is_matched else None,
                "x_crm_deal": touch.deal.no if touch.deal else None,
            }
        )
    good = sum(map(len, by_month.values()))
    lines = _write_months(folder / "mail", "journal", by_month)
    broken_in = folder / "mail" / f"journal-{sorted(by_month)[10]}.jsonl"
    text = broken_in.read_text(encoding="utf-8").splitlines(keepends=True)
    for position, line in zip((3, 7), BROKEN_MAIL_LINES, strict=True):
        text.insert(min(position, len(text)), f"{line}\n")
    broken_in.write_text("".join(text), encoding="utf-8", newline="\n")
    world.faults["broken_mail_lines"] = {
        "count": len(BROKEN_MAIL_LINES),
        "file": broken_in.name,
        "lines": list(BROKEN_MAIL_LINES),
    }
    world.totals["mail"] = {"messages": good, "without_crm_person": unmatched}
    return {"journal": lines + len(BROKEN_MAIL_LINES)}


# --- community, events, content -------------------------------------------------------------------


def write_community(world: World, folder: Path) -> dict[str, int]:
    rng = scalar_random(world.seed, "community")
    place = folder / "community"
    warm = [person for person in world.persons if not person.is_cold]
    counts = {
        "content": write_lines(place / "content.jsonl", _content()),
        "shares": write_lines(place / "shares.jsonl", _shares(world, rng, warm)),
        "posts": write_lines(place / "posts.jsonl", _posts(world, rng, warm)),
        "attendance": write_lines(place / "attendance.jsonl", _attendance(world, rng, warm)),
    }
    counts["portal_logins"] = write_lines(
        place / "portal_logins.jsonl",
        (
            {"login": person.login, "crm_person": person.no, "since": zulu_text(person.created)}
            for person in warm
            if person.login
        ),
    )
    return counts


def _content() -> list[dict[str, Any]]:
    return [
        {
            "content_id": f"CT{number:03d}",
            "title": title,
            "type": kind,
            "topic": topic,
            "industry": CRM_INDUSTRY[industry],
            "path": f"/resources/{number:03d}",
            "published": zulu_text(START - (40 - number) * DAY),
        }
        for number, (title, kind, topic, industry) in enumerate(CONTENT, start=1)
    ]


def _shares(world: World, rng: random.Random, warm: list[Person]) -> list[dict[str, Any]]:
    """Most people share once or twice (noise); some three times and more (real influence)."""
    people = rng.sample(warm, len(warm) // 4)
    strong: list[str] = []
    rows: list[tuple[int, Person, dict[str, Any]]] = []
    for position, person in enumerate(people):
        count = rng.randint(SHARES_FROM, 8) if position % 4 == 0 else rng.randint(1, 2)
        if count >= SHARES_FROM:
            strong.append(person.no)
        for _ in range(count):
            to = rng.choice(warm)
            at = working_time(rng, rng.randint(START, END - DAY))
            shared = {
                "content_id": f"CT{rng.randint(1, len(CONTENT)):03d}",
                "crm_person": person.no,
                "crm_account": person.account.no,
                "to_crm_person": to.no if to is not person else None,
                "at": zulu_text(at),
            }
            rows.append((at, person, shared))
    rows.sort(key=lambda row: (row[0], row[1].no))
    for number, (at, person, _) in enumerate(rows, start=1):
        world.shares.append(Share(f"SH{number:05d}", person, at))
    world.truths["influential_sharers"] = {
        "persons": sorted(strong),
        "count": len(strong),
        "count_noise": len(people) - len(strong),
        "shares_from": SHARES_FROM,
        "meaning": "People who shared our content three times or more; the others once or twice.",
    }
    return [
        {"share_id": share.no, **row} for share, (_, _, row) in zip(world.shares, rows, strict=True)
    ]


def _posts(world: World, rng: random.Random, warm: list[Person]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    open_questions: list[str] = []
    for number in range(1, max(60, len(world.accounts)) + 1):
        person = rng.choice(warm)
        pair = rng.choice(COMMUNITY_QUESTIONS)
        at = working_time(rng, rng.randint(START, END - DAY))
        is_question = rng.random() < 0.75
        answered = at + int(rng.expovariate(1 / 2.5) * DAY) + 600
        if not is_question or answered >= END or rng.random() < 0.1:
            answered = 0
            if is_question:
                open_questions.append(f"PO{number:05d}")
        rows.append(
            {
                "post_id": f"PO{number:05d}",
                "crm_person": person.no,
                "crm_account": person.account.no,
                "board": rng.choice(("integration", "maintenance", "reports")),
                "text": pair[0] if person.account.is_chinese else pair[1],
                "kind": "Q" if is_question else "S",
                "posted": zulu_text(at),
                "answered": zulu_text(answered) if answered else None,
            }
        )
    world.truths["open_community_questions"] = {
        "posts": open_questions,
        "count": len(open_questions),
    }
    return rows


def _attendance(world: World, rng: random.Random, warm: list[Person]) -> list[dict[str, Any]]:
    """A live session a month; some people ask more than two questions, which is a signal."""
    rows: list[dict[str, Any]] = []
    askers: list[str] = []
    for month in range(18):
        at = working_time(rng, START + int((month + 0.5) * 30.4) * DAY)
        for person in rng.sample(warm, min(len(warm), 12 + len(warm) // 40)):
            number = f"EV{len(rows) + 1:05d}"
            count = pick(rng, (0, 1, 2, 3, 4), (45, 25, 15, 10, 5))
            if count > 2:
                askers.append(number)
            joined = at + rng.randint(0, 900)
            world.attendances.append(Attendance(number, person, count, joined))
            rows.append(
                {
                    "attendance_id": number,
                    "event": f"Industry live session {month + 1:02d} 行业直播",
                    "crm_person": person.no,
                    "crm_account": person.account.no,
                    "questions": count,
                    "joined": zulu_text(joined),
                }
            )
    # A guest list of one session came without numbers: names only.
    guests = [
        {
            "attendance_id": f"EV{len(rows) + position:05d}",
            "event": "Partner day 伙伴日",
            "guest_name": f"{rng.choice(FAMILY)}{rng.choice(GIVEN)}",
            "questions": 0,
            "joined": zulu_text(END - 12 * DAY),
        }
        for position in range(1, 9)
    ]
    world.truths["live_session_askers"] = {
        "attendances": askers,
        "count": len(askers),
        "meaning": "Attendances with more than two questions.",
    }
    world.faults["attendance_without_person"] = {"count": len(guests)}
    return rows + guests
