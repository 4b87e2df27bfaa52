"""A real Tryton on PostgreSQL, from its database to the marts and the page that shows them.

What has to come out is asked of Tryton itself, through its own models (tryton_records.py).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

from dagster_project.connectors.check import check_source, exit_code
from dagster_project.connectors.receipts import Receipt
from dagster_project.connectors.sources_file import load_sources
from dagster_project.settings import Settings
from tests.integration.pipeline_run import build_and_publish, dbt, load_all
from tests.integration.shown_page import overview_page
from tests.systems.tryton_server import Tryton, install

pytestmark = [pytest.mark.systems, pytest.mark.timeout(1800)]

SOURCE = """
[[source]]
system = "erp"
kind = "tryton"
url_env = "TRYTON_URL"
"""
MODELS = (
    "mart_opportunity", "mart_funnel_stage", "mart_lead", "mart_order", "mart_order_line",
    "fct_quote", "fct_invoice", "int_canonical__payments", "int_canonical__production_orders",
    "int_canonical__shipments", "int_canonical__inventory_batches", "mart_code_usage",
    "mart_unmatched_reference", "mart_unconverted_value",
)  # fmt: skip
FUNNEL = {
    "lead": "prospecting",
    "opportunity": "engaging",
    "converted": "proposal",
    "won": "won",
    "lost": "lost",
    "cancelled": "lost",
}
NO_ORDER = ("draft", "quotation")


@dataclass
class Chain:
    """The way from Tryton's database to the warehouse, and what Tryton says of its records."""

    settings: Settings
    receipts: dict[str, Receipt]
    told: dict[str, Any]

    def one(self, sql: str) -> tuple[Any, ...]:
        row = self.rows(sql)[0]
        return row

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(self.settings.warehouse, read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def tryton(systems: Path, server: str) -> Tryton:
    return install(systems, server)


@pytest.fixture(scope="module")
def work(tryton: Tryton) -> str:
    """Name of the database of a company at work."""
    tryton.database("work", "first")
    return "work"


@pytest.fixture(scope="module")
def environment() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def settings(
    tryton: Tryton,
    work: str,
    environment: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Settings:
    environment.setenv("TRYTON_URL", f"{tryton.url}/{work}")
    folder = tmp_path_factory.mktemp("tryton")
    (folder / "sources.toml").write_text(SOURCE, encoding="utf-8")
    return Settings(home=folder / "home", sources=folder / "sources.toml")


@pytest.fixture(scope="module", params=["first", "second"])
def chain(request: pytest.FixtureRequest, tryton: Tryton, work: str, settings: Settings) -> Chain:
    """After the first load, and after Tryton worked on and was loaded again."""
    if request.param == "second":
        tryton.records("second", work)
    receipts = {table: receipt for (_, table), receipt in load_all(settings).items()}
    build_and_publish(settings, also=MODELS)
    return Chain(settings, receipts, json.loads(tryton.records("answers", work)))


def test_every_table_is_loaded_and_nothing_is_refused(chain: Chain) -> None:
    assert {r.status for r in chain.receipts.values()} <= {"loaded", "unchanged"}
    assert sum(r.rows_rejected for r in chain.receipts.values()) == 0
    assert len(chain.receipts) == 14
    assert chain.rows("select * from marts.mart_unmatched_reference") == []
    assert chain.rows("select * from marts.mart_unconverted_value") == []


def test_the_models_keep_their_promises(chain: Chain) -> None:
    run = dbt(
        chain.settings, "test", "--select", *(f"+{name}" for name in MODELS),
        "--indirect-selection", "cautious", "--exclude", "resource_type:unit_test",
    )  # fmt: skip
    assert run.code == 0, run.output


def test_opportunities_by_state(chain: Chain) -> None:
    expected: dict[str, list[Any]] = defaultdict(lambda: [0, Decimal(0)])
    for state, (count, amount) in chain.told["opportunities"].items():
        expected[FUNNEL[state]][0] += count
        expected[FUNNEL[state]][1] += Decimal(amount)
    rows = chain.rows(
        "select funnel_stage, count(*), coalesce(sum(amount), 0) from marts.mart_opportunity "
        "group by 1"
    )
    assert {stage: [n, pytest.approx(float(total))] for stage, (n, total) in expected.items()} == {
        stage: [count, amount] for stage, count, amount in rows
    }
    leads = sum(count for count, _ in chain.told["opportunities"].values())
    assert chain.one("select count(*), count(distinct lead_id) from marts.mart_lead") == (
        leads,
        leads,
    )


def test_the_funnel_holds_every_stage_that_tryton_remembers(chain: Chain) -> None:
    entries = Counter(FUNNEL[state] for states in chain.told["stages"].values() for state in states)
    rows = chain.rows(
        "select e.funnel_stage, count(*) from core.fct_opportunity_stage_event as e "
        "inner join core.fct_opportunity as o using (opportunity_id) group by 1"
    )
    assert dict(rows) == dict(entries)
    recorded = chain.one(
        "select count(*) filter (where not is_recorded and funnel_stage = 'prospecting') "
        "from marts.mart_funnel_stage"
    )
    assert recorded == (0,)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_shows_what_tryton_holds(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    page = overview_page(monkeypatch, chain.settings.home, source="erp", language=language)
    opportunities, sales = chain.told["opportunities"], chain.told["sales"]
    standing = {state for state in sales if state not in (*NO_ORDER, "cancelled")}
    expected = {
        "lead_count": _count(opportunities, opportunities),
        "opportunity_count": _count(opportunities, opportunities),
        "won_amount": _sum(opportunities, {"won"}),
        "open_pipeline_amount": _sum(opportunities, {"lead", "opportunity", "converted"}),
        "order_count": _count(sales, {state for state in sales if state not in NO_ORDER}),
        "net_order_amount": _sum(sales, standing),
    }
    names = dict(chain.rows(f"select metric_id, name_{language} from rules.metric_catalogue"))
    assert {metric: page.figures[names[metric]] for metric in expected} == expected
    reached = Counter(
        stage
        for states in chain.told["stages"].values()
        for stage in {FUNNEL[state] for state in states}
    )
    stages = dict(chain.rows(f"select funnel_stage, name_{language} from rules.funnel_stage"))
    assert page.stages == {stages[stage]: count for stage, count in reached.items()}


def _count(records: dict[str, list[Any]], states: Iterable[str]) -> Decimal:
    return sum((Decimal(records[state][0]) for state in states if state in records), Decimal(0))


def _sum(records: dict[str, list[Any]], states: Iterable[str]) -> Decimal:
    total = sum((Decimal(records[state][1]) for state in states if state in records), Decimal(0))
    return total.quantize(Decimal("0.01"))


def test_orders_by_state(chain: Chain) -> None:
    expected: dict[str, list[Any]] = defaultdict(lambda: [0, Decimal(0)])
    code = {"processing": "confirmed"}
    for state, (count, amount) in chain.told["sales"].items():
        if state not in NO_ORDER:
            entry = expected[code.get(state, state)]
            entry[0] += count
            entry[1] += Decimal(amount) if state != "cancelled" else 0
    rows = chain.rows(
        "select order_status, count(*), coalesce(sum(net_amount), 0) from marts.mart_order "
        "group by 1"
    )
    assert {state: [count, amount] for state, count, amount in rows} == {
        state: [count, pytest.approx(float(amount))] for state, (count, amount) in expected.items()
    }


def test_every_order_has_the_amount_that_tryton_shows(chain: Chain) -> None:
    """Not only in sum: rounding line by line, halves to even, must agree for each."""
    standing = {str(sale) for sale, state, _ in chain.told["lines"].values()
                if state not in (*NO_ORDER, "cancelled")}  # fmt: skip
    rows = chain.rows(
        "select order_id, net_amount from marts.mart_order where net_amount is not null"
    )
    assert {order.removeprefix("erp:"): f"{amount:.2f}" for order, amount in rows} == {
        sale: chain.told["untaxed_amounts"][sale] for sale in standing
    }
    lines = chain.rows("select order_line_id, net_amount from marts.mart_order_line")
    assert {line.removeprefix("erp:"): f"{amount:.2f}" for line, amount in lines} == {
        line: amount
        for line, (_, state, amount) in chain.told["lines"].items()
        if state not in (*NO_ORDER, "cancelled")
    }


def test_invoices_and_payments(chain: Chain) -> None:
    sent = [chain.told["invoices"].get(state, [0, "0"]) for state in ("posted", "paid")]
    assert chain.one("select count(*), sum(amount) from core.fct_invoice") == (
        sum(count for count, _ in sent),
        pytest.approx(float(sum(Decimal(amount) for _, amount in sent))),
    )
    paid = chain.one("select sum(amount) from intermediate.int_canonical__payments")
    assert paid == (pytest.approx(float(chain.told["paid"])),)


def test_productions_shipments_and_lots(chain: Chain) -> None:
    code = {"done": "finished", "running": "running"}
    expected: Counter[str] = Counter()
    for state, (count, _) in chain.told["productions"].items():
        expected[code.get(state, "planned")] += count
    rows = chain.rows(
        "select production_status, count(*) from intermediate.int_canonical__production_orders "
        "group by 1"
    )
    assert dict(rows) == dict(expected)
    shipments = sum(count for state, (count, _) in chain.told["shipments"].items()
                    if state != "cancelled")  # fmt: skip
    assert chain.one(
        "select count(*), count(order_id) from intermediate.int_canonical__shipments"
    ) == (shipments, shipments)
    lots = chain.one(
        "select count(*), sum(quantity) from intermediate.int_canonical__inventory_batches"
    )
    assert lots == (len(chain.told["lots"]), pytest.approx(sum(chain.told["lots"].values())))


def test_people_and_customers(chain: Chain) -> None:
    names = "select count(*) from core.{} where source_system = 'erp'"
    assert chain.one(names.format("dim_account")) == (chain.told["parties"],)
    assert chain.one(names.format("dim_rep")) == (chain.told["employees"],)


def test_every_code_of_tryton_is_mapped(chain: Chain) -> None:
    rows = chain.rows(
        "select field_name, source_code from marts.mart_code_usage where code_status = 'unmapped'"
    )
    assert rows == []


def test_the_check_finds_everything(settings: Settings) -> None:
    source = load_sources(settings).source("erp")
    findings = check_source(source)
    assert exit_code(findings) == 0, findings
    assert len(findings) == 15  # the connection and 14 tables


def test_what_a_long_transaction_commits_late_is_not_lost(
    tryton: Tryton, work: str, settings: Settings
) -> None:
    """Tryton's times are those at which a transaction started: the row hides behind the cursor."""
    load_all(settings)
    with psycopg2.connect(f"{tryton.url}/{work}") as slow, slow.cursor() as late:
        late.execute(
            "update sale_opportunity set description = 'committed late', "
            "write_date = current_timestamp at time zone 'utc' "
            "where id = (select min(id) from sale_opportunity)"
        )
        tryton.records("second", work)
        load_all(settings)
    receipts = load_all(settings)
    assert receipts["erp", "sale_opportunity"].rows_loaded == 1
    with duckdb.connect() as connection:
        landed = connection.execute(
            "select count(*) from read_parquet(?, union_by_name = true) "
            "where description = 'committed late'",
            [str(settings.raw / "erp" / "sale_opportunity" / "*.parquet")],
        ).fetchone()
    assert landed == (1,)


def test_a_module_that_is_not_installed_is_told_and_left_alone(
    tryton: Tryton, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRYTON_URL", f"{tryton.url}/postgres")
    (tmp_path / "sources.toml").write_text(SOURCE, encoding="utf-8")
    settings = Settings(home=tmp_path / "home", sources=tmp_path / "sources.toml")
    receipts = load_all(settings)
    assert {receipt.status for receipt in receipts.values()} == {"loaded"}
    assert {receipt.rows_received for receipt in receipts.values()} == {0}
    told = receipts["erp", "production"]
    assert "production is not installed in erp" in told.message_en
    assert "未安装 production" in told.message_zh
    findings = check_source(load_sources(settings).source("erp"))
    assert exit_code(findings) == 1
