"""The CRM: a SQLite database with its own names, naive Shanghai time and soft deletes.

Rows are overwritten in place; ``updated_at`` moves. ``del_flag = 1`` marks a deleted row.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .change import (
    PROMOTION_MINUTES_FROM,
    PROMOTION_MINUTES_TO,
    geometric,
    organisation,
    week_of,
)
from .clock import local_text
from .database import Row, create_database
from .people import plan_job_changes
from .random_source import pick, scalar_random, working_time
from .records import Deal, Lead, Quote, World
from .selling import HIGH_VALUE
from .sizes import DAY, END, NIGHT_JOB, START
from .vocabulary import CRM_INDUSTRY, CRM_LEVEL

SCHEMA = """
create table crm_team (
    team_no text primary key, team_name text, area text, leader text, updated_at datetime
);
create table crm_user (
    user_no text primary key, real_name text, team_no text, email text, entry_date datetime,
    enabled integer, updated_at datetime
);
create table crm_account (
    acc_no text primary key, acc_name text, industry_cd text, area text, province text, city text,
    country text, lvl text, emp_num integer, year_income numeric(18, 2), up_acc_no text, uscc text,
    site text, tel text, owner_no text, del_flag integer, created_at datetime, updated_at datetime,
    credit_memo text
);
create table crm_person (
    person_no text primary key, acc_no text, full_name text, post text, dec_lvl text, email text,
    mobile text, wx_ext_id text, portal_login text, del_flag integer, created_at datetime,
    updated_at datetime
);
create table crm_person_history (
    hist_no text primary key, person_no text, old_acc_no text, new_acc_no text, old_post text,
    new_post text, chg_time datetime, updated_at datetime
);
create table crm_lead (
    lead_no text primary key, topic text, acc_no text, person_no text, company_txt text, src text,
    industry_cd text, prod_line text, hot_lvl text, state text, owner_no text, deal_no text,
    est_amt numeric(18, 2), cur text, created_at datetime, first_touch_at datetime,
    first_resp_at datetime, closed_at datetime, del_flag integer, updated_at datetime
);
create table crm_deal (
    deal_no text primary key, title text, acc_no text, person_no text, lead_no text, item_no text,
    prod_line text, amt numeric(18, 2), cur text, stage text, owner_no text, src text,
    ref_acc_no text, difficulty text, created_at datetime, plan_close_at datetime,
    real_close_at datetime, lose_cd text, del_flag integer, updated_at datetime
);
create table crm_deal_stage_log (
    log_no text primary key, deal_no text, to_stage text, in_at datetime, by_user text
);
create table crm_quote (
    quote_no text primary key, deal_no text, list_amt numeric(18, 2), quote_amt numeric(18, 2),
    cur text, quoted_at datetime, valid_to datetime, updated_at datetime
);
create table crm_approval (
    appr_no text primary key, appr_type text, biz_type text, biz_no text, applied_at datetime,
    finished_at datetime, result text, auto_flag text, updated_at datetime
);
create table crm_task (
    task_no text primary key, task_type text, in_out text, acc_no text, person_no text,
    deal_no text, lead_no text, user_no text, done_at datetime, minutes integer, source text,
    summary text, lang text, del_flag integer, created_at datetime, updated_at datetime
);
create table crm_optout (
    opt_no text primary key, person_no text, chan text, reason text, opt_at datetime
);
"""
LEVEL_OF_TIER = {"strategic": "A", "key": "B", "standard": "C"}
HOT = {"high": "H", "medium": "M", "low": "L"}
STATE = {
    "new": "10",
    "contacted": "20",
    "qualified": "30",
    "converted": "40",
    "lost": "90",
}
SOURCE = {
    "web": "WEB",
    "event": "EXPO",
    "referral": "REF",
    "partner": "PTN",
    "outbound": "COLD",
    "ad": "SEM",
    "social": "WX",
    "phone": "TEL",
}
TASK_TYPE = {
    "call": "CALL",
    "meeting": "MEET",
    "visit": "VISIT",
    "demo": "DEMO",
    "mail": "EMAIL",
    "chat": "IM",
}
LOSS = {
    "price": "PRICE",
    "product": "FUNC",
    "timing": "DELAY",
    "competitor": "COMP",
    "no_decision": "NODEC",
}
COUNT_DUPLICATE_LEADS = 12
COUNT_DELETED_LEADS = 9
COUNT_FROZEN_DEALS = 4
COUNT_UNKNOWN_SOURCE = 7


def item_number(line: str, product: int) -> str:
    """The item number that CRM and ERP share: ``PA-02``."""
    initials = "".join(word[0] for word in line.split()).upper()
    return f"{initials}-{product + 1:02d}"


def _text(second: int | None) -> str | None:
    return None if second is None else local_text(second)


def _latest(*times: int | None) -> str:
    return local_text(max(second for second in times if second is not None))


def write_crm(world: World, folder: Path) -> dict[str, int]:
    """Write crm.sqlite and add to the answer key what only the CRM knows."""
    rng = scalar_random(world.seed, "crm")
    history: list[Row] = [tuple(row.values()) for row in plan_job_changes(world)]
    tables: dict[str, list[Row]] = {
        "crm_team": [
            (team.no, team.name, team.region, team.manager, local_text(START))
            for team in world.teams
        ],
        "crm_user": [
            (
                rep.no,
                rep.name,
                rep.team.no,
                rep.mail,
                local_text(rep.hired),
                int(rep.is_active),
                local_text(START),
            )
            for rep in world.reps
        ],
        "crm_account": list(_accounts(world, rng)),
        "crm_person": list(_persons(world)),
        "crm_person_history": history,
        "crm_lead": _leads(world, rng),
        "crm_deal": _deals(world, rng),
        "crm_deal_stage_log": _stage_log(world),
        "crm_quote": _quotes(world, rng),
        "crm_approval": _approvals(world, rng),
        "crm_task": _tasks(world, rng),
        "crm_optout": [
            (
                optout.no,
                optout.person.no,
                TASK_TYPE[optout.kind],
                optout.reason,
                local_text(optout.at),
            )
            for optout in world.optouts
        ],
    }
    return create_database(folder / "crm.sqlite", SCHEMA, tables)


def _accounts(world: World, rng: random.Random) -> Iterator[Row]:
    without_tax_id = []
    for account in world.accounts:
        has_tax_id = rng.random() < 0.72
        if not has_tax_id:
            without_tax_id.append(account.no)
        yield (
            account.no,
            account.name,
            CRM_INDUSTRY[account.industry],
            account.region,
            account.province,
            account.city,
            account.country,
            LEVEL_OF_TIER[account.tier],
            account.employees,
            account.revenue,
            account.parent,
            account.tax_id if has_tax_id else None,
            f"https://www.{account.domain}",
            account.phone,
            account.owner.no,
            0,
            local_text(account.created),
            local_text(
                NIGHT_JOB
                if account is world.accounts[0]
                else max(account.created, START + rng.randint(0, 500) * DAY)
            ),
            rng.choice((None, "账期30天", "net 45", "预付")),
        )
    world.truths["crm_accounts_without_tax_id"] = {
        "accounts": without_tax_id,
        "count": len(without_tax_id),
    }


def _persons(world: World) -> Iterator[Row]:
    for person in world.persons:
        # The CRM learned the chat id of two people in three; the rest must be found by mobile.
        knows_chat = person.chat_id is not None and int(person.no[1:]) % 3 != 0
        yield (
            person.no,
            (person.moved_to or person.account).no,
            person.name,
            person.title,
            CRM_LEVEL[person.level],
            person.mail,
            person.mobile,
            person.chat_id if knows_chat else None,
            person.login,
            0,
            local_text(person.created),
            local_text(
                NIGHT_JOB
                if person is world.persons[0]
                else max(person.created, START, person.updated or START)
            ),
        )


def _lead_row(lead: Lead, no: str, source: str, del_flag: int = 0, is_touched: bool = True) -> Row:
    return (
        no,
        lead.name,
        lead.account.no if lead.has_account else None,
        lead.person.no,
        lead.account.name,
        source,
        CRM_INDUSTRY[lead.account.industry],
        lead.line,
        HOT[lead.label],
        STATE[lead.status],
        lead.owner.no,
        lead.deal.no if lead.deal else None,
        lead.amount,
        lead.account.currency,
        local_text(lead.created),
        local_text(lead.acknowledged) if is_touched else None,
        _text(lead.responded) if is_touched else None,
        _text(lead.closed),
        del_flag,
        _latest(lead.acknowledged, lead.responded, lead.closed),
    )


def _leads(world: World, rng: random.Random) -> list[Row]:
    """All leads, plus double entries, deleted rows and a channel code that nobody mapped."""
    plain = [
        lead
        for lead in world.leads
        if START + 60 * DAY < lead.created < END - 80 * DAY
        and not lead.is_silent
        and lead.story is None
        and lead.deal is None
        and lead.responded is not None
        and lead.label != "low"
    ]
    sample = rng.sample(plain, COUNT_DUPLICATE_LEADS + COUNT_DELETED_LEADS + COUNT_UNKNOWN_SOURCE)
    doubled = sample[:COUNT_DUPLICATE_LEADS]
    deleted = sample[COUNT_DUPLICATE_LEADS : COUNT_DUPLICATE_LEADS + COUNT_DELETED_LEADS]
    unknown = {lead.no for lead in sample[-COUNT_UNKNOWN_SOURCE:]}
    rows: list[Row] = [
        _lead_row(lead, lead.no, "DOUYIN" if lead.no in unknown else SOURCE[lead.channel])
        for lead in world.leads
    ]
    number = len(world.leads)
    pairs, gone = [], []
    for lead in doubled:
        number += 1
        rows.append(_lead_row(lead, f"L{number:06d}", SOURCE[lead.channel], is_touched=False))
        pairs.append([lead.no, f"L{number:06d}"])
    for lead in deleted:
        number += 1
        rows.append(_lead_row(lead, f"L{number:06d}", SOURCE[lead.channel], del_flag=1))
        gone.append(f"L{number:06d}")
    world.faults["duplicate_leads"] = {
        "count": len(pairs),
        "pairs": pairs,
        "meaning": "The same enquiry entered twice (pairs of lead numbers): all values are equal "
        "but the number, and nobody ever touched the second entry.",
    }
    world.faults["soft_deleted_leads"] = {"count": len(gone), "leads": gone}
    world.faults["unknown_code_lead_source"] = {
        "code": "DOUYIN",
        "code_list": "channel",
        "count": len(unknown),
        "leads": sorted(unknown),
    }
    live = [row for row in rows if row[18] == 0]
    world.totals["leads"] = {
        "current": len(live),
        "converted": sum(row[9] == "40" for row in live),
        "answered": sum(row[16] is not None for row in live),
        "without_account": sum(row[2] is None for row in live),
        "rows_in_source": len(rows),
    }
    return rows


def _deal_row(deal: Deal, stage: str) -> Row:
    return (
        deal.no,
        deal.name,
        deal.account.no,
        deal.person.no,
        deal.lead.no if deal.lead else None,
        item_number(deal.line, deal.product),
        deal.line,
        deal.amount,
        deal.account.currency,
        stage,
        deal.owner.no,
        SOURCE[deal.channel],
        deal.referrer.no if deal.referrer else None,
        {"low": "1", "medium": "2", "high": "3"}[deal.complexity],
        local_text(deal.created),
        local_text(deal.expected),
        _text(deal.closed),
        LOSS[deal.loss_reason] if deal.loss_reason else None,
        0,
        local_text(deal.steps[-1][1]),
    )


def _deals(world: World, rng: random.Random) -> list[Row]:
    open_deals = [
        deal
        for deal in world.deals
        if deal.closed is None and len(deal.steps) > 1 and not (deal.lead and deal.lead.story)
    ]
    frozen = {deal.no for deal in rng.sample(open_deals, min(COUNT_FROZEN_DEALS, len(open_deals)))}
    world.faults["unknown_stage"] = {
        "stage": "冻结",
        "count": len(frozen),
        "deals": sorted(frozen),
        "meaning": "Open deals set to a stage that no rule row maps; their stage is unknown.",
    }
    return [_deal_row(deal, "冻结" if deal.no in frozen else deal.stage) for deal in world.deals]


def _stage_log(world: World) -> list[Row]:
    rows: list[Row] = []
    for deal in world.deals:
        for stage, at in deal.steps:
            rows.append((f"S{len(rows) + 1:07d}", deal.no, stage, local_text(at), deal.owner.no))
    world.totals["deal_stage_log"] = {"count": len(rows)}
    return rows


def _quotes(world: World, rng: random.Random) -> list[Row]:
    rows: list[Row] = []
    for deal in world.deals:
        reached = dict(deal.steps)
        if "PROP" not in reached:
            continue
        for round_number in range(1 + (rng.random() < 0.35)):
            at = working_time(rng, reached["PROP"] + (round_number * 6 + 1) * DAY)
            if not START <= at < (deal.closed or END):
                continue
            discount = min(0.3, max(0.0, rng.gauss(0.08, 0.05) + 0.03 * round_number))
            list_amount = round(deal.amount / (1 - discount), 2)
            world.quotes.append(Quote(f"Q{len(rows) + 1:06d}", deal, at))
            rows.append(
                (
                    f"Q{len(rows) + 1:06d}",
                    deal.no,
                    list_amount,
                    deal.amount,
                    deal.account.currency,
                    local_text(at),
                    local_text(at + 30 * DAY),
                    local_text(at),
                )
            )
    world.totals["quotes"] = {"count": len(rows)}
    return rows


def _approvals(world: World, rng: random.Random) -> list[Row]:
    """Discounts and contracts by deal, and the promotions whose time fell from 5.2 d to 47 min."""
    rows: list[Row] = []

    def add(kind: str, business: str, number: str, asked: int, took: int, is_auto: bool) -> None:
        done: int | None = asked + took
        result = pick(rng, ("Y", "N", "C"), (84, 11, 5))
        if done is not None and done >= END:
            done, result = None, "W"
        rows.append(
            (
                f"AP{len(rows) + 1:06d}",
                kind,
                business,
                number,
                local_text(asked),
                _text(done),
                result,
                "1" if is_auto else "0",
                _latest(asked, done),
            )
        )

    for deal in world.deals:
        reached = dict(deal.steps)
        if reached.get("NEGO", 0) >= START and rng.random() < 0.6:
            share = organisation(week_of(reached["NEGO"]))
            hours = geometric(52, 5, share) * rng.lognormvariate(0, 0.5)
            is_auto = rng.random() < 0.5 * share
            kind = rng.choice(("DISC", "DISC", "CRED"))
            add(kind, "deal", deal.no, reached["NEGO"], int(hours * 3_600), is_auto)
        if "SIGN" in reached and deal.amount >= HIGH_VALUE[deal.account.currency] / 4:
            add("CONT", "deal", deal.no, reached["SIGN"] - 3_600, rng.randint(300, 3_500), False)
    _promotions(world, rng, rows, add)
    rows[0] = (*rows[0][:-1], local_text(NIGHT_JOB))
    return rows


def _promotions(world: World, rng: random.Random, rows: list[Row], add: Any) -> None:
    """Six near-expiry promotions a month; the first and last month have the reference median."""
    by_month: dict[str, list[int]] = {}
    first_row = len(rows)
    for month in range(18):
        start = START + int(month * 30.4 * DAY)
        share = organisation(week_of(start + 15 * DAY))
        middle = geometric(PROMOTION_MINUTES_FROM, PROMOTION_MINUTES_TO, share)
        for factor in (0.55, 0.8, 1.0, 1.0, 1.25, 1.6):
            asked = working_time(rng, start + rng.randint(1, 24) * DAY)
            took = int(middle * factor * 60)
            add("PROMO", "batch", f"B{rng.randint(1, 60):05d}", asked, took, share > 0.5)
            by_month.setdefault(local_text(asked)[:7], []).append(took)
    world.truths["promotion_approval_minutes"] = {
        "first": PROMOTION_MINUTES_FROM,
        "last": PROMOTION_MINUTES_TO,
        "count": len(rows) - first_row,
        "meaning": "Median minutes from request to decision of promotion approvals: 5.2 days in "
        "the first month, 47 minutes in the last.",
    }


def _tasks(world: World, rng: random.Random) -> list[Row]:
    rows: list[Row] = []
    for touch in world.touches:
        if touch.medium != "crm":
            continue
        rows.append(
            (
                f"T{touch.no}",
                TASK_TYPE[touch.kind],
                "I" if touch.is_inbound else "O",
                touch.person.account.no,
                touch.person.no,
                touch.deal.no if touch.deal else None,
                touch.lead.no if touch.lead else None,
                touch.rep.no,
                local_text(touch.at),
                touch.minutes,
                "auto" if touch.is_automatic else "manual",
                touch.text,
                ("zh" if touch.person.account.is_chinese else "en") if touch.text else None,
                0,
                local_text(touch.recorded),
                local_text(touch.recorded),
            )
        )
    late = sum(
        touch.medium == "crm" and touch.recorded - touch.at > 10 * DAY for touch in world.touches
    )
    world.faults["late_crm_tasks"] = {
        "count": late,
        "meaning": "Tasks typed in more than ten days after they happened (created_at - done_at).",
    }
    return rows
