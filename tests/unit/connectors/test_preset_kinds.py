"""Every preset of a database: its settings are valid and its tables have a meaning."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from dagster_project.connectors.kinds import KINDS, as_source, known_tables
from dagster_project.connectors.presets import preset_tables
from dagster_project.connectors.source_models import Source
from dagster_project.connectors.sql_presets import PresetSource
from dagster_project.mapping import compile_mapping
from dagster_project.settings import REPO_ROOT, Settings

DATABASES = ("tryton", "odoo_database", "erpnext_database")


def _source(kind: str, **values: object) -> Source:
    return as_source({"system": "erp", "kind": kind, "url_env": "ERP_URL", **values})


@pytest.mark.parametrize("kind", DATABASES)
def test_the_preset_is_whole(kind: str) -> None:
    source = _source(kind)
    assert isinstance(source, PresetSource)
    assert source.mapping_set == kind
    assert known_tables(source) == preset_tables(KINDS[kind].place)
    for table in source.tables:
        # Else a row that changes would come twice, and one that is deleted would stay.
        assert table.primary_key, table.name
        assert table.needs, table.name


@pytest.mark.parametrize("kind", DATABASES)
def test_every_mapped_table_is_in_the_preset(kind: str) -> None:
    with (REPO_ROOT / "seeds" / "field_mapping.csv").open(encoding="utf-8") as file:
        mapped = {row["source_table"] for row in csv.DictReader(file) if row["mapping_set"] == kind}
    unmapped = set(known_tables(_source(kind))) - mapped
    assert mapped <= set(known_tables(_source(kind)))
    # Landed for those who ask it something, and read through another table of the mapping.
    assert (
        unmapped
        == {
            "tryton": {"stock_move"},
            "odoo_database": set(),
            "erpnext_database": {"payment_entry"},
        }[kind]
    )


@pytest.mark.parametrize("kind", DATABASES)
def test_every_mapped_column_of_a_query_is_selected(kind: str) -> None:
    queries = {
        table.name: table.query for table in _source(kind).tables if getattr(table, "query", None)
    }
    with (REPO_ROOT / "seeds" / "field_mapping.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["mapping_set"] == kind]
    for row in rows:
        query = queries.get(row["source_table"])
        for column in row["source_field"].split(" + "):
            if query and column and "[" not in column:
                assert re.search(rf"\b{column}\b", query), (row["source_table"], column)


@pytest.mark.parametrize("kind", DATABASES)
def test_picking_some_tables_leaves_the_mapping_usable(kind: str, tmp_path: Path) -> None:
    picked = list(known_tables(_source(kind)))[-2:]
    (tmp_path / "sources.toml").write_text(
        f'[[source]]\nsystem = "erp"\nkind = "{kind}"\nurl_env = "ERP_URL"\ntables = {picked}\n',
        encoding="utf-8",
    )
    settings = Settings(home=tmp_path / "home", sources=tmp_path / "sources.toml")
    report = compile_mapping(settings)
    assert {table for _, table in report.tables_without_data} == set(picked)


def test_queries_hold_no_bind_parameter_by_accident() -> None:
    """A colon before a word would be a parameter: it would ask for a value at the first load."""
    for kind in DATABASES:
        for table in _source(kind).tables:
            query = getattr(table, "query", None)
            if query:
                assert not sa.text(query).compile().params, (kind, table.name)
