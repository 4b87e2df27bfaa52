"""Rule tables of intent: each kind of fault is named with its place and a remedy."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from dagster_project.mapping.rows import RuleProblems, read_rule_rows
from dagster_project.rule_tables.checks import NEEDED_THRESHOLDS, check_unique
from dagster_project.rule_tables.intent import CONDITIONS, FOUND_REASONS, KINDS, check_intent
from dagster_project.rule_tables.intent import NEEDED_THRESHOLDS as INTENT_THRESHOLDS
from dagster_project.rule_tables.tables import CanonicalCodeRow
from dagster_project.settings import REPO_ROOT

MARTS = REPO_ROOT / "dbt" / "models" / "marts"
INTERMEDIATE = REPO_ROOT / "dbt" / "models" / "intermediate" / "intent"
DWELL = ("intent_signal", "signal_id", "competitor_comparison_dwell")
DOCUMENTS = ("intent_signal", "signal_id", "technical_documents_downloaded")
BUDGET = ("intent_signal", "signal_id", "budget_words")

# What is changed → what the message says.
FAULTS: dict[str, tuple[tuple[str, str, str], dict[str, str], tuple[str, ...]]] = {
    "unknown kind": (DWELL, {"kind": "dwelling"}, ("intent_signal.csv:2 kind:", "'dwell'")),
    "condition that is missing": (DWELL, {"min_seconds": ""}, ("min_seconds: dwell needs it",)),
    "condition of another kind": (
        DWELL,
        {"silence_days": "30"},
        ("silence_days: dwell does not look at it",),
    ),
    "no page": (DWELL, {"page_group": ""}, ("page_group: dwell needs a page group",)),
    "unknown page group": (
        DWELL,
        {"page_group": "competitor"},
        ("page_group: no rule gives group 'competitor'", "'competitor_comparison'"),
    ),
    "pattern of one engine": (DWELL, {"url_pattern": r"/\d+"}, ("url_pattern:", "backslashes")),
    "pattern that is none": (DWELL, {"url_pattern": "("}, ("url_pattern: ", "no regular")),
    "window without count": (
        DOCUMENTS,
        {"min_count": "1"},
        ("window_days: a window needs something to count",),
    ),
    "count below one": (DOCUMENTS, {"min_count": "0"}, ("min_count: 0 is below 1",)),
    "no weight": (DWELL, {"weight": "0"}, ("weight: a weight is above 0",)),
    "no half-life": (DWELL, {"half_life_days": "0"}, ("half_life_days: a half-life is above 0",)),
    "unknown keyword group": (
        BUDGET,
        {"keyword_group": "budgets"},
        ("no keyword of group 'budgets'", "Did you mean 'budget'"),
    ),
    "unknown channel": (
        BUDGET,
        {"channels": "mail|fax"},
        ("channels: unknown value 'fax'",),
    ),
    "name in one language": (BUDGET, {"name_zh": ""}, ("name_zh:",)),
    "unknown level": (
        ("intent_signal", "signal_id", "decision_maker_change"),
        {"decision_levels": "executive|boss"},
        ("decision_levels: unknown value 'boss'",),
    ),
    "weight of no signal": (
        ("intent_signal_weight", "signal_id", "content_shared"),
        {"signal_id": "content_share"},
        ("there is no signal 'content_share'", "Did you mean 'content_shared'"),
    ),
    "weight of no industry": (
        ("intent_signal_weight", "signal_id", "content_shared"),
        {"industry": "retailer"},
        ("industry: unknown industry 'retailer'", "Did you mean 'retail'"),
    ),
    "exception of nothing": (
        ("industry_keyword", "keyword", "干预算法"),
        {"keyword": "算法"},
        ("keyword: '算法' excepts nothing",),
    ),
    "keyword without a letter": (
        ("industry_keyword", "keyword", "capex"),
        {"keyword": "--"},
        ("keyword: a keyword holds a letter or digit",),
    ),
    "norm of no days": (
        ("stall_norm", "industry", "saas"),
        {"norm_days": "0"},
        ("norm_days: a norm is above 0 days",),
    ),
    "no default norm": (
        ("stall_norm", "industry", ""),
        {"industry": "finance"},
        ("no row without industry",),
    ),
    "reason that nothing finds": (
        ("next_step", "reason_code", "awaiting_finance"),
        {"keyword_group": ""},
        ("nothing finds 'awaiting_finance'",),
    ),
    "reason without a row": (
        ("next_step", "reason_code", "no_follow_up"),
        {"reason_code": "followed_up"},
        ("no row of silent_lead for no_follow_up",),
    ),
    "two reasons of one rank": (
        ("next_step", "reason_code", "quote_unanswered"),
        {"priority": "1"},
        ("priority: ('stalled_lead', 1) already stands",),
    ),
}


TABLES = (
    "intent_signal",
    "intent_signal_weight",
    "industry_keyword",
    "stall_norm",
    "next_step",
    "web_path_rule",
    "canonical_codes",
)


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    for table in TABLES:
        shutil.copy(REPO_ROOT / "seeds" / f"{table}.csv", tmp_path)
    return tmp_path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def problems(seeds: Path) -> list[str]:
    found = RuleProblems()
    codes = read_rule_rows(seeds / "canonical_codes.csv", CanonicalCodeRow, found)
    check_intent(seeds, codes, check_unique, found)
    return found.messages


def test_the_projects_own_rows_are_in_order(seeds: Path) -> None:
    assert problems(seeds) == []
    assert set(INTENT_THRESHOLDS) <= set(NEEDED_THRESHOLDS)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named_with_place_and_remedy(seeds: Path, fault: str) -> None:
    (table, key, value), changes, expected = FAULTS[fault]
    rows = rows_of(seeds / f"{table}.csv")
    (found,) = [row for row in rows if row[key] == value]
    found.update(changes)
    write(seeds / f"{table}.csv", rows)
    told = problems(seeds)
    assert [line for line in told if all(part in line for part in expected)], told


def test_a_version_may_not_begin_before_the_one_it_follows(seeds: Path) -> None:
    rows = rows_of(seeds / "intent_signal.csv")
    rows.append({**rows[0], "version": "2", "valid_from": "2009-12-31"})
    write(seeds / "intent_signal.csv", rows)
    assert any("version 2 begins before version 1" in line for line in problems(seeds))
    rows[-1]["valid_from"] = "2026-01-01"
    write(seeds / "intent_signal.csv", rows)
    assert problems(seeds) == []


def test_catalogue_has_the_classes_of_the_product_and_models_for_every_kind() -> None:
    signals = rows_of(REPO_ROOT / "seeds" / "intent_signal.csv")
    assert len({row["signal_id"] for row in signals}) >= 12
    sql = "".join(path.read_text(encoding="utf-8") for path in INTERMEDIATE.glob("*_evidence.sql"))
    assert [kind for kind in KINDS if f"'{kind}'" not in sql] == []
    rules = (INTERMEDIATE / "int_intent__rules.sql").read_text(encoding="utf-8")
    assert [column for column in CONDITIONS if column not in rules] == []


def test_every_reason_of_the_rules_is_one_that_the_models_find() -> None:
    lists = {
        "stalled_lead": INTERMEDIATE / "int_intent__stall_reasons.sql",
        "silent_lead": MARTS / "intent" / "mart_silent_lead.sql",
    }
    for name, path in lists.items():
        sql = path.read_text(encoding="utf-8")
        assert [code for code in FOUND_REASONS[name] if f"'{code}'" not in sql] == []
