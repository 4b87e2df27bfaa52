"""The project's own dbt tests: they pass on clean data and fail on data with one fault each."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from dagster_project.settings import REPO_ROOT, Settings
from tests.integration.pipeline_run import build, dbt, load_all

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

SOURCES = """
as_of = 2026-06-30

[[source]]
system = "small_crm"
kind = "files"
mapping_set = "maven_crm"
location = "{here}/crm"
currency = "USD"

    [[source.table]]
    name = "accounts"
    glob = "accounts.csv"
    primary_key = ["account"]
    shrink_ratio = 0

    [[source.table]]
    name = "products"
    glob = "products.csv"
    primary_key = ["product"]

    [[source.table]]
    name = "sales_teams"
    glob = "sales_teams.csv"
    primary_key = ["sales_agent"]

    [[source.table]]
    name = "sales_pipeline"
    glob = "sales_pipeline.csv"
    primary_key = ["opportunity_id"]
    shrink_ratio = 0
"""
TABLES = {
    "accounts": (
        "account,sector,year_established,revenue,employees,office_location,subsidiary_of",
        "Acme,technolgy,1996,1100.04,2822,Kenya,",
        "Beta,medical,1999,251.41,495,Japan,Acme",
        "Gone,retail,2001,1.5,10,Japan,",
    ),
    "products": ("product,series,sales_price", "GTX Pro,GTX,4821"),
    "sales_teams": (
        "sales_agent,manager,regional_office",
        "Ann Li,Maria,East",
        "Bo Chen,Maria,East",
        "Cy Wu,Omar,West",
    ),
    "sales_pipeline": (
        "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value",
        "A1,Ann Li,GTX Pro,Acme,Won,2026-01-05,2026-03-06,4000",
        "A2,Bo Chen,GTXPro,Beta,Lost,2026-02-01,2026-02-11,0",
        "A3,Bo Chen,GTX Pro,,Engaging,2026-05-01,,",
        "A4,Cy Wu,GTX Pro,Gone,Prospecting,,,",
        "A5,Cy Wu,GTX Pro,Acme,Won,2026-01-10,2026-02-09,5000",
    ),
}
# Test → the fault that it must find.
FAULTS = {
    "primary_key_fct_invoice_invoice_id": """
        insert into core.fct_invoice (invoice_id, source_system)
        values ('erp:1', 'erp'), ('erp:1', 'erp')
    """,
    "primary_key_fct_quote_quote_id": """
        insert into core.fct_quote (quote_id, source_system) values (null, 'crm')
    """,
    "unique_together_mart_web_address_source_system__visitor_address": """
        insert into marts.mart_web_address (source_system, visitor_address, count_requests)
        values ('web', '10.0.0.1', 1), ('web', '10.0.0.1', 1)
    """,
    "never_empty_mart_web_session_source_system__period_date__visitor_id": """
        insert into marts.mart_web_session (session_id, source_system, period_date)
        values ('web:1', 'web', date '2026-01-01')
    """,
    "never_negative_mart_web_day_count_requests__count_error_requests__count_bytes": """
        insert into marts.mart_web_day (web_day_id, source_system, count_error_requests)
        values ('web:2026-01-02:200', 'web', -1)
    """,
    "non_negative_mart_opportunity_cycle_days": """
        update marts.mart_opportunity set cycle_days = -1 where opportunity_id = 'small_crm:A1'
    """,
    "reference_found_or_listed_fct_opportunity_owner_rep_id__opportunity__ref_dim_rep_": """
        update core.fct_opportunity set owner_rep_id = 'small_crm:Nobody'
        where opportunity_id = 'small_crm:A1'
    """,
    "assert_facts_keep_every_canonical_row": """
        delete from core.fct_opportunity where opportunity_id = 'small_crm:A3'
    """,
    "assert_marts_keep_every_fact_row": """
        update marts.mart_opportunity set won_amount = won_amount * 2
        where opportunity_id = 'small_crm:A5'
    """,
    "assert_orders_add_up_to_lines": """
        insert into marts.mart_order (order_id, source_system, count_lines, net_amount)
        values ('erp:1', 'erp', 3, 10)
    """,
    "assert_stage_days_sum_to_cycle": """
        update core.fct_opportunity set cycle_days = cycle_days + 1
        where opportunity_id = 'small_crm:A5'
    """,
    "assert_funnel_narrows": """
        delete from marts.mart_funnel_stage
        where funnel_stage = 'prospecting' and opportunity_id <> 'small_crm:A1'
    """,
    "assert_web_days_add_up": """
        insert into marts.mart_web_day (web_day_id, source_system, count_requests)
        values ('web:2026-01-01:200', 'web', 7)
    """,
    "assert_intent_hits_cite_rows": """
        insert into core.fct_intent_signal_hit (signal_hit_id, count_evidence)
        values ('hit without a row', 1)
    """,
    "assert_intent_scores_add_up": """
        insert into core.fct_intent_score_day (intent_score_day_id, score_points)
        values ('score without factors', 1)
    """,
    "assert_relationship_factors_give_indices": """
        insert into core.fct_relationship_index_day
            (relationship_index_day_id, customer_id, index_date, basis, depth_points)
        values ('index without factors', 'crm:1', date '2026-01-01', 'as_defined', 50)
    """,
    "assert_scorecard_contributions_add_up": """
        insert into marts.mart_scorecard_family_week
            (family_week_id, family, week_start, attainment_points)
        values ('family without metrics', 'technical', date '2020-01-06', 50)
    """,
}
WARNINGS = {
    "assert_leads_are_answered_after_creation": """
        insert into core.fct_lead (lead_id, source_system, created_at, first_response_at)
        values ('crm:1', 'crm', timestamp '2026-01-02', timestamp '2026-01-01')
    """,
    "assert_days_are_in_the_calendar": """
        update marts.mart_opportunity set period_date = date '1970-01-01'
        where opportunity_id = 'small_crm:A2'
    """,
}


def _write_tables(folder: Path, without: str = "") -> None:
    folder.mkdir(exist_ok=True)
    for name, lines in TABLES.items():
        kept = [line for line in lines if not without or without not in line.split(",")]
        (folder / f"{name}.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("small")
    _write_tables(folder / "crm")
    (folder / "sources.toml").write_text(SOURCES, encoding="utf-8")
    settings = Settings(home=folder, sources=folder / "sources.toml")
    receipts = load_all(settings)
    assert {receipt.status for receipt in receipts.values()} == {"loaded"}
    build(settings)
    return settings


def _results(settings: Settings) -> dict[str, str]:
    """Status of each test of the last dbt run, by the test's name."""
    results = json.loads((settings.dbt_artifacts / "run_results.json").read_text())["results"]
    manifest = json.loads((settings.dbt_artifacts / "manifest.json").read_text())["nodes"]
    return {
        manifest[result["unique_id"]]["name"]: result["status"]
        for result in results
        if result["unique_id"].startswith("test.")
    }


