"""The intent platform: suggestions, verdicts, field notes, events and rule changes (SQLite)."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

from .change import between, organisation, week_of
from .clock import month_of, utc_text
from .database import Row, create_database
from .random_source import pick, scalar_random, working_time
from .records import Rep, World
from .selling import GAMING_RULE_CHANGE
from .sizes import COUNT_DAYS, DAY, END, START

SCHEMA = """
create table ai_suggestion (
    sugg_id text primary key, kind text, target_kind text, target_no text, proposal text,
    price_cut_pct numeric(6, 2), confidence numeric(6, 4), model_ver text, train_ver text,
    created_utc datetime
);
create table ai_verdict (
    verdict_id text primary key, sugg_id text, user_no text, role text, verdict text,
    reason text, decided_utc datetime
);
create table field_note (
    note_id text primary key, acc_no text, user_no text, note text, against_portrait integer,
    noted_utc datetime
);
create table biz_event (
    row_id text primary key, event_name text, acc_no text, order_no text, seen_in text,
    fired integer, corr_id text, at_utc datetime
);
create table rule_change (
    change_id text primary key, rule_table text, rule_id text, changed_by text, who_kind text,
    asked_utc datetime, done_utc datetime
);
create table board_usage (
    usage_id text primary key, board text, user_no text, opened_utc datetime, seconds integer
);
"""
PRICE_CUT_TWO_REVIEWERS = 15.0
COUNT_ONE_REVIEWER = 4
COUNT_CONTRADICTIONS = 9
EVENTS = ("intent_raised", "delivery_risk", "service_need", "promotion_started", "deal_signed")
ORDER_EVENTS = ("delivery_risk", "deal_signed")
LAST_DAY = END - 14 * 3_600
"""A working hour of the as-of day: something happens on the platform every day."""
RULE_TABLES = ("stage_mapping", "intent_signals", "thresholds", "journey_plays", "event_rules")
PRAISE = ("客户扩产，需求旺盛", "New site opened, interest is real", "预算已批，等招标")
CONTRADICTION = "画像显示高意向，但现场看到项目已停 portrait says hot, the project is stopped"


def write_platform(world: World, folder: Path) -> dict[str, int]:
    rng = scalar_random(world.seed, "platform")
    suggestions, verdicts = _suggestions(world, rng)
    return create_database(
        folder / "platform.sqlite",
        SCHEMA,
        {
            "ai_suggestion": suggestions,
            "ai_verdict": verdicts,
            "field_note": _notes(world, rng),
            "biz_event": _events(world, rng),
            "rule_change": _rule_changes(world, rng),
            "board_usage": _board_usage(world, rng),
        },
    )


def _model_versions(at: int) -> tuple[str, str]:
    quarter = int((at - START) // (91 * DAY))
    return f"intent-1.{quarter}", f"train-2025Q{quarter + 1}" if quarter < 4 else "train-2026H1"


def _suggestions(world: World, rng: random.Random) -> tuple[list[Row], list[Row]]:
    suggestions: list[Row] = []
    verdicts: list[Row] = []
    adopted: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    one_reviewer: list[str] = []
    deals = [deal for deal in world.deals if len(deal.steps) > 1]
    managers = {team.no: next(r for r in world.reps if r.team is team) for team in world.teams}

    def verdict(number: str, rep: Rep, role: str, value: str, at: int) -> None:
        reason = {"Y": "符合实际", "N": "与现场不符 not what we see", "M": "调整金额"}[value]
        verdicts.append(
            (f"VD{len(verdicts) + 1:06d}", number, rep.no, role, value, reason, utc_text(at))
        )

    for deal in deals:
        for stage, entered in deal.steps[1:3]:
            if stage in ("SIGN", "DEAD"):
                continue
            share = organisation(week_of(entered))
            if rng.random() > between(0.35, 0.95, share):
                continue
            number = f"SG{len(suggestions) + 1:06d}"
            kind = pick(rng, ("PRICE", "LEVEL", "RES", "NEXT"), (30, 15, 20, 35))
            at = entered + rng.randint(600, DAY)
            if not START <= at < END - DAY:
                continue
            cut = round(rng.uniform(2, 22), 2) if kind == "PRICE" else None
            model, data = _model_versions(at)
            suggestions.append(
                (
                    number,
                    kind,
                    "deal",
                    deal.no,
                    f"cut {cut} %" if cut else rng.choice(("上调为重点客户", "增派售前", "约演示")),
                    cut,
                    round(rng.uniform(0.55, 0.97), 4),
                    model,
                    data,
                    utc_text(at),
                )
            )
            if rng.random() < 0.06:
                continue
            is_adopted = rng.random() < between(0.41, 0.79, share)
            adopted[month_of(at)][0] += is_adopted
            adopted[month_of(at)][1] += 1
            value = "Y" if is_adopted else pick(rng, ("N", "M"), (7, 3))
            verdict(number, deal.owner, "rep", value, at + rng.randint(600, 20 * 3_600))
            if kind == "NEXT" or value == "N":
                continue
            is_big = cut is not None and cut > PRICE_CUT_TWO_REVIEWERS
            if is_big and len(one_reviewer) < COUNT_ONE_REVIEWER and rng.random() < 0.5:
                one_reviewer.append(number)
                continue
            manager = managers[deal.owner.team.no]
            if manager is deal.owner:
                manager = next(rep for rep in world.reps if rep is not deal.owner)
            verdict(number, manager, "manager", value, at + rng.randint(21 * 3_600, 23 * 3_600))
    last = f"SG{len(suggestions) + 1:06d}"
    what = ("NEXT", "deal", deals[-1].no, "约演示", None, 0.81)
    suggestions.append((last, *what, *_model_versions(LAST_DAY), utc_text(LAST_DAY)))
    adopted[month_of(LAST_DAY)][0] += 1
    adopted[month_of(LAST_DAY)][1] += 1
    verdict(last, deals[-1].owner, "rep", "Y", LAST_DAY + 3_600)
    world.truths["price_cuts_with_one_reviewer"] = {
        "suggestions": one_reviewer,
        "count": len(one_reviewer),
        "above_percent": PRICE_CUT_TWO_REVIEWERS,
        "meaning": "Price cuts over 15 % that one person accepted or changed, and no second one.",
    }
    world.truths["suggestion_adoption"] = {
        "adopted_and_answered_by_month": {month: adopted[month] for month in sorted(adopted)},
        "meaning": "Suggestions the rep accepted (Y) and all the rep answered, by month made.",
    }
    return suggestions, verdicts


def _notes(world: World, rng: random.Random) -> list[Row]:
    rows: list[Row] = []
    against: list[str] = []
    for number in range(1, len(world.accounts) // 2 + 1):
        account = rng.choice(world.accounts)
        is_against = number % 13 == 5 and len(against) < COUNT_CONTRADICTIONS
        note = f"FN{number:05d}"
        if is_against:
            against.append(note)
        rows.append(
            (
                note,
                account.no,
                account.owner.no,
                CONTRADICTION if is_against else rng.choice(PRAISE),
                int(is_against),
                utc_text(working_time(rng, rng.randint(START, END - DAY)) if rows else LAST_DAY),
            )
        )
    world.truths["contradicted_portraits"] = {"notes": against, "count": len(against)}
    return rows


def _events(world: World, rng: random.Random) -> list[Row]:
    """Each event is seen in two to four systems; whether the others fired improves."""
    rows: list[Row] = []
    fired: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for number in range(1, max(200, len(world.deals)) + 1):
        at = working_time(rng, rng.randint(START, END - DAY)) if rows else LAST_DAY
        name = rng.choice(EVENTS)
        account = rng.choice(world.accounts)
        order = None
        if name in ORDER_EVENTS and rows:
            order, account, at = rng.choice(world.orders)
        share = organisation(week_of(at))
        for system in ("crm", "erp", "chat", "logistics")[: rng.randint(2, 4)]:
            is_fired = system == "crm" or rng.random() < between(0.62, 0.96, share)
            if system != "crm":
                fired[month_of(at)][0] += is_fired
                fired[month_of(at)][1] += 1
            rows.append(
                (
                    f"BE{len(rows) + 1:06d}",
                    name,
                    account.no,
                    order,
                    system,
                    int(is_fired),
                    f"corr-{number:06d}",
                    utc_text(at + rng.randint(0, 600)),
                )
            )
    world.truths["event_trigger_success"] = {
        "fired_and_all_by_month": {month: fired[month] for month in sorted(fired)},
        "meaning": "Rows seen in another system than the CRM that fired, and all of them.",
    }
    return rows


def _rule_changes(world: World, rng: random.Random) -> list[Row]:
    """Business users change ever more rules themselves, and faster (42 d → 9.7 d)."""
    rows: list[Row] = [
        (
            "RC00001",
            "lead_labels",
            "answer_high_within_30_min",
            "manager",
            "IT",
            utc_text(GAMING_RULE_CHANGE - 20 * DAY),
            utc_text(GAMING_RULE_CHANGE),
        )
    ]
    by_month: dict[str, int] = defaultdict(int)
    for month in range(18):
        middle = START + int((month + 0.5) * 30.4) * DAY
        share = organisation(week_of(middle))
        for _ in range(round(between(3, 26, share))):
            done = working_time(rng, middle + rng.randint(-11, 11) * DAY)
            days = between(42, 9.7, share) * rng.uniform(0.7, 1.3)
            is_business = rng.random() < between(0.15, 0.85, share)
            by_month[month_of(done)] += is_business
            rows.append(
                (
                    f"RC{len(rows) + 1:05d}",
                    rng.choice(RULE_TABLES),
                    f"row-{rng.randint(1, 99)}",
                    rng.choice(world.reps).no if is_business else "it",
                    "BIZ" if is_business else "IT",
                    utc_text(done - int(days * DAY)),
                    utc_text(done),
                )
            )
    by_month[month_of(LAST_DAY)] += 1
    rows.append(
        (
            f"RC{len(rows) + 1:05d}",
            "thresholds",
            "row-1",
            world.reps[0].no,
            "BIZ",
            utc_text(LAST_DAY - 9 * DAY),
            utc_text(LAST_DAY),
        )
    )
    world.truths["business_rule_changes"] = {"by_month": dict(sorted(by_month.items()))}
    return rows


def _board_usage(world: World, rng: random.Random) -> list[Row]:
    """How often each rep opens the boards: every month about two reps in three do."""
    rows: list[Any] = []
    for rep in world.reps:
        for _ in range(rng.randint(4, 40)):
            at = working_time(rng, START + rng.randint(120, COUNT_DAYS - 3) * DAY)
            at = at if rows else LAST_DAY
            board = rng.choice(("heatmap", "three_factor"))
            rows.append(
                (f"BU{len(rows) + 1:06d}", board, rep.no, utc_text(at), rng.randint(9, 900))
            )
    return rows
