"""Presets: which tables a source gets that lists none, some, changed or added ones."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from dagster_project import connectors
from dagster_project.connectors import load
from dagster_project.connectors.kinds import as_source
from dagster_project.connectors.presets import preset_tables, with_preset
from dagster_project.connectors.sql_presets import PresetTable

PRESET = """
[source]
time_zone = "Asia/Shanghai"

[[table]]
name = "orders"
load = "incremental"
cursor = ["changed_at", "made_at"]
primary_key = "id"
query = "select * from orders"

[[table]]
name = "lines"
load = "snapshot"
primary_key = "id"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "tables.toml").write_text(PRESET, encoding="utf-8")
    return tmp_path / "shop"


def _source(**values: Any) -> dict[str, Any]:
    return {"system": "erp", "kind": "shop", **values}


def _names(values: dict[str, Any]) -> list[str]:
    return [table["name"] for table in values["table"]]


def test_a_source_without_tables_gets_all_of_the_preset(folder: Path) -> None:
    values = with_preset(_source(), folder)
    assert _names(values) == ["orders", "lines"] == list(preset_tables(folder))
    assert values["mapping_set"] == "shop"
    assert values["time_zone"] == "Asia/Shanghai"
    assert values["table"][0]["cursor"] == ["changed_at", "made_at"]


def test_what_the_source_says_wins(folder: Path) -> None:
    values = with_preset(_source(mapping_set="mine", time_zone="UTC"), folder)
    assert (values["mapping_set"], values["time_zone"]) == ("mine", "UTC")


def test_tables_picks_in_the_order_of_the_preset(folder: Path) -> None:
    assert _names(with_preset(_source(tables=["lines", "orders"]), folder)) == ["orders", "lines"]
    values = with_preset(_source(tables=["lines"]), folder)
    assert _names(values) == ["lines"]
    assert "tables" not in values


def test_a_known_name_changes_keys_and_a_new_name_adds(folder: Path) -> None:
    changed = {"name": "orders", "overlap_seconds": 600}
    added = {"name": "notes", "load": "snapshot"}
    values = with_preset(_source(table=[added, changed]), folder)
    assert _names(values) == ["orders", "lines", "notes"]
    assert values["table"][0] == {
        "name": "orders",
        "load": "incremental",
        "cursor": ["changed_at", "made_at"],
        "primary_key": "id",
        "query": "select * from orders",
        "overlap_seconds": 600,
    }


def test_a_table_that_is_changed_counts_as_picked(folder: Path) -> None:
    values = with_preset(
        _source(tables=["lines"], table=[{"name": "orders", "overlap_seconds": 1}]), folder
    )
    assert _names(values) == ["orders", "lines"]


def test_keys_that_cannot_stand_beside_a_change_give_way(folder: Path) -> None:
    moved = with_preset(_source(table=[{"name": "orders", "table": "sales"}]), folder)
    assert "query" not in moved["table"][0]
    copied = with_preset(_source(table=[{"name": "orders", "load": "snapshot"}]), folder)
    assert "cursor" not in copied["table"][0]


def test_a_preset_is_not_changed_by_its_use(folder: Path) -> None:
    first = with_preset(_source(), folder)
    first["table"][0]["cursor"].append("spoilt")
    assert with_preset(_source(), folder)["table"][0]["cursor"] == ["changed_at", "made_at"]


def test_tables_that_are_not_known_are_refused_with_the_nearest(folder: Path) -> None:
    with pytest.raises(ValueError, match='"order", which shop does not know; write one of orders'):
        with_preset(_source(tables=["order"]), folder)
    with pytest.raises(ValueError, match="is a list of names"):
        with_preset(_source(tables="orders"), folder)


def test_a_table_listed_twice_is_left_for_the_model_to_refuse(folder: Path) -> None:
    twice = [{"name": "orders", "overlap_seconds": 1}, {"name": "orders", "overlap_seconds": 2}]
    assert _names(with_preset(_source(table=twice), folder)).count("orders") == 2


CLOUDS: dict[str, dict[str, str]] = {
    "hubspot": {"base_url": "https://crm", "access_token_env": "T"},
    "salesforce": {"instance_url": "https://crm", "access_token_env": "T"},
    "odoo": {"url": "https://crm", "database": "d", "user": "u", "api_key_env": "T"},
    "kingdee": {
        "server_url": "https://erp",
        "account_id": "a",
        "user": "u",
        "app_id_env": "I",
        "app_secret_env": "T",
    },
}


@pytest.mark.parametrize("kind", CLOUDS)
def test_keys_of_a_cloud_are_compared_daily_unless_it_is_said_otherwise(kind: str) -> None:
    """Each comparison costs a call per hundred to two thousand keys."""
    source = as_source({"system": "crm", "kind": kind, **CLOUDS[kind]})
    assert {table.sweep for table in source.tables} == {"daily"}
    added = {"name": source.tables[0].name, "sweep": "every_load"}
    source = as_source({"system": "crm", "kind": kind, **CLOUDS[kind], "table": [added]})
    assert source.tables[0].sweep == "every_load"


def test_words_about_a_table_do_not_have_it_read_again() -> None:
    values = {"name": "orders", "primary_key": "id", "load": "incremental", "cursor": "at"}
    before = load._signature(PresetTable(**values, module="Sales", needs=("orders",)))
    same = load._signature(PresetTable(**values, module="Sales and more"))
    assert load._settings_of(before) == load._settings_of(same)
    other = load._signature(PresetTable(**{**values, "cursor": "changed_at"}, module="Sales"))
    assert load._settings_of(before) != load._settings_of(other)


def test_logs_that_matomo_clears_away_stay_in_the_lake() -> None:
    readme = Path(connectors.__file__).with_name("README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    (text,) = [block for block in blocks if 'system = "web_matomo"' in block]
    (source,) = tomllib.loads(text)["source"]
    assert [table.deletes for table in as_source(source).tables] == ["none"] * 3
