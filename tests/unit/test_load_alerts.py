"""What Dagster is told after a load: whether it brought its rows, and whether all of them."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from dagster_project.connectors.sources_file import load_sources
from dagster_project.defs.ingestion import (
    COMPLETE_CHECK,
    LOAD_CHECK,
    alerts_of,
    build_source_assets,
)
from tests.unit.connectors.loading import SHOP, Installation, execute

SOURCE = f"""{SHOP}  [[source.table]]
  name = "orders"
  primary_key = "id"
  [[source.table]]
  name = "people"
  primary_key = "id"
"""


def checks(shop: Installation, instance: dg.DagsterInstance) -> dict[tuple[str, str], str]:
    """(table, check) → what it says; empty where it passed."""
    source = load_sources(shop.settings).source("shop")
    defs = dg.Definitions(
        assets=[build_source_assets(source, shop.settings)],
        jobs=[dg.define_asset_job("load", executor_def=dg.in_process_executor)],
    )
    result = defs.resolve_job_def("load").execute_in_process(instance=instance)
    found = {}
    for evaluation in result.get_asset_check_evaluations():
        place = (evaluation.asset_key.path[-1], evaluation.check_name)
        told = evaluation.metadata.get("alerts", evaluation.metadata["message"])
        found[place] = "" if evaluation.passed else str(told.value)
        if evaluation.check_name == COMPLETE_CHECK:
            assert evaluation.severity == dg.AssetCheckSeverity.WARN
    return found


def test_a_change_of_structure_and_a_load_that_is_held_back_are_told(tmp_path: Path) -> None:
    shop = Installation(tmp_path)
    shop.sources(SOURCE)
    database = shop.data / "shop.sqlite"
    execute(
        database,
        "create table orders (id integer, amount integer)",
        "create table people (id integer)",
        ("insert into orders values (?, ?)", [(n, n) for n in range(10)]),
        ("insert into people values (?)", [(n,) for n in range(10)]),
    )
    with dg.DagsterInstance.ephemeral() as instance:
        assert set(checks(shop, instance).values()) == {""}
        execute(
            database,
            "alter table orders add column fax text",
            "insert into orders values (99, 1, '1')",
            "delete from people where id > 2",
        )
        found = checks(shop, instance)
        assert found["orders", LOAD_CHECK] == ""
        assert found["orders", COMPLETE_CHECK] == "The structure has changed: added fax."
        assert found["people", LOAD_CHECK].startswith("The snapshot has 3 rows")
        assert found["people", COMPLETE_CHECK].startswith("Held back: confirm it")


def test_a_gap_and_hidden_parts_are_told(tmp_path: Path) -> None:
    shop = Installation(tmp_path)
    execute(
        shop.data / "shop.sqlite", "create table orders (id integer)", "create table people (id)"
    )
    shop.sources(SOURCE)
    receipt = shop.load()["orders"]
    assert alerts_of(receipt) == []
    told = receipt.model_copy(
        update={"rows_gap": 3, "coverage_seen": 46, "coverage_all": 50, "coverage_en": "members"}
    )
    assert alerts_of(told) == ["Rows that did not come: 3.", "Visible: 46 of 50 members."]
