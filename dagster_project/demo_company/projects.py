"""The project office, the knowledge base and the points shop: CSV and XLSX files.

Each file has its own habits: dotted days in projects.csv, semicolons in members.csv, Chinese
headers and GB18030 in knowledge.csv, a broken line in points.csv, spreadsheets for gate reviews
and skills.
"""

from __future__ import annotations

import csv
import io
import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import xlsxwriter

from .change import (
    COPIED_TEXT_SIMILARITY,
    KNOWLEDGE_REUSE_PRACTICE,
    KNOWLEDGE_REUSE_STANDARD,
    TEAM_FORMATION_HOURS_FROM,
    TEAM_FORMATION_HOURS_TO,
    TEAM_RESPONSE_DAYS_FROM,
    TEAM_RESPONSE_DAYS_TO,
    between,
    geometric,
    organisation,
    week_of,
)
from .clock import dotted_date, iso_date, local_text, month_of
from .random_source import pick, scalar_random, working_time
from .records import Deal, Rep, World
from .sizes import DAY, END, START
from .vocabulary import PRACTICE_WORDS, SCENARIOS

COUNT_HASTY = 5
COUNT_COPIES = 12
COUNT_MEMBERS = (2, 5)
MILESTONES = ("first answer", "solution approved", "pilot", "acceptance")
ROLES = ("lead", "presales", "delivery", "service")
PRACTICE_COLUMNS = ("编号", "类别", "标题", "场景", "挑战", "方案", "作者工号", "创建日期")
BROKEN_POINTS_LINE = "PT99999,U0001,12,answered, a question, with commas,,2025-09-01 10:00:00"


def _csv_text(header: Sequence[str], rows: Sequence[Sequence[Any]], delimiter: str = ",") -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def _write(path: Path, text: str, encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))