def test_every_test_passes_on_clean_data(clean: Settings) -> None:
    results = _results(clean)
    assert {*FAULTS, *WARNINGS} <= set(results)
    assert set(results.values()) == {"pass"}


def test_each_test_finds_its_fault(clean: Settings, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(clean.home, home)
    settings = Settings(home=home, sources=home / "sources.toml")
    with duckdb.connect(settings.warehouse) as connection:
        for statement in [*FAULTS.values(), *WARNINGS.values()]:
            changed = connection.execute(statement).fetchone()
            assert changed is not None and changed[0] > 0, statement
    run = dbt(settings, "test", "--select", *FAULTS, *WARNINGS)
    assert run.code == 1
    assert _results(settings) == {
        **dict.fromkeys(FAULTS, "fail"),
        **dict.fromkeys(WARNINGS, "warn"),
    }


def test_every_singular_test_is_proven() -> None:
    names = {path.stem for path in (REPO_ROOT / "dbt" / "tests" / "singular").glob("*.sql")}
    assert names <= {*FAULTS, *WARNINGS}


def test_what_disappears_from_the_source_leaves_the_facts_but_not_the_history(
    clean: Settings, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(clean.home, home)
    settings = Settings(home=home, sources=home / "sources.toml")
    _write_tables(home / "crm", without="Gone")
    receipts = load_all(settings)
    assert receipts["small_crm", "accounts"].rows_deleted == 1
    assert receipts["small_crm", "sales_pipeline"].rows_deleted == 1
    build(settings, select=["+mart_opportunity", "+int_history__opportunity_versions"])
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        accounts = connection.execute("select account_name from core.dim_account").fetchall()
        opportunities = connection.execute(
            "select opportunity_id from marts.mart_opportunity order by opportunity_id"
        ).fetchall()
        versions = connection.execute(
            """
            select version_number, funnel_stage, is_deleted, valid_to is null
            from intermediate.int_history__opportunity_versions
            where opportunity_id = 'small_crm:A4' order by version_number
            """
        ).fetchall()
    assert sorted(accounts) == [("Acme",), ("Beta",)]
    assert [key for (key,) in opportunities] == [f"small_crm:A{n}" for n in (1, 2, 3, 5)]
    assert [(number, deleted, current) for number, _, deleted, current in versions] == [
        (1, False, False),
        (2, True, True),
    ]
    assert versions[0][1] == "prospecting"
