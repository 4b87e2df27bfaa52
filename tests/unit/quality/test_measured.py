"""Counts per landed file are remembered, and never wrong for it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from dagster_project.quality.measured import Measured
from dagster_project.settings import Settings

RULES = ["number < 0", "name is null"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def land(settings: Settings, file: str, values: str) -> None:
    folder = settings.raw / "web" / "requests"
    folder.mkdir(parents=True, exist_ok=True)
    duckdb.sql(f"from (values {values}) as t(number, name)").write_parquet(
        str(folder / f"{file}.parquet")
    )


def count(settings: Settings, rules: list[str] | None = None) -> tuple[int, list[int]]:
    rules = rules or RULES
    with duckdb.connect(":memory:") as connection:
        rows, found = Measured(settings, "web", "suite", "requests").count(connection, rules)
    return rows, [sum(found[rule].values()) for rule in rules]


def test_counts_equal_those_of_the_whole_table_however_it_grew(settings: Settings) -> None:
    land(settings, "a", "(1, 'x'), (-1, null)")
    assert count(settings) == (2, [1, 1])
    assert count(settings) == (2, [1, 1])
    land(settings, "b", "(-2, 'y'), (-3, 'z'), (4, 'z')")
    assert count(settings) == (5, [3, 1])


def test_only_new_files_are_read(settings: Settings) -> None:
    land(settings, "a", "(1, 'x')")
    assert count(settings) == (1, [0, 0])
    (settings.raw / "web" / "requests" / "a.parquet").write_bytes(b"x" * _size(settings, "a"))
    land(settings, "b", "(-1, 'x')")
    assert count(settings) == (2, [1, 0]), "a file of the same name and size is not opened again"


def _size(settings: Settings, file: str) -> int:
    return (settings.raw / "web" / "requests" / f"{file}.parquet").stat().st_size


def test_a_replaced_or_removed_file_is_counted_anew(settings: Settings) -> None:
    land(settings, "a", "(1, 'x')")
    land(settings, "b", "(-1, 'x')")
    assert count(settings) == (2, [1, 0])
    land(settings, "a", "(-1, 'x'), (-2, 'a longer name'), (-3, null)")
    (settings.raw / "web" / "requests" / "b.parquet").unlink()
    assert count(settings) == (3, [3, 1])


def test_a_changed_rule_is_counted_over_everything(settings: Settings) -> None:
    land(settings, "a", "(1, 'x'), (-1, null)")
    assert count(settings) == (2, [1, 1])
    assert count(settings, ["number < 2"]) == (2, [2])
    assert count(settings) == (2, [1, 1])


def test_a_broken_record_is_made_anew(settings: Settings) -> None:
    land(settings, "a", "(-1, 'x')")
    assert count(settings) == (1, [1, 0])
    (record,) = (settings.home / "lake" / "measured").rglob("*.json")
    record.write_text("{", encoding="utf-8")
    assert count(settings) == (1, [1, 0])


def test_a_rule_that_cannot_be_evaluated_is_not_remembered(settings: Settings) -> None:
    land(settings, "a", "(-1, 'x')")
    with pytest.raises(duckdb.BinderException):
        count(settings, ["nothing > 1"])
    assert not list((settings.home / "lake").rglob("*.json"))


def test_an_empty_file_counts_as_read(settings: Settings) -> None:
    land(settings, "a", "(1, 'x')")
    folder = settings.raw / "web" / "requests"
    duckdb.sql(f"from '{folder / 'a.parquet'}' limit 0").write_parquet(str(folder / "b.parquet"))
    assert count(settings) == (1, [0, 0])
    assert count(settings) == (1, [0, 0])
