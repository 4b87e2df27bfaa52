"""Moving the company forward changes the sources as the answer key says."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from dagster_project.demo_company import advance
from tests.unit.demo_company.company import Company, digests, read_company

MakeCompany = Callable[..., Company]


def contents(company: Company, database: str, table: str) -> dict[str, tuple[Any, ...]]:
    return {str(row[0]): row for row in company.rows(database, f"select * from {table}")}


@pytest.fixture
def moved(make_tiny: MakeCompany) -> tuple[Company, dict[str, Any], Company]:
    """(as first written, the step's part of the answer key, as it is now)."""
    before, now = make_tiny("before"), make_tiny("now")
    advance(now.home, days=2)
    now = read_company(now.home)
    (step,) = now.key["advances"]
    return before, step, now


def test_same_steps_same_bytes(make_tiny: MakeCompany) -> None:
    first, second = make_tiny("first"), make_tiny("second")
    for company in (first, second):
        advance(company.home)
        advance(company.home, days=3)
    assert digests(first.home) == digests(second.home)
    assert [step["days"] for step in read_company(first.home).key["advances"]] == [1, 3]


def test_leads_are_added_changed_and_deleted(
    moved: tuple[Company, dict[str, Any], Company],
) -> None:
    before, step, now = moved
    old, new = contents(before, "crm", "crm_lead"), contents(now, "crm", "crm_lead")
    assert sorted(new.keys() - old.keys()) == step["crm_leads_added"]
    assert not old.keys() - new.keys(), "leads are deleted softly"
    changed = sorted(number for number in old if old[number] != new[number])
    assert changed == sorted(step["crm_leads_lost"] + step["crm_leads_soft_deleted"])
    newest = max(str(row[-1]) for row in old.values())
    touched = [*step["crm_leads_added"], *changed]
    assert all(str(new[number][-1]) > newest for number in touched), "the cursor moves"


def test_deals_and_their_log_move_together(
    moved: tuple[Company, dict[str, Any], Company],
) -> None:
    before, step, now = moved
    old, new = contents(before, "crm", "crm_deal"), contents(now, "crm", "crm_deal")
    assert sorted(n for n in new if old[n] != new[n]) == step["crm_deals_to_negotiation"]
    added = now.rows(
        "crm", "select deal_no, to_stage from crm_deal_stage_log order by log_no desc limit 3"
    )
    assert sorted(added) == [(number, "NEGO") for number in step["crm_deals_to_negotiation"]]


def test_late_commits_hide_behind_the_cursor(
    moved: tuple[Company, dict[str, Any], Company],
) -> None:
    before, step, now = moved
    ((newest,),) = before.rows("crm", "select max(updated_at) from crm_task")
    marks = ", ".join("?" * len(step["crm_tasks_committed_late"]))
    late = now.rows(
        "crm",
        f"select updated_at from crm_task where task_no in ({marks})",
        *step["crm_tasks_committed_late"],
    )
    assert len(late) == 3
    for (stamp,) in late:
        behind = datetime.fromisoformat(newest) - datetime.fromisoformat(stamp)
        assert 0 < behind.total_seconds() <= 120


def test_hard_deletes_and_new_columns(moved: tuple[Company, dict[str, Any], Company]) -> None:
    before, step, now = moved
    old, new = contents(before, "crm", "crm_quote"), contents(now, "crm", "crm_quote")
    assert sorted(old.keys() - new.keys()) == step["crm_quotes_hard_deleted"]
    columns = "select name from pragma_table_info('crm_account')"
    added = set(now.rows("crm", columns)) - set(before.rows("crm", columns))
    assert added == {("follower_num",)}
    orders = (
        contents(now, "erp", "t_sal_order").keys() - contents(before, "erp", "t_sal_order").keys()
    )
    assert sorted(orders) == step["erp_orders_added"]
    header = (now.folder / "projects" / "projects.csv").read_text(encoding="utf-8").split("\n")[0]
    assert ",project_kind," in header and ",kind," not in header


def test_chat_is_delivered_twice(moved: tuple[Company, dict[str, Any], Company]) -> None:
    before, step, now = moved
    old = Counter(row["msgid"] for row in before.lines("chat/messages-*.jsonl"))
    new = Counter(row["msgid"] for row in now.lines("chat/messages-*.jsonl"))
    assert sorted(new.keys() - old.keys()) == step["chat_messages_added"]
    again = Counter(step["chat_messages_redelivered"])
    assert new - old == again + Counter(step["chat_messages_added"])


def test_log_grows_and_is_rotated(moved: tuple[Company, dict[str, Any], Company]) -> None:
    before, step, now = moved

    def read(path: Path) -> list[str]:
        data = path.read_bytes()
        text = gzip.decompress(data) if path.suffix == ".gz" else data
        return text.decode().splitlines()

    old_files = {path.name for path in (before.folder / "web").iterdir()}
    new_files = {path.name for path in (now.folder / "web").iterdir()}
    (rotated,) = new_files - old_files
    lines = read(now.folder / "web" / rotated)
    first = read(before.folder / "web" / "access.log")
    assert lines[: len(first)] == first, "what was there stays, under the rotated name"
    added = lines[len(first) :] + read(now.folder / "web" / "access.log")
    assert len(added) == step["web_lines_added"] + step["web_lines_broken"]
    status = Counter(line.split('" ')[1][:3] for line in added if " +0800] " in line)
    assert status == step["web_lines_added_by_status"]


def test_days_must_be_positive(make_tiny: MakeCompany) -> None:
    company = make_tiny()
    state = json.loads((company.folder / "demo_state.json").read_text(encoding="utf-8"))
    with pytest.raises(ValueError, match="--days is 0"):
        advance(company.home, days=0)
    assert state == json.loads((company.folder / "demo_state.json").read_text(encoding="utf-8"))