def _write_sheet(
    path: Path, sheet: str, header: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    with xlsxwriter.Workbook(str(path), {"in_memory": True}) as workbook:
        # A fixed creation time keeps the bytes reproducible.
        workbook.set_properties({"created": datetime(2026, 6, 30, tzinfo=UTC)})
        page = workbook.add_worksheet(sheet)
        page.write_row(0, 0, header)
        for number, row in enumerate(rows, start=1):
            page.write_row(number, 0, row)


def write_projects(world: World, folder: Path) -> dict[str, int]:
    rng = scalar_random(world.seed, "projects")
    place = folder / "projects"
    place.mkdir(parents=True, exist_ok=True)
    counts = _project_files(world, rng, place)
    counts |= _knowledge_files(world, rng, place)
    skills = [
        (f"{rep.no}-{number}", rep.no, skill, level)
        for rep in world.reps
        for number, (skill, level) in enumerate(rep.skills, start=1)
    ]
    _write_sheet(place / "skills.xlsx", "skills", ("Skill No", "Emp No", "Skill", "Level"), skills)
    return counts | {"skills": len(skills)}


def _project_files(world: World, rng: random.Random, place: Path) -> dict[str, int]:
    projects: list[tuple[str, Deal, int, int, int]] = []
    for deal in world.deals:
        reached = dict(deal.steps)
        if deal.complexity == "low" or "DEMO" not in reached or rng.random() < 0.45:
            continue
        if reached["DEMO"] < START:
            continue
        needed = reached["DEMO"]
        share = organisation(week_of(needed))
        middle = geometric(TEAM_FORMATION_HOURS_FROM, TEAM_FORMATION_HOURS_TO, share)
        wait = int(middle * 3_600 * rng.lognormvariate(0, 0.35))
        days = between(TEAM_RESPONSE_DAYS_FROM, TEAM_RESPONSE_DAYS_TO, share)
        answer = int(days * DAY * rng.lognormvariate(0, 0.3))
        if needed + max(wait, answer) < END:
            projects.append((f"PJ{len(projects) + 1:05d}", deal, needed, wait, answer))
    projects = _pin_formation(projects)
    hasty = _hasty(projects)
    head = ("project_id", "deal", "title", "kind", "needed", "formed", "closed")
    rows = [
        (
            number,
            deal.no,
            deal.name,
            rng.choice(("integration", "roll-out", "pilot")),
            local_text(needed),
            local_text(needed + wait),
            dotted_date(deal.closed) if deal.closed else "",
        )
        for number, deal, needed, wait, _ in projects
    ]
    _write(place / "projects.csv", _csv_text(head, rows))
    members = _members(world, rng, projects)
    milestones = _milestones(rng, projects)
    gates = _gates(rng, projects, hasty)
    _write(
        place / "members.csv",
        _csv_text(("id", "project", "employee", "role", "share", "joined"), members, ";"),
    )
    _write(
        place / "milestones.csv",
        _csv_text(("id", "project", "milestone", "planned", "reached"), milestones),
    )
    _write_sheet(
        place / "gates.xlsx",
        "reviews",
        ("Review No", "Project", "Deal", "Gate", "Result", "Reason", "Reviewed"),
        gates,
    )
    world.truths["hasty_vetoed_projects"] = {
        "projects": sorted(hasty),
        "count": len(hasty),
        "meaning": "Teams formed in under two hours whose gate review was a veto (VETO); no other "
        "project was both.",
    }
    return {
        "projects": len(rows),
        "members": len(members),
        "milestones": len(milestones),
        "gates": len(gates),
    }


Project = tuple[str, Deal, int, int, int]


def _pin_formation(projects: list[Project]) -> list[Project]:
    """Scale the first and the last month so that their mean waits are the reference values."""
    by_month: dict[str, list[Project]] = defaultdict(list)
    for project in projects:
        by_month[month_of(project[2])].append(project)
    months = sorted(by_month)
    targets = {
        months[0]: (TEAM_FORMATION_HOURS_FROM * 3_600, TEAM_RESPONSE_DAYS_FROM * DAY),
        months[-1]: (TEAM_FORMATION_HOURS_TO * 3_600, TEAM_RESPONSE_DAYS_TO * DAY),
    }
    pinned = []
    for number, deal, needed, wait, answer in projects:
        month = month_of(needed)
        if month in targets:
            group = by_month[month]
            form, reply = targets[month]
            wait = round(wait * form / (sum(p[3] for p in group) / len(group)))
            answer = round(answer * reply / (sum(p[4] for p in group) / len(group)))
        pinned.append((number, deal, needed, wait, answer))
    return pinned


def _hasty(projects: list[Project]) -> set[str]:
    """Projects in mid-period whose team is made to stand within two hours."""
    middle = [
        index
        for index, project in enumerate(projects)
        if START + 240 * DAY < project[2] < END - 60 * DAY
    ][:: max(1, len(projects) // 20)][:COUNT_HASTY]
    for index in middle:
        number, deal, needed, _, answer = projects[index]
        projects[index] = (number, deal, needed, 3_000 + index % 60 * 60, answer)
    return {projects[index][0] for index in middle}


def _members(world: World, rng: random.Random, projects: list[Project]) -> list[Sequence[Any]]:
    rows: list[Sequence[Any]] = []
    for number, deal, needed, wait, _ in projects:
        count = rng.randint(*COUNT_MEMBERS)
        others = [rep for rep in world.reps if rep is not deal.owner]
        team: list[Rep] = [deal.owner, *rng.sample(others, min(count - 1, len(others)))]
        cuts = [rng.uniform(0.5, 1.5) for _ in team]
        for position, rep in enumerate(team):
            rows.append(
                (
                    f"{number}-{position + 1}",
                    number,
                    rep.no,
                    ROLES[min(position, len(ROLES) - 1)],
                    f"{cuts[position] / sum(cuts):.3f}",
                    local_text(needed + wait),
                )
            )
    return rows


def _milestones(rng: random.Random, projects: list[Project]) -> list[Sequence[Any]]:
    rows: list[Sequence[Any]] = []
    responses: dict[str, list[int]] = defaultdict(list)
    formation: dict[str, list[int]] = defaultdict(list)
    for number, _, needed, wait, answer in projects:
        formation[month_of(needed)].append(wait)
        responses[month_of(needed)].append(answer)
        reached = needed + answer
        for position, name in enumerate(MILESTONES):
            planned = needed + (position + 1) * 10 * DAY
            rows.append(
                (
                    f"{number}-M{position + 1}",
                    number,
                    name,
                    local_text(planned),
                    local_text(reached) if reached < END else "",
                )
            )
            reached += rng.randint(5, 18) * DAY
    return rows


def _gates(rng: random.Random, projects: list[Project], hasty: set[str]) -> list[Sequence[Any]]:
    rows: list[Sequence[Any]] = []
    for number, deal, needed, wait, _ in projects:
        at = needed + wait + rng.randint(4, 20) * DAY
        if number in hasty:
            result, reason, at = "VETO", "scope not agreed 范围未确认", min(at, END - DAY)
        elif at >= END:
            continue
        else:
            may_fail = wait >= 2 * 3_600
            result = pick(rng, ("PASS", "VETO", "COND"), (84, 9 if may_fail else 0, 7))
            reason = {"PASS": "", "VETO": "margin too low 毛利过低", "COND": "add test report"}[
                result
            ]
        rows.append(
            (
                f"GR{len(rows) + 1:05d}",
                number,
                deal.no,
                "solution gate",
                result,
                reason,
                local_text(at),
            )
        )
    return rows


# --- knowledge and points -------------------------------------------------------------------------


def _knowledge_files(world: World, rng: random.Random, place: Path) -> dict[str, int]:
    items, practices, standards = _knowledge(world, rng)
    uses = _uses(world, rng, practices, standards)
    _write(place / "knowledge.csv", _csv_text(PRACTICE_COLUMNS, items), "gb18030")
    _write(
        place / "knowledge_uses.csv",
        _csv_text(("use_id", "card", "employee", "deal", "used_at"), uses),
    )
    points = _points(world, rng, practices)
    text = _csv_text(("entry", "employee", "points", "reason", "card", "booked_at"), points)
    lines = text.splitlines(keepends=True)
    lines.insert(min(21, len(lines)), f"{BROKEN_POINTS_LINE}\n")
    _write(place / "points.csv", "".join(lines))
    world.faults["broken_points_line"] = {
        "count": 1,
        "line": BROKEN_POINTS_LINE,
        "line_number": min(21, len(lines) - 1) + 1,
        "meaning": "A line of points.csv with more fields than its header: unquoted commas.",
    }
    return {"knowledge": len(items), "knowledge_uses": len(uses), "points": len(points)}


def _solution(rng: random.Random) -> list[str]:
    return rng.sample(PRACTICE_WORDS, 25)


def _knowledge(
    world: World, rng: random.Random
) -> tuple[list[Sequence[Any]], list[str], list[str]]:
    """Cards of both tracks; some practices copy another one but for two of its 25 words."""
    items: list[Sequence[Any]] = []
    practices: list[tuple[str, list[str], int]] = []
    standards: list[str] = []
    copies: list[list[str]] = []

    def add(track: str, words: list[str], at: int, rep: Rep) -> str:
        number = f"KC{len(items) + 1:05d}"
        scenario, challenge = rng.choice(SCENARIOS)
        items.append(
            (
                number,
                track,
                f"{scenario} – {number}",
                scenario,
                challenge,
                " ".join(words),
                rep.no,
                iso_date(at),
            )
        )
        return number

    for _ in range(100):
        at = working_time(rng, START + rng.randint(0, 200) * DAY)
        standards.append(add("标准", _solution(rng), at, rng.choice(world.reps)))
    for month in range(18):
        share = organisation(week_of(START + int(month * 30.4) * DAY))
        for _ in range(round(between(14, 56, share))):
            at = working_time(rng, START + int(month * 30.4) * DAY + rng.randint(0, 26) * DAY)
            words = _solution(rng)
            practices.append((add("实践", words, at, rng.choice(world.reps)), words, at))
    copied = round((1 - COPIED_TEXT_SIMILARITY) * 25)
    for number, words, handed_in in rng.sample(practices, COUNT_COPIES):
        changed = list(words)
        for position in rng.sample(range(25), copied):
            changed[position] = f"{changed[position]}ly"
        at = max(working_time(rng, END - rng.randint(10, 120) * DAY), handed_in + DAY)
        copies.append([number, add("实践", changed, at, world.reps[-1])])
    world.truths["copied_practices"] = {
        "pairs": copies,
        "count": len(copies),
        "similarity": COPIED_TEXT_SIMILARITY,
        "rep": world.reps[-1].no,
        "meaning": "[original, copy]: 23 of 25 words stand at the same place (92 %); all copies "
        "were handed in by one rep.",
    }
    return items, [number for number, _, _ in practices], standards


def _uses(
    world: World, rng: random.Random, practices: list[str], standards: list[str]
) -> list[Sequence[Any]]:
    """67.4 % of the practices and 82 % of the standard cards were used at least once."""
    rows: list[Sequence[Any]] = []
    used_practices = rng.sample(practices, round(KNOWLEDGE_REUSE_PRACTICE * len(practices)))
    used_standards = rng.sample(standards, round(KNOWLEDGE_REUSE_STANDARD * len(standards)))
    deals = [deal for deal in world.deals if len(deal.steps) > 1]
    for number in [*used_practices, *used_standards]:
        for _ in range(1 + int(rng.expovariate(0.6))):
            deal = rng.choice(deals)
            at = min(END - DAY, deal.steps[1][1] + rng.randint(0, 5) * DAY)
            rows.append((f"KU{len(rows) + 1:06d}", number, deal.owner.no, deal.no, local_text(at)))
    world.truths["knowledge_reuse"] = {
        "practice": [len(used_practices), len(practices)],
        "standard": [len(used_standards), len(standards)],
        "meaning": "Cards used at least once and all cards, copies left out.",
    }
    return rows


def _points(world: World, rng: random.Random, practices: list[str]) -> list[Sequence[Any]]:
    """A ledger in which nobody ever spends more than was earned."""
    rows: list[Sequence[Any]] = []
    balance: dict[str, int] = dict.fromkeys((rep.no for rep in world.reps), 0)
    for number in practices:
        rep = rng.choice(world.reps)
        at = START + (len(rows) * 9_973 % 540) * DAY
        balance[rep.no] += 10
        rows.append(("", rep.no, 10, "practice accepted 实践入库", number, at))
    rows.sort(key=lambda row: row[5])
    booked: list[Sequence[Any]] = []
    running: dict[str, int] = dict.fromkeys(balance, 0)
    for row in rows:
        running[row[1]] += 10
        booked.append((*row[:5], local_text(row[5] + 7_200)))
        if running[row[1]] >= 50 and rng.random() < 0.5:
            running[row[1]] -= 40
            spent = ("", row[1], -40, "training voucher 培训券", "", local_text(row[5] + 9_000))
            booked.append(spent)
    world.truths["points_ledger"] = {
        "balance_by_rep": {rep: points for rep, points in sorted(running.items()) if points},
        "sum": sum(running.values()),
        "meaning": "Points earned and spent; no balance is ever below zero.",
    }
    return [(f"PT{number:05d}", *row[1:]) for number, row in enumerate(booked, start=1)]
