"""Moves the source systems forward, so that incremental loads have something to find.

Each step writes what a day brings: new rows, overwritten values, rows committed late under an older
cursor, soft and hard deletes, columns that come and go, messages delivered twice, and a web log
that grows, is rotated and begins anew. What changed is added to the answer key under ``advances``.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .build import STATE_FILE, set_file_times, write_json
from .clock import compact_date, local_text, month_of, offset_text, utc_text
from .conversation import write_lines
from .random_source import scalar_random
from .sizes import COUNT_CHANGED, DAY, END, SIZES, Size
from .web import LogTotals, Site, open_log

LATE_SECONDS = 60
"""A late commit carries a cursor this much older than the newest one: inside the overlap."""
BROKEN_LINE = '60.12.7.3 - - [broken after rotation "GET / HTTP/1.1" 200'


@dataclass(frozen=True)
class Advanced:
    """Rows changed per kind of change, and their ids as the answer key has them."""

    changes: dict[str, int] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def note(self, name: str, ids: list[Any]) -> None:
        self.changes[name] = len(ids)
        self.details[name] = ids


@dataclass(frozen=True)
class _Step:
    """One call: from second ``start`` to ``end``, the ``number``-th since the company was made."""

    seed: int
    number: int
    start: int
    end: int
    size: Size
    rng: random.Random


def advance(home: Path, days: int = 1, answer_key: Path | None = None) -> Advanced:
    """Move the demo company in ``home/demo`` forward by ``days``.

    The same company moved by the same steps gives the same bytes.

    Raises:
        ValueError: there is no demo company in ``home``, or ``days`` is below one.
    """
    folder = home / "demo"
    state_file = folder / STATE_FILE
    if days < 1:
        raise ValueError(f"--days is {days}; it must be 1 or more.")
    if not state_file.is_file():
        raise ValueError(f"{folder} holds no demo company. Make one first, without --second-load.")
    state = json.loads(state_file.read_text(encoding="utf-8"))
    number = state.get("steps", 0) + 1
    start = END + state["advanced_days"] * DAY
    step = _Step(
        seed=state["seed"],
        number=number,
        start=start,
        end=start + days * DAY,
        size=SIZES[state["size"]],
        rng=scalar_random(state["seed"], f"advance {number}"),
    )
    result = Advanced()
    _advance_crm(folder / "crm.sqlite", step, result)
    _advance_erp(folder / "erp.sqlite", step, result)
    _advance_chat(folder / "chat", step, result)
    _advance_projects(folder / "projects" / "projects.csv", step, result)
    _advance_web(folder / "web", step, result, state.pop("late_web_lines", []))
    write_json(
        state_file, {**state, "advanced_days": state["advanced_days"] + days, "steps": number}
    )
    key_path = answer_key or home / "demo_answer_key.json"
    if key_path.is_file():
        key = json.loads(key_path.read_text(encoding="utf-8"))
        key.setdefault("advances", []).append({"days": days, **result.details})
        write_json(key_path, key)
    return result


@contextmanager
def _database(path: Path, end: int) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma journal_mode = off")
        with connection:
            yield connection
    os.utime(path, (end, end))


def _column(connection: sqlite3.Connection, sql: str, *values: Any) -> list[Any]:
    return [row[0] for row in connection.execute(sql, values)]


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return _column(connection, f"select name from pragma_table_info('{table}')")


def _copy_row(
    connection: sqlite3.Connection, table: str, key: str, old: Any, changes: dict[str, Any]
) -> None:
    """Insert a row like that of key ``old`` but for ``changes``."""
    columns = _columns(connection, table)
    source = [changes.get(name) if name in changes else None for name in columns]
    kept = ", ".join("?" if name in changes else name for name in columns)
    values = [value for name, value in zip(columns, source, strict=True) if name in changes]
    connection.execute(
        f"insert into {table} ({', '.join(columns)}) select {kept} from {table} where {key} = ?",
        (*values, old),
    )


# --- CRM -----------------------------------------------------------------------------------------


def _advance_crm(path: Path, step: _Step, result: Advanced) -> None:
    with _database(path, step.end) as crm:
        _new_leads(crm, step, result)
        _changed_leads(crm, step, result)
        _moved_deals(crm, step, result)
        _changed_accounts(crm, step, result)
        _late_tasks(crm, step, result)
        quotes = _column(
            crm,
            "select quote_no from crm_quote join crm_deal using (deal_no) "
            "where real_close_at is not null order by quote_no limit ?",
            COUNT_CHANGED,
        )
        crm.executemany("delete from crm_quote where quote_no = ?", [(no,) for no in quotes])
        result.note("crm_quotes_hard_deleted", quotes)


def _new_leads(crm: sqlite3.Connection, step: _Step, result: Advanced) -> None:
    days = (step.end - step.start) // DAY
    last = _column(crm, "select max(lead_no) from crm_lead")[0]
    models = _column(
        crm,
        "select lead_no from crm_lead where del_flag = 0 and deal_no is null "
        "and first_touch_at is not null order by lead_no desc limit 200",
    )
    added = []
    for position in range(6 * days):
        at = step.start + (position + 1) * (step.end - step.start) // (6 * days + 2)
        number = f"L{int(last[1:]) + position + 1:06d}"
        answered = at + step.rng.randint(300, 1_200)
        _copy_row(
            crm,
            "crm_lead",
            "lead_no",
            step.rng.choice(models),
            {
                "lead_no": number,
                "state": "20",
                "created_at": local_text(at),
                "first_touch_at": local_text(at + 9),
                "first_resp_at": local_text(answered),
                "closed_at": None,
                "updated_at": local_text(answered),
            },
        )
        added.append(number)
    result.note("crm_leads_added", added)


def _changed_leads(crm: sqlite3.Connection, step: _Step, result: Advanced) -> None:
    """Overwritten in place: young open leads are lost; others are marked as deleted."""
    before = local_text(step.start)
    at = local_text(step.start + 5 * 3_600)
    open_leads = _column(
        crm,
        "select lead_no from crm_lead where state in ('10', '20') and del_flag = 0 "
        "and updated_at < ? order by lead_no desc limit ?",
        before,
        2 * COUNT_CHANGED,
    )
    lost, deleted = open_leads[:COUNT_CHANGED], open_leads[COUNT_CHANGED:]
    crm.executemany(
        "update crm_lead set state = '90', closed_at = ?, updated_at = ? where lead_no = ?",
        [(at, at, number) for number in lost],
    )
    crm.executemany(
        "update crm_lead set del_flag = 1, updated_at = ? where lead_no = ?",
        [(at, number) for number in deleted],
    )
    result.note("crm_leads_lost", lost)
    result.note("crm_leads_soft_deleted", deleted)


def _moved_deals(crm: sqlite3.Connection, step: _Step, result: Advanced) -> None:
    deals = crm.execute(
        "select deal_no, owner_no from crm_deal where stage in ('DEMO', 'PROP') "
        "and updated_at < ? order by deal_no desc limit ?",
        (local_text(step.start), COUNT_CHANGED),
    ).fetchall()
    deals.sort()
    last = int(_column(crm, "select max(log_no) from crm_deal_stage_log")[0][1:])
    for position, (number, owner) in enumerate(deals):
        at = local_text(step.start + (6 + position) * 3_600)
        crm.execute(
            "update crm_deal set stage = 'NEGO', updated_at = ? where deal_no = ?", (at, number)
        )
        crm.execute(
            "insert into crm_deal_stage_log values (?, ?, 'NEGO', ?, ?)",
            (f"S{last + position + 1:07d}", number, at, owner),
        )
    result.note("crm_deals_to_negotiation", [number for number, _ in deals])


def _changed_accounts(crm: sqlite3.Connection, step: _Step, result: Advanced) -> None:
    """A new column appears, and values that were loaded before are overwritten."""
    if "follower_num" not in _columns(crm, "crm_account"):
        crm.execute("alter table crm_account add column follower_num integer")
        result.note("crm_account_columns_added", ["follower_num"])
    accounts = crm.execute(
        "select acc_no, lvl from crm_account where lvl = 'C' order by acc_no limit ?",
        (COUNT_CHANGED,),
    ).fetchall()
    crm.executemany(
        "update crm_account set lvl = 'A', follower_num = ?, updated_at = ? where acc_no = ?",
        [
            (step.rng.randint(10, 900), local_text(step.start + 7 * 3_600), number)
            for number, _ in accounts
        ],
    )
    result.note("crm_accounts_now_strategic", [number for number, _ in accounts])


def _late_tasks(crm: sqlite3.Connection, step: _Step, result: Advanced) -> None:
    """Committed after the last load, but stamped with the time their transaction began.

    They repeat what we once said to somebody with whom nothing is open any more.
    """
    newest = datetime.fromisoformat(_column(crm, "select max(updated_at) from crm_task")[0])
    text = (newest - timedelta(seconds=LATE_SECONDS)).strftime("%Y-%m-%d %H:%M:%S")
    last = int(_column(crm, "select max(task_no) from crm_task")[0][1:])
    model = _column(
        crm,
        "select min(task_no) from crm_task join crm_deal using (deal_no) "
        "where in_out = 'O' and real_close_at is not null and crm_task.person_no not in "
        "(select person_no from crm_lead where state in ('10', '20', '30')) "
        "and crm_task.person_no not in "
        "(select person_no from crm_deal where real_close_at is null)",
    )[0]
    added = []
    for position in range(COUNT_CHANGED):
        number = f"T{last + 1 + position:08d}"
        _copy_row(
            crm,
            "crm_task",
            "task_no",
            model,
            {"task_no": number, "done_at": text, "created_at": text, "updated_at": text},
        )
        added.append(number)
    result.note("crm_tasks_committed_late", added)


# --- ERP, chat, projects -------------------------------------------------------------------------


def _advance_erp(path: Path, step: _Step, result: Advanced) -> None:
    at = utc_text(step.start + 4 * 3_600)
    with _database(path, step.end) as erp:
        if "fabcclass" not in _columns(erp, "t_bd_material"):
            erp.execute("alter table t_bd_material add column fabcclass text default 'A'")
            result.note("erp_material_columns_added", ["fabcclass"])
        confirmed = _column(
            erp,
            "select fbillno from t_sal_order where fstatus = '2' order by fbillno limit ?",
            COUNT_CHANGED,
        )
        erp.executemany(
            "update t_sal_order set fstatus = '3', fmodifydate = ? where fbillno = ?",
            [(at, number) for number in confirmed],
        )
        result.note("erp_orders_done", confirmed)
        last = int(_column(erp, "select max(fbillno) from t_sal_order")[0][4:])
        entry = _column(erp, "select max(fentryid) from t_sal_orderentry")[0]
        models = _column(erp, "select fbillno from t_sal_order order by fbillno limit 40")
        added = []
        for position in range(COUNT_CHANGED):
            number = f"XSDD{last + position + 1:06d}"
            model = step.rng.choice(models)
            _copy_row(
                erp,
                "t_sal_order",
                "fbillno",
                model,
                {
                    "fbillno": number,
                    "fsrcdealno": None,
                    "fbilltype": "RPT",
                    "fstatus": "1",
                    "fdate": compact_date(step.start + 3_600),
                    "freqdate": compact_date(step.start + 40 * DAY),
                    "fmodifydate": at,
                },
            )
            line = _column(
                erp, "select min(fentryid) from t_sal_orderentry where fbillno = ?", model
            )[0]
            changes = {
                "fentryid": entry + position + 1,
                "fbillno": number,
                "fseq": 1,
                "fmodifydate": at,
            }
            _copy_row(erp, "t_sal_orderentry", "fentryid", line, changes)
            added.append(number)
        result.note("erp_orders_added", added)


def _advance_chat(place: Path, step: _Step, result: Advanced) -> None:
    """A new file: messages of the day, and some of the last file once more (delivered twice)."""
    files = sorted(place.glob("messages-*.jsonl"))
    lines = files[-1].read_text(encoding="utf-8").splitlines()
    models = [json.loads(line) for line in lines[-5:]]
    at = step.start + 3 * 3_600
    fresh = [
        {
            **model,
            "msgid": f"msg9{step.number:03d}{position:04d}",
            "msgtime": offset_text(at + position * 600),
            "savetime": offset_text(at + position * 600 + 5),
            "capture": "auto",
            "app_version": "4.1",
        }
        for position, model in enumerate(models)
    ]
    path = place / f"messages-{month_of(at)}-{step.number:03d}.jsonl"
    write_lines(path, [*fresh, *models])
    set_file_times(path, step.end)
    result.note("chat_messages_added", [row["msgid"] for row in fresh])
    result.note("chat_messages_redelivered", [row["msgid"] for row in models])


def _advance_projects(path: Path, step: _Step, result: Advanced) -> None:
    """The column ``kind`` comes under another name, and one project is gone from the list."""
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    gone = rows.pop(0)
    drifted = header.replace(",kind,", ",project_kind,")
    path.write_text("\n".join((drifted, *rows, "")), encoding="utf-8", newline="\n")
    set_file_times(path, step.end)
    result.note("projects_gone_from_snapshot", [gone.split(",")[0]])
    if drifted != header:
        result.note("projects_column_drifted", ["kind", "project_kind"])


# --- web -----------------------------------------------------------------------------------------


def _advance_web(place: Path, step: _Step, result: Advanced, late: list[Any]) -> None:
    """The open log grows, is rotated and compressed, and a new one begins.

    ``late`` are lines of days that were loaded before, as [line, status, bytes].
    """
    days = (step.end - step.start) // DAY
    count = max(2, round(step.size.log_lines / 545 * 1.6 * days))
    site, totals = Site(step.seed, step.size), LogTotals()
    middle = step.start + days * DAY // 2 // 3_600 * 3_600
    current = place / "access.log"
    broken = 0
    with current.open("ab") as file:
        for line, status, size in late:
            file.write(f"{line}\n".encode())
            totals.add(status, 1, size)
    result.note("web_lines_late", [line for line, _, _ in late])
    for part, (left, right) in enumerate(((step.start, middle), (middle, step.end))):
        slices = -(-count // 2 // step.size.lines_per_chunk) or 1
        with current.open("ab") as file:
            for piece in range(slices):
                amount = count // 2 * (piece + 1) // slices - count // 2 * piece // slices
                chunk = 10_000_000 + step.number * 10_000 + part * 5_000 + piece
                lines, keys = site.draw(chunk, amount, left, right, totals)
                order = keys.argsort(kind="stable").tolist()
                file.write("".join(f"{lines[position]}\n" for position in order).encode())
            if part == 0:
                file.write(f"{BROKEN_LINE}\n".encode())
                broken += 1
        if part == 0:
            _rotate(current, step)
    set_file_times(current, step.end)
    result.changes["web_lines_added"] = totals.lines
    result.changes["web_lines_broken"] = broken
    result.details["web_lines_added"] = totals.lines
    result.details["web_lines_broken"] = broken
    result.details["web_lines_added_by_status"] = {
        str(status): lines for status, lines in sorted(totals.by_status.items()) if lines
    }
    result.details["web_bytes_added"] = totals.count_bytes


def _rotate(current: Path, step: _Step) -> None:
    day = datetime.fromtimestamp(step.end, UTC)
    packed = current.with_name(f"access.log-{day:%Y%m%d}.gz")
    with current.open("rb") as source, open_log(packed) as target:
        while block := source.read(1 << 20):
            target.write(block)
    set_file_times(packed, step.end)
    current.unlink()
