"""Each kind of fault in the rule tables of identity is named with its place and remedy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dagster_project.mapping.rows import RuleProblems, RuleRow
from dagster_project.rule_tables.checks import check_unique
from dagster_project.rule_tables.identity import check_identity
from dagster_project.rule_tables.tables import CanonicalCodeRow
from dagster_project.settings import REPO_ROOT

RULE = "identity_rule"
SOURCE = "identity_source"
OVERRIDE = "identity_override"
WORD = "identity_name_word"
WEIGHT = "identity_match_weight"
SEGMENT = "customer_segment"
CODES = [
    RuleRow("seeds/canonical_codes.csv", 2, CanonicalCodeRow.model_validate(code))
    for code in (
        {"code_list": "industry", "code": "retail", "name_en": "Retail", "name_zh": "零售"},
        {"code_list": "account_tier", "code": "key", "name_en": "Key", "name_zh": "重点"},
    )
]
# Table → row that is added → part of the message.
FAULTS: tuple[tuple[str, str, str], ...] = (
    (RULE, "x,account,exact,fax,0.9,4,,,2020-01-01,a,b,c", "key_columns: no key 'fax'"),
    (RULE, "x,contact,exact,tax_id,0.9,4,,,2020-01-01,a,b,c", "key_columns: no key 'tax_id'"),
    (RULE, "x,account,exact,phone,,4,,,2020-01-01,a,b,c", "confidence: an exact rule needs"),
    (RULE, "x,account,exact,phone,1,4,,,2020-01-01,a,b,c", "confidence: an exact rule needs"),
    (RULE, "x,account,block,phone,0.9,4,,,2020-01-01,a,b,c", "confidence: a block only finds"),
    (RULE, "x,account,exact,phone,0.9,1,,,2020-01-01,a,b,c", "max_records: 1 rows link nobody"),
    (RULE, "x,account,exact,phone,0.9,4,email,,2020-01-01,a,b,c", "contradicted_by: 'email' is"),
    (RULE, "x,account,exact,phone,0.9,4,,2,2020-01-01,a,b,c", "min_name_similarity: a similarity"),
    (RULE, "account_phone,account,exact,phone,0.9,4,,,2010-01-01,a,b,c", "rule_id: ("),
    (SOURCE, "account,demo_crm,2,2010-01-01,a", "already stands in line 2"),
    (OVERRIDE, "1,account,merge,crm:1,crm:1,Li,2026-01-01,why", "right_id: both ids are the same"),
    (OVERRIDE, "1,account,join,crm:1,crm:2,Li,2026-01-01,why", "action:"),
    (OVERRIDE, "1,account,merge,A1,crm:2,Li,2026-01-01,why", "left_id: Value error, write system"),
    (OVERRIDE, "1,account,merge,crm:1,crm:2,,2026-01-01,why", "decided_by:"),
    (WORD, "legal_form,GmbH,company,a", "word: names are compared in lower case. Write 'gmbh'"),
    (WORD, "place,x,city,a", "word: 'x' is too short"),
    (WORD, "legal_form,gmbh,company,a", "already stands"),
    (WEIGHT, "account,fax,same,1,0.9,0.1,3.17,false,2020-01-01,a,b,c", "'fax' is not compared"),
    (WEIGHT, "account,phone,x,1,0.9,0.1,5,false,2020-01-01,a,b,c", "m and u give 3.1699"),
    (WEIGHT, "account,phone,x,1,0.9,0,5,false,2020-01-01,a,b,c", "u_probability: 0 is no prob"),
    (WEIGHT, "account,phone,x,,,,5,false,2020-01-01,a,b,c", "similarity_min: a level begins"),
    (
        WEIGHT,
        "account,phone,x,1,0.9,0.1,3.17,true,2020-01-01,a,b,c",
        "is_frequency_adjusted: only equal",
    ),
    (SEGMENT, "x,toys,,2020-01-01,a,b,c", "industry: unknown industry 'toys'"),
    (SEGMENT, "x,,gold,2020-01-01,a,b,c", "tier: unknown tier 'gold'"),
)
GOOD: tuple[tuple[str, str], ...] = (
    (RULE, "x,account,exact,phone|country,0.9,4,tax_id,0.5,2020-01-01,a,b,c"),
    (RULE, "y,contact,block,customer_id|plain_name,,4,,,2020-01-01,a,b,c"),
    (SOURCE, "account,crm,2,2010-01-01,a"),
    (OVERRIDE, "1,contact,split,crm:1,chat:2,Li,2026-01-01 10:00:00,why"),
    (WORD, "honorific,局长,title,a"),
    (WEIGHT, "account,phone,same,1,,,5,false,2020-01-01,a,b,c"),
    (SEGMENT, "big_retail,retail,key,2020-01-01,a,b,c"),
)


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    for table in (RULE, SOURCE, OVERRIDE, WORD, WEIGHT):
        shutil.copy(REPO_ROOT / "seeds" / f"{table}.csv", tmp_path)
    (tmp_path / f"{SEGMENT}.csv").write_text(
        "segment,industry,tier,valid_from,name_en,name_zh,reason\n"
        "other,,,2010-01-01,Other,其他,Default\n",
        encoding="utf-8",
    )
    return tmp_path


def _problems(seeds: Path) -> list[str]:
    problems = RuleProblems()
    check_identity(seeds, CODES, check_unique, problems)
    return problems.messages


def _add(seeds: Path, table: str, row: str) -> int:
    path = seeds / f"{table}.csv"
    text = path.read_text(encoding="utf-8").rstrip("\n") + f"\n{row}\n"
    path.write_text(text, encoding="utf-8")
    return text.count("\n")


def test_shipped_tables_are_in_order(seeds: Path) -> None:
    assert _problems(seeds) == []


@pytest.mark.parametrize(
    ("table", "row", "message"), FAULTS, ids=[f"{t}: {m}" for t, _, m in FAULTS]
)
def test_a_fault_is_named_with_its_place(seeds: Path, table: str, row: str, message: str) -> None:
    line = _add(seeds, table, row)
    found = _problems(seeds)
    assert len(found) == 1, found
    assert f"{table}.csv:{line} " in found[0]
    assert message in found[0]


@pytest.mark.parametrize(("table", "row"), GOOD)
def test_good_rows_are_taken(seeds: Path, table: str, row: str) -> None:
    _add(seeds, table, row)
    assert _problems(seeds) == []


def test_a_subject_needs_a_prior_and_every_comparison_a_lowest_level(seeds: Path) -> None:
    path = seeds / f"{WEIGHT}.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [
        line for line in lines if not line.startswith(("contact,prior,", "account,phone,other,"))
    ]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    found = _problems(seeds)
    assert any("no row prior of contact" in message for message in found)
    assert any("no level of phone begins at 0" in message for message in found)


def test_segments_need_a_default(seeds: Path) -> None:
    path = seeds / f"{SEGMENT}.csv"
    path.write_text(
        "segment,industry,tier,valid_from,name_en,name_zh,reason\n"
        "retail,retail,,2010-01-01,Retail,零售,Default\n",
        encoding="utf-8",
    )
    assert any("no row without industry and tier" in message for message in _problems(seeds))
