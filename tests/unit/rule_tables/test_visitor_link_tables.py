"""Each kind of fault in the rule tables of visitor links is named with its place and remedy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dagster_project.mapping.rows import RuleProblems
from dagster_project.rule_tables.checks import check_unique
from dagster_project.rule_tables.visitor_links import check_visitor_links
from dagster_project.settings import REPO_ROOT

RULE = "visitor_link_rule"
RANGE = "account_address_range"
DOMAIN = "account_web_domain"
OVERRIDE = "visitor_link_override"
# Table → row that is added → parts of the message.
FAULTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (RULE, "x,login,lead_id,,0.5,2020-01-01,a,b,c", ("matched_by: lead_id does not fit login",)),
    (RULE, "x,login,visitor_link,,1,2020-01-01,a,b,c", ("confidence: 1 is not between 0 and",)),
    (RULE, "x,login,visitor_link,,-1,2020-01-01,a,b,c", ("confidence: -1 is not between",)),
    (RULE, "x,domain,shared_domain,qq.com,0.5,2020-01-01,a,b,c", ("confidence:", "Write 0")),
    (RULE, "x,domain,shared_domain,qq,0,2020-01-01,a,b,c", ("matched_value: 'qq' is no domain",)),
    (RULE, "x,address_range,shared_range,10/8,0,2020-01-01,a,b,c", ("matched_value:", "no range")),
    (RULE, "portal_login,login,visitor_link,,0.9,2010-01-01,a,b,c", ("link_rule_id:", "already")),
    (RULE, "x,login,visitor_link,,0.9,2020-01-01,,b,c", ("name_en:",)),
    (RANGE, "crm:1,203.0.113.7/24,,,,", ("cidr:", "Write 203.0.113.0/24")),
    (RANGE, "crm:1,203.0.113.300,,,,", ("cidr:", "is no range")),
    (RANGE, "A1,203.0.113.0/24,,,,", ("account_id:", "write system:id")),
    (RANGE, "crm:1,2001:db8::/32,1.5,,,", ("confidence: 1.5 is not between",)),
    (RANGE, "crm:1,2001:db8::/32,,2026-02-01,2026-01-01,", ("valid_to: the last day",)),
    (DOMAIN, "crm:1,https://acme.com,,,,", ("web_domain:", "without www.")),
    (DOMAIN, "crm:1,acme,,,,", ("web_domain:", "acme.com")),
    (OVERRIDE, "1,web:a,assign,,,Li,2026-01-01,why", ("contact_id: assign needs a contact",)),
    (OVERRIDE, "1,web:a,drop,,,Li,2026-01-01,why", ("action:", "'undo'")),
    (OVERRIDE, "1,web:a,undo,,,Li,2026-01-01,", ("reason:",)),
    (OVERRIDE, "1,web:a,undo,,,,2026-01-01,why", ("decided_by:",)),
    (OVERRIDE, "1,web:a,undo,,,Li,yesterday,why", ("decided_at:",)),
)
GOOD: tuple[tuple[str, str], ...] = (
    (RULE, "x,login,contact_id,demo_crm,0.9,2020-01-01,a,b,c"),
    (RULE, "y,address_range,shared_range,2001:db8::/32,0,2020-01-01,a,b,c"),
    (RANGE, "crm:1,203.0.113.0/24,0.4,2026-01-01,2026-01-01,"),
    (RANGE, "crm:1,203.0.113.7,,,,one address"),
    (DOMAIN, "crm:1,acme.com.cn,,,,"),
    (OVERRIDE, "1,web:a,undo,,,Li,2026-01-01,all of it"),
    (OVERRIDE, "2,web:a,assign,,crm:1,Li,2026-01-01 10:00:00,why"),
)


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    for table in (RULE, RANGE, DOMAIN, OVERRIDE):
        shutil.copy(REPO_ROOT / "seeds" / f"{table}.csv", tmp_path)
    return tmp_path


def _add(seeds: Path, table: str, row: str) -> int:
    path = seeds / f"{table}.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + row + "\n", encoding="utf-8")
    return text.count("\n") + 1


def _problems(seeds: Path) -> list[str]:
    problems = RuleProblems()
    check_visitor_links(seeds, check_unique, problems)
    return problems.messages


@pytest.mark.parametrize(("table", "row", "expected"), FAULTS)
def test_fault_is_named(seeds: Path, table: str, row: str, expected: tuple[str, ...]) -> None:
    line = _add(seeds, table, row)
    (problem,) = _problems(seeds)
    assert problem.startswith(f"{seeds.name}/{table}.csv:{line} ")
    assert all(part in problem for part in expected), problem


def test_usable_rows_pass(seeds: Path) -> None:
    for table, row in GOOD:
        _add(seeds, table, row)
    assert _problems(seeds) == []
