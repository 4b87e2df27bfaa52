"""Both languages are complete, and pages contain no text of their own."""

from __future__ import annotations

import ast
import csv
import re
import string
from pathlib import Path

import pytest

from dagster_project.settings import REPO_ROOT
from streamlit_app.i18n import catalogue, text

APP = REPO_ROOT / "streamlit_app"
SOURCES = sorted([*(APP / "components").glob("*.py"), *(APP / "app_pages").glob("*.py")])
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_both_languages_have_the_same_keys_and_placeholders() -> None:
    english, chinese = catalogue("en"), catalogue("zh")
    assert set(english) == set(chinese)
    differing = [key for key in english if placeholders(english[key]) != placeholders(chinese[key])]
    assert differing == []


def test_no_text_is_empty_and_chinese_is_chinese() -> None:
    may_be_empty = {"unit.count"}
    same = {"passport.csv", "passport.xlsx", "passport.sql", "trust.of"}
    for key, value in catalogue("zh").items():
        assert value or key in may_be_empty, key
        assert _CHINESE.search(value) or key in may_be_empty | same, key


def literal_keys(path: Path) -> set[str]:
    """First arguments of text(…) that are literal."""
    keys = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name == "text" and node.args and isinstance(node.args[0], ast.Constant):
                keys.add(str(node.args[0].value))
    return keys


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_key_in_the_code_has_a_text(path: Path) -> None:
    missing = {key for key in literal_keys(path) if key not in catalogue("en")}
    assert missing == set()


def visible_words(path: Path) -> list[str]:
    """String constants that look like sentences, outside docstrings, HTML and errors."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            skipped |= {
                id(item.value)
                for item in body
                if isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)
            }
        if isinstance(node, ast.Raise):
            skipped |= {id(item) for item in ast.walk(node)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = re.sub(r"<[^>]*>?|[\w-]*=\"[^\"]*\"?", " ", node.value)
            is_sentence = re.search(r"[A-Za-z]{3,} [a-z]{2,} [a-z]{2,}", words)
            if id(node) not in skipped and (_CHINESE.search(words) or is_sentence):
                found.append(node.value)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_pages_and_components_hold_no_text(path: Path) -> None:
    # The separator of Chinese lists and the stop at the end of a reason are punctuation.
    allowed = {"make run SOURCES="}
    assert [words for words in visible_words(path) if words not in allowed] == []


def test_the_search_for_text_finds_text(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(
        '"""A docstring is not shown."""\nst.title("Sales of this year")\nx = "销售"\n',
        encoding="utf-8",
    )
    assert sorted(visible_words(bad)) == ["Sales of this year", "销售"]


def test_units_directions_and_owners_of_the_catalogue_have_names() -> None:
    with (REPO_ROOT / "seeds" / "metric_catalogue.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    needed = {f"unit_name.{row['unit']}" for row in rows}
    needed |= {f"direction.{row['direction']}" for row in rows}
    needed |= {f"owner.{row['owner']}" for row in rows if row["owner"]}
    needed |= {f"object.{name}" for row in rows for name in row["objects"].split("|") if name}
    assert needed - set(catalogue("en")) == set()


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        text("no.such.key", "en")
