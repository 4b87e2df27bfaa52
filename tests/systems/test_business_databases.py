"""Odoo and ERPNext from their databases to the marts, with no setting but the kind and the URL.

No server of either can be had here: the tables and records are hand-written after their published
models, on real PostgreSQL and MariaDB. What has to come out was counted by hand in those files.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from dagster_project.connectors import check
from dagster_project.connectors.receipts import Receipt
from dagster_project.settings import Settings
from tests.integration.connectors.test_mysql import server as mariadb
from tests.integration.pipeline_run import build, load_all

__all__ = ["mariadb"]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
PASSWORD = "s3cret%2F%40word"
SOURCES = """
[[source]]
system = "odoo"
kind = "odoo_database"
url_env = "ODOO_URL"

[[source]]
system = "erpnext"
kind = "erpnext_database"
url_env = "ERPNEXT_URL"
time_zone = "Asia/Shanghai"
"""
MODELS = (
    "+mart_opportunity", "+mart_funnel_stage", "+mart_lead", "+mart_order", "+mart_order_line",
    "+fct_quote", "+fct_invoice", "+int_canonical__payments", "+dim_contact", "+mart_code_usage",
    "+mart_unmatched_reference", "+mart_unconverted_value",
)  # fmt: skip


class Warehouse:
    """What was loaded and built."""

    def __init__(self, settings: Settings, receipts: dict[tuple[str, str], Receipt]) -> None:
        self.settings = settings
        self.receipts = receipts

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(self.settings.warehouse, read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def warehouse(server: str, mariadb: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("business")
    odoo = server.removesuffix("/postgres") + "/odoo_17"
    _run(f"postgresql+psycopg2://owner:{PASSWORD}@{server}", ["create database odoo_17"])
    _run(f"postgresql+psycopg2://owner:{PASSWORD}@{odoo}", [_text("odoo_17.sql")])
    statements = [part for part in _text("erpnext_15.sql").split(";\n") if part.strip()]
    _run(f"mysql+pymysql://owner:{PASSWORD}@{mariadb}", statements)
    (folder / "sources.toml").write_text(SOURCES, encoding="utf-8")
    settings = Settings(home=folder / "home", sources=folder / "sources.toml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ODOO_URL", f"postgresql://owner:{PASSWORD}@{odoo}")
        patch.setenv("ERPNEXT_URL", f"mysql://owner:{PASSWORD}@{mariadb}")
        receipts = load_all(settings)
        build(settings, select=MODELS)
        yield Warehouse(settings, receipts)


def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _run(url: str, statements: list[str]) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%"))


def test_all_that_is_installed_is_loaded(warehouse: Warehouse) -> None:
    receipts = warehouse.receipts
    assert {receipt.status for receipt in receipts.values()} == {"loaded"}
    assert {key for key, receipt in receipts.items() if "not installed" in receipt.message_en} == {
        ("odoo", "mrp_production"),
        ("odoo", "stock_picking"),
        ("odoo", "stock_lot"),
        ("erpnext", "work_order"),
        ("erpnext", "delivery_note"),
        ("erpnext", "batch"),
    }
    assert all(
        receipt.rows_received > 0
        for receipt in receipts.values()
        if "not installed" not in receipt.message_en
    )
    assert sum(receipt.rows_rejected for receipt in receipts.values()) == 0


@pytest.mark.parametrize(
    ("kind", "module", "table"),
    [("odoo_database", "mrp", "crm_lead"), ("erpnext_database", "work", "lead")],
)
def test_the_check_counts_what_can_be_read_and_names_what_is_not_installed(
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    module: str,
    table: str,
) -> None:
    monkeypatch.setenv("SMH_HOME", str(warehouse.settings.home))
    monkeypatch.setenv("SMH_SOURCES", str(warehouse.settings.sources))
    assert check.main(kind, ["--check"]) == 0
    told = capsys.readouterr().out
    assert "lets us in" in told and "数据库连接成功" in told
    assert re.search(rf"{table} can be read; rows: [1-9]", told)
    assert "is not installed" in told and module in told.lower()
    assert "missing" not in told


def test_opportunities_with_their_stages(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "select opportunity_id, funnel_stage, amount, currency, account_name, rep_name "
        "from marts.mart_opportunity order by 1"
    )
    assert rows == [
        ("erpnext:O-1", "won", 1000.5, "CNY", "客户 Ltd", "Anna"),
        ("erpnext:O-2", "engaging", 500, "CNY", None, "Anna"),
        ("erpnext:O-3", "lost", 70, "CNY", "客户 Ltd", "Anna"),
        ("odoo:2", "won", 1000.5, "CNY", "客户 Ltd", "Anna Rep"),
        ("odoo:3", "lost", 500, "CNY", "客户 Ltd", "Anna Rep"),
        ("odoo:4", "proposal", 250, "CNY", "Archived Ltd", "Anna Rep"),
    ]


def test_stages_that_odoo_tracks(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "select opportunity_id, funnel_stage, cast(entered_at as date)::varchar "
        "from core.fct_opportunity_stage_event order by 1, entered_at"
    )
    assert rows == [
        ("odoo:2", "prospecting", "2026-02-01"),
        ("odoo:2", "engaging", "2026-02-05"),
        ("odoo:2", "won", "2026-02-10"),
        ("odoo:3", "engaging", "2026-02-01"),
        ("odoo:4", "prospecting", "2026-02-03"),
        ("odoo:4", "proposal", "2026-02-12"),
    ]


def test_orders_and_lines(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "select order_id, order_status, count_lines, net_amount, currency from marts.mart_order "
        "order by 1"
    )
    assert rows == [
        ("erpnext:SO-1", "confirmed", 2, 100.25, "CNY"),
        ("erpnext:SO-3", "cancelled", None, None, "CNY"),
        ("odoo:1", "confirmed", 2, 100.25, "CNY"),
        ("odoo:3", "cancelled", None, None, "CNY"),
    ]


def test_quotes_invoices_and_payments(warehouse: Warehouse) -> None:
    quotes = warehouse.rows("select quote_id, offered_price from core.fct_quote order by 1")
    assert quotes == [("erpnext:Q-1", 100.25), ("odoo:1", 100.25), ("odoo:2", 40), ("odoo:3", 7)]
    invoices = warehouse.rows("select invoice_id, amount from core.fct_invoice order by 1")
    assert invoices == [("erpnext:SI-1", 113.28), ("odoo:1", 113.28), ("odoo:2", -13.28)]
    payments = warehouse.rows(
        "select payment_id, account_id, amount, currency, cast(paid_at as date)::varchar "
        "from intermediate.int_canonical__payments order by 1"
    )
    assert payments == [
        ("erpnext:r1", "erpnext:客户", 100, "CNY", "2026-02-15"),
        ("odoo:1", "odoo:3", 100, "CNY", "2026-02-15"),
    ]


def test_leads_and_people(warehouse: Warehouse) -> None:
    leads = warehouse.rows("select lead_id, lead_status, channel from core.fct_lead order by 1")
    assert leads == [
        ("erpnext:LEAD-1", "converted", "web"),
        ("erpnext:LEAD-2", "new", "outbound"),
        ("odoo:1", "new", "web"),
        ("odoo:2", "converted", None),
        ("odoo:3", "lost", None),
        ("odoo:4", "converted", None),
    ]
    accounts = warehouse.rows(
        "select account_id, industry, web_domain, is_active from core.dim_account order by 1"
    )
    assert accounts == [
        ("erpnext:客户", "software", "www.c.example", True),
        ("odoo:3", None, "www.c.example", True),
        ("odoo:5", None, None, False),
    ]
    contacts = warehouse.rows(
        "select contact_id, contact_name, account_id from core.dim_contact order by 1"
    )
    assert contacts == [
        ("erpnext:P-客户", "P 王", "erpnext:客户"),
        ("odoo:4", "Person", "odoo:3"),
    ]


def test_nothing_is_left_without_a_meaning(warehouse: Warehouse) -> None:
    assert warehouse.rows("select * from marts.mart_unmatched_reference") == []
    assert warehouse.rows("select * from marts.mart_unconverted_value") == []


def test_keys_of_users_stay_where_they_are(warehouse: Warehouse) -> None:
    landed = list((warehouse.settings.raw / "erpnext" / "user").glob("*.parquet"))
    assert landed
    columns = {name for path in landed for name in pq.read_schema(path).names}
    assert "email" in columns and not {"api_key", "reset_password_key"} & columns
