"""Nine systems are named with place and secret, and nothing else: the dashboard is filled.

Each is loaded whole by its preset, all are mapped by the default rows, built once and published;
what the pages show is compared with what each system holds (connected_company.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import streamlit as st

from dagster_project.connectors.receipts import Receipt
from dagster_project.publishing import open_version
from dagster_project.settings import Settings
from streamlit_app.data import overview
from streamlit_app.data.catalogue import load_metrics
from streamlit_app.data.filters import Period
from streamlit_app.data.metrics import Selection, evaluate_many
from streamlit_app.i18n import text
from tests.integration.connected_company import (
    CURRENCIES,
    FIRMS,
    KINDS,
    Book,
    connected_systems,
)
from tests.integration.pipeline_run import build_and_publish, load_all
from tests.integration.shown_page import overview_page
from tests.unit.connectors.test_salesforce import certificate
from tests.unit.streamlit_app.test_pages import open_page, page_html

__all__ = ["certificate"]

pytestmark = [pytest.mark.integration, pytest.mark.systems, pytest.mark.timeout(600)]

ALL_TIME = Period("all", None, None)
MODELS = ("dim_contact", "dim_rep", "fct_activity")
NOTHING_THERE = {
    ("hubspot", "deal_contacts"),
    ("salesforce", "lead_history"),
    ("wecom", "ids"),
}


@dataclass
class Connected:
    """The home after loading, building and publishing; ``books`` are what the systems hold."""

    settings: Settings
    books: dict[str, Book]
    receipts: dict[tuple[str, str], Receipt]
    version_id: str


@pytest.fixture(scope="module")
def connected(tmp_path_factory: pytest.TempPathFactory, certificate: Path) -> Connected:
    folder = tmp_path_factory.mktemp("connected")
    settings = Settings(home=folder / "home", sources=folder / "sources.toml")
    with connected_systems(folder, certificate) as books:
        receipts = load_all(settings)
    return Connected(settings, books, receipts, build_and_publish(settings, also=MODELS))


@pytest.fixture(scope="module")
def shown(connected: Connected) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_version(connected.settings, connected.version_id) as connection:
        yield connection


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


def test_every_table_of_every_preset_is_loaded(connected: Connected) -> None:
    assert {system for system, _ in connected.receipts} == set(KINDS)
    for key, receipt in connected.receipts.items():
        assert receipt.status == "loaded", (key, receipt.message_en)
        assert receipt.rows_rejected == 0, (key, receipt.message_en)
        assert (receipt.rows_loaded == 0) == (key in NOTHING_THERE), key


@pytest.mark.parametrize("kind", KINDS)
def test_leads_by_status(connected: Connected, shown: duckdb.DuckDBPyConnection, kind: str) -> None:
    found = _rows(
        shown,
        f"select lead_status, count(*) from mart_lead where source_system = '{kind}' group by 1",
    )
    assert dict(found) == connected.books[kind].leads_by_status


@pytest.mark.parametrize("kind", KINDS)
def test_opportunities_by_stage(
    connected: Connected, shown: duckdb.DuckDBPyConnection, kind: str
) -> None:
    book = connected.books[kind]
    where = f"from mart_opportunity where source_system = '{kind}'"
    found = _rows(shown, f"select funnel_stage, count(*), sum(amount) {where} group by 1")
    assert {stage: (count, amount) for stage, count, amount in found} == book.deals_by_stage
    if book.deals:
        dated = f"select count(*) {where} and (closed_at is not null) = is_closed"
        assert _rows(shown, dated) == [(len(book.deals),)]
        assert _rows(shown, f"select distinct currency {where}") == [(CURRENCIES[kind],)]
        assert _rows(shown, f"select count(*) {where} and rep_name is null") == [
            (1 if kind == "bottlecrm" else 0,)  # assigned to nobody
        ]


@pytest.mark.parametrize("kind", KINDS)
def test_orders_by_status(
    connected: Connected, shown: duckdb.DuckDBPyConnection, kind: str
) -> None:
    book = connected.books[kind]
    where = f"from mart_order where source_system = '{kind}'"
    found = _rows(
        shown,
        f"select order_status, count(*), coalesce(sum(net_amount), 0) {where} group by 1",
    )
    assert {status: (count, pytest.approx(amount)) for status, count, amount in found} == {
        status: (count, float(amount)) for status, (count, amount) in book.orders_by_status.items()
    }
    if book.orders:
        assert _rows(shown, f"select distinct currency {where}") == [(CURRENCIES[kind],)]
        assert _rows(shown, f"select count(*) {where} and account_name is null") == [(0,)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_funnel_of_the_page(
    connected: Connected, shown: duckdb.DuckDBPyConnection, kind: str
) -> None:
    stages = overview.funnel(shown, _only(kind), ALL_TIME)
    expected = connected.books[kind].count_reached
    assert {stage.funnel_stage: stage.count_reached for stage in stages or ()} == expected


@pytest.mark.parametrize("kind", KINDS)
def test_the_figures_of_the_page(
    connected: Connected, shown: duckdb.DuckDBPyConnection, kind: str
) -> None:
    expected = _figures(connected.books[kind])
    metrics = tuple(item for item in load_metrics(shown) if item.metric_id in expected)
    results = evaluate_many(shown, metrics, _only(kind), ALL_TIME)
    assert {
        name: [(value.currency, pytest.approx(value.value)) for value in result.values]
        for name, result in results.items()
    } == expected


def _only(kind: str) -> Selection:
    return (("source", (kind,)),)


def _figures(book: Book) -> dict[str, list[tuple[str | None, Any]]]:
    """What a page has to show of a book; nothing (unknown) of what the system does not keep."""
    currency = CURRENCIES.get(book.kind)
    stages, orders = book.deals_by_stage, book.orders_by_status
    waiting = sum((total for stage, (_, total) in stages.items() if stage not in ("won", "lost")),
                  Decimal(0))  # fmt: skip
    leads = sum(book.leads_by_status.values())
    return {
        "lead_count": [(None, leads)] if leads else [],
        "opportunity_count": [(None, len(book.deals))] if book.deals else [],
        "won_amount": [(currency, float(stages["won"][1]))] if book.deals else [],
        "open_pipeline_amount": [(currency, float(waiting))] if book.deals else [],
        "order_count": [(None, sum(n for n, _ in orders.values()))] if orders else [],
        "net_order_amount": (
            [(currency, float(sum(total for _, total in orders.values())))] if orders else []
        ),
    }


def test_people_and_firms(connected: Connected) -> None:
    with duckdb.connect(connected.settings.warehouse, read_only=True) as warehouse:
        firms = dict(
            _rows(warehouse, "select source_system, count(*) from core.dim_account group by 1")
        )
        assert firms == dict.fromkeys(KINDS, FIRMS)
        people = dict(
            _rows(warehouse, "select source_system, count(*) from core.dim_contact group by 1")
        )
        assert set(people) == set(KINDS) - {"kingdee", "sap_odata"}
        assert people["wecom"] == FIRMS
        reps = dict(_rows(warehouse, "select source_system, count(*) from core.dim_rep group by 1"))
        assert reps == {
            **dict.fromkeys(("hubspot", "salesforce", "odoo", "frappe", "fxiaoke", "bottlecrm"), 1),
            "wecom": 120,
        }
        touches = dict(
            _rows(warehouse, "select source_system, count(*) from core.fct_activity group by 1")
        )
        assert touches == {"hubspot": 3, "salesforce": 2, "wecom": 4}


def test_nothing_is_left_without_a_meaning(shown: duckdb.DuckDBPyConnection) -> None:
    assert _rows(shown, "select * from mart_unmatched_reference") == []
    assert _rows(shown, "select * from mart_unconverted_value") == []
    assert _rows(shown, "select * from mart_code_usage where code_status = 'unmapped'") == []


@pytest.mark.parametrize(
    ("kind", "language"),
    [("hubspot", "en"), ("salesforce", "zh"), ("odoo", "zh"), ("kingdee", "en"), ("wecom", "zh")],
)
def test_the_page_itself(
    connected: Connected,
    shown: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    language: str,
) -> None:
    page = overview_page(monkeypatch, connected.settings.home, source=kind, language=language)
    names = {item.metric_id: item.name(language) for item in load_metrics(shown)}
    for metric_id, values in _figures(connected.books[kind]).items():
        if values:
            assert page.figures[names[metric_id]] == Decimal(str(values[0][1])), metric_id
        else:
            assert names[metric_id] in page.unknown, metric_id
    stage_names = dict(_rows(shown, f"select funnel_stage, name_{language} from funnel_stage"))
    assert page.stages == {
        stage_names[stage]: count for stage, count in connected.books[kind].count_reached.items()
    }


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_sources_page_tells_of_all(
    connected: Connected, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    st.cache_data.clear()
    st.cache_resource.clear()
    app = open_page(monkeypatch, connected.settings.home, "sources", lang=language)
    loads = app.dataframe[0].value
    assert len(loads) == len(connected.receipts)
    assert set(loads["source_system"]) == set(KINDS)
    body = page_html(app)
    for kind in KINDS:
        assert text(f"source_kind.{kind}", language) in body
    assert set(loads["rows_gap"].dropna()) == {0}
