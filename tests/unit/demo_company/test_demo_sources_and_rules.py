"""Sources file and rule rows fit the written systems: nothing unmapped but what was planted."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from dagster_project.connectors.sources_file import (
    FilesSource,
    FileTable,
    SourcesFile,
    SqlSource,
    SqlTable,
    load_sources,
)
from dagster_project.settings import REPO_ROOT, Settings
from tests.unit.demo_company.company import Company

SEEDS = REPO_ROOT / "seeds"


def seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["mapping_set"].startswith("demo_")]


@pytest.fixture(scope="module")
def sources(small: Company) -> SourcesFile:
    return load_sources(Settings(home=small.home))


def file_rows(location: Path, table: FileTable) -> Iterator[dict[str, Any]]:
    paths = sorted(location.glob(table.glob))
    assert paths, f"{table.name}: no file fits {table.glob}"
    for path in paths:
        if table.file_format == "xlsx":
            header, *rows = openpyxl.load_workbook(path, read_only=True)[
                table.sheet or "skills"
            ].iter_rows(values_only=True)
            yield from (dict(zip(map(str, header), row, strict=True)) for row in rows)
        elif table.file_format == "csv":
            text = io.StringIO(path.read_bytes().decode(table.encoding))
            yield from csv.DictReader(text, delimiter=table.delimiter or ",")
        else:
            for line in path.read_text(encoding=table.encoding).splitlines():
                try:
                    yield json.loads(line)
                except json.JSONDecodeError:
                    continue


def sql_rows(url: str, table: SqlTable) -> Iterator[dict[str, Any]]:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    connection.row_factory = sqlite3.Row
    try:
        yield from map(dict, connection.execute(f"select * from {table.table or table.name}"))
    finally:
        connection.close()


@pytest.fixture(scope="module")
def landed(sources: SourcesFile) -> dict[str, list[dict[str, Any]]]:
    """``system.table`` → rows as they are in the source (web logs left out)."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for source in sources.sources:
        for table in source.tables:
            name = f"{source.system}.{table.name}"
            if isinstance(source, SqlSource) and isinstance(table, SqlTable):
                tables[name] = list(sql_rows(source.url or "", table))
            elif isinstance(source, FilesSource) and isinstance(table, FileTable):
                tables[name] = list(file_rows(Path(source.location), table))
    return tables


def columns(rows: list[dict[str, Any]]) -> set[str]:
    return {str(name) for row in rows for name in row}


def test_every_table_is_there_with_its_key_and_cursor(
    sources: SourcesFile, landed: dict[str, list[dict[str, Any]]]
) -> None:
    assert len(landed) > 40
    for source in sources.sources:
        for table in source.tables:
            rows = landed.get(f"{source.system}.{table.name}")
            if rows is None:
                continue
            assert rows, f"{table.name} is empty"
            needed = set(table.primary_key)
            if isinstance(table, SqlTable):
                needed |= set(table.cursor)
                keys = [tuple(row[part] for part in table.primary_key) for row in rows]
                assert len(keys) == len(set(keys))
            assert needed <= columns(rows), table.name


def test_every_mapped_column_exists(landed: dict[str, list[dict[str, Any]]]) -> None:
    missing = [
        (row["mapping_set"], row["source_table"], name)
        for row in seed("field_mapping")
        for name in row["source_field"].split(" + ")
        if name and name not in columns(landed[f"{row['mapping_set']}.{row['source_table']}"])
    ]
    assert missing == []


def test_columns_without_a_rule_are_the_planted_ones(
    small: Company, landed: dict[str, list[dict[str, Any]]]
) -> None:
    mapped: dict[str, set[str]] = defaultdict(set)
    for row in seed("field_mapping"):
        names = row["source_field"].split(" + ")
        mapped[f"{row['mapping_set']}.{row['source_table']}"] |= set(names)
    # The broken line of points.csv has more fields than the header; csv gives them no name.
    unmapped = {
        table: sorted(columns(rows) - mapped[table] - {"None"}) for table, rows in landed.items()
    }
    fault = small.fault("unmapped_columns")
    assert {table: names for table, names in unmapped.items() if names} == fault["columns_by_table"]


def test_unknown_codes_are_the_planted_ones(
    small: Company, landed: dict[str, list[dict[str, Any]]]
) -> None:
    with (SEEDS / "canonical_fields.csv").open(encoding="utf-8", newline="") as file:
        lists = {(row["object"], row["field"]): row["code_list"] for row in csv.DictReader(file)}
    known: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in seed("code_mapping"):
        known[row["mapping_set"], row["code_list"]].add(row["source_code"])
    for row in seed("stage_mapping"):
        known[row["mapping_set"], "stage"].add(row["source_stage"])
    unknown: dict[tuple[str, str], int] = defaultdict(int)
    for row in seed("field_mapping"):
        if row["transform"] not in ("code", "stage"):
            continue
        code_list = lists[row["object"], row["field"]] or "stage"
        for record in landed[f"{row['mapping_set']}.{row['source_table']}"]:
            value = record.get(row["source_field"])
            text = str(value).lower() if isinstance(value, bool) else value
            is_live = record.get("del_flag", 0) == 0
            if text is not None and is_live and text not in known[row["mapping_set"], code_list]:
                unknown[row["mapping_set"], str(text)] += 1
    faults = small.key["faults"]
    assert unknown == {
        ("demo_crm", "DOUYIN"): faults["unknown_code_lead_source"]["count"],
        ("demo_crm", "冻结"): faults["unknown_stage"]["count"],
        ("demo_erp", "X7"): faults["unknown_order_status"]["count"],
        ("demo_policy", "低空经济"): faults["unknown_code_policy_industry"]["count"],
    }


def test_references_between_systems_resolve(landed: dict[str, list[dict[str, Any]]]) -> None:
    """Every ``key:<system>`` rule leads to a key that the other system has."""
    with (SEEDS / "canonical_fields.csv").open(encoding="utf-8", newline="") as file:
        fields = list(csv.DictReader(file))
    target = {(row["object"], row["field"]): row["references"] for row in fields}
    key_of = {row["object"]: row["field"] for row in fields if row["role"] == "key"}
    keys: dict[tuple[str, str], set[str]] = defaultdict(set)
    rules = seed("field_mapping")
    for row in rules:
        if row["field"] == key_of[row["object"]]:
            rows = landed[f"{row['mapping_set']}.{row['source_table']}"]
            keys[row["mapping_set"], row["object"]] |= {str(r[row["source_field"]]) for r in rows}
    checked = 0
    for row in rules:
        if not row["transform"].startswith("key:"):
            continue
        system = row["transform"].removeprefix("key:")
        known = keys[system, target[row["object"], row["field"]]]
        rows = landed[f"{row['mapping_set']}.{row['source_table']}"]
        values = {str(r[row["source_field"]]) for r in rows if r.get(row["source_field"])}
        # One broken line of points.csv has no rep at that place.
        assert len(values - known) <= (row["source_table"] == "points"), row
        checked += bool(values)
    assert checked > 25
