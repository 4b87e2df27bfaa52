"""What web-analytics tools export becomes web events by the README's sources and rule rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.connectors.sources_file import load_sources
from tests.unit.connectors.loading import Installation, execute
from tests.unit.mapping import web_tools
from tests.unit.mapping.conftest import Warehouse, built_warehouse

SQLITE = {
    "bytes8": "blob",
    "bytes16": "blob",
    "timestamp": "datetime",
    "instant": "timestamp",
    "uuid": "char(36)",
}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """All four tools loaded, GA4 also from JSON lines."""
    shop = Installation(tmp_path_factory.mktemp("web"))
    shop.sources("".join(web_tools.snippets()[:4]) + _as_json_lines(web_tools.snippets()[0]))
    web_tools.write_files(shop.folder)
    with pytest.MonkeyPatch.context() as patch:
        for tool in ("matomo", "umami"):
            database = shop.folder / f"{tool}.db"
            execute(database, *web_tools.statements(f"{tool}.sql", SQLITE, "x'%s'"))
            patch.setenv(f"{tool.upper()}_URL", f"sqlite:///{database}")
        for system in ("web_ga4", "json_ga4", "web_snowplow", "web_matomo", "web_umami"):
            for receipt in shop.load(system).values():
                assert receipt.status == "loaded", receipt.message_en
    return shop


def _as_json_lines(snippet: str) -> str:
    return snippet.replace("web_ga4", "json_ga4").replace(".parquet", ".jsonl")


@pytest.fixture(scope="module")
def warehouse(exports: Installation) -> Warehouse:
    return built_warehouse(exports.settings, ["int_canonical__web_events"])


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("web_ga4", web_tools.GA4),
        ("json_ga4", web_tools.GA4),
        ("web_snowplow", web_tools.SNOWPLOW),
        ("web_matomo", web_tools.MATOMO),
        ("web_umami", web_tools.UMAMI),
    ],
)
def test_events_of_a_tool_become_web_events(
    warehouse: Warehouse, system: str, expected: list[web_tools.Row]
) -> None:
    assert warehouse.web_events(system) == expected


def test_ids_are_those_of_the_tool_or_made_of_the_event(warehouse: Warehouse) -> None:
    ids = dict(
        warehouse.rows(
            "select source_system, min(web_event_id) from intermediate.int_canonical__web_events "
            "group by 1"
        )
    )
    assert ids["web_matomo"] == "web_matomo:501"
    assert ids["web_umami"] == "web_umami:00000000-0000-4000-8000-000000000011"
    assert ids["web_snowplow"] == "web_snowplow:0c2f1c0e-0d5b-4a63-9c0e-7f0c9b6f1a02"
    assert len(str(ids["web_ga4"])) == len("web_ga4:") + 32


def test_what_does_not_fit_is_quarantined_and_counts_reconcile(exports: Installation) -> None:
    assert exports.quarantined("system, source_file, source_row, reason_code, reason_en") == [
        (
            *("web_snowplow", "part-00000", 5, "wrong_field_count"),
            "130 fields where 131 are named",
        )
    ]
    assert exports.query(
        "select rows_received, rows_loaded, rows_rejected from {ops.receipts} "
        "where system = 'web_snowplow'"
    ) == [(5, 4, 1)]


def test_every_mapped_column_of_a_tool_has_landed(warehouse: Warehouse) -> None:
    assert warehouse.rows(
        "select system, column_name from intermediate.int_canonical__unmapped_fields "
        "where status = 'missing'"
    ) == [("web_umami", "hostname")], "newer versions of Umami keep the host there"
    assert warehouse.rows("select * from intermediate.int_canonical__unconverted_values") == []


@pytest.fixture(scope="module")
def changed(exports: Installation, warehouse: Warehouse) -> Warehouse:
    """GA4 writes a day anew for three days; Matomo learns a login after the first page."""
    file = exports.folder / "ga4" / "events_20260301.jsonl"
    first, second, third, fourth = file.read_text(encoding="utf-8").splitlines()
    again = [
        second,
        first.replace('"email"', '"(none)"'),
        third.replace("1772325020", "1772325099"),
        fourth,
    ]
    file.write_text("\n".join(again) + "\n", encoding="utf-8")
    assert exports.load("json_ga4")["events"].rows_loaded == 2, "two lines are as they were"
    database = exports.folder / "matomo.db"
    execute(
        database,
        "update matomo_log_visit set user_id = 'bob', visit_last_action_time = "
        "'2026-03-02 00:00:10' where idvisit = 72",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATOMO_URL", f"sqlite:///{database}")
        receipts = exports.load("web_matomo")
    assert receipts["log_visit"].rows_loaded == 1
    assert receipts["log_link_visit_action"].rows_loaded == 0
    return built_warehouse(exports.settings, ["int_canonical__web_events"])


def test_an_event_that_is_exported_again_counts_once(changed: Warehouse) -> None:
    assert changed.rows(
        "select count(*), count(distinct web_event_id) "
        "from intermediate.int_canonical__web_events where source_system = 'json_ga4'"
    ) == [(5, 5)]


def test_a_visit_that_changes_changes_its_events(changed: Warehouse) -> None:
    assert changed.rows(
        "select user_name, loaded_at > first_loaded_at "
        "from intermediate.int_canonical__web_events where web_event_id = 'web_matomo:506'"
    ) == [("bob", True)]


@pytest.mark.parametrize("index", range(len(web_tools.snippets())))
def test_readme_shows_sources_that_can_be_used_alone(tmp_path: Path, index: int) -> None:
    shop = Installation(tmp_path)
    shop.sources(web_tools.snippets()[index])
    (source,) = load_sources(shop.settings).sources
    assert source.mapping_set == source.system.removeprefix("web_")
