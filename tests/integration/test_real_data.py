"""Golden tests on real data of third parties, loaded by configuration and rule rows alone.

Every expected number was published by others (see the README beside the data) or counted by hand
in the files; a warehouse that is right reproduces them.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from dagster_project.connectors.receipts import Receipt
from dagster_project.publishing import open_version, publish
from dagster_project.settings import REPO_ROOT, Settings
from streamlit_app.data.catalogue import Metric, load_metrics
from streamlit_app.data.filters import Period
from streamlit_app.data.metrics import Selection, evaluate, split
from tests.integration.pipeline_run import build, load_all

DATA = REPO_ROOT.parent / "shared" / "data"
SOURCES = Path(__file__).parent / "real_data" / "sources.toml"
ALL_TIME = Period("all", None, None)
WON_BY_MANAGER = {
    "Melvin Marxen": 2_251_930,
    "Summer Sewald": 1_964_750,
    "Rocco Neubert": 1_960_545,
    "Celia Rouche": 1_603_897,
    "Cara Losch": 1_130_049,
    "Dustin Brinkmann": 1_094_363,
}
WEB_STATUS = {200: 9126, 304: 445, 404: 213, 301: 164, 206: 45, 500: 3, 403: 2, 416: 2}

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the third-party data are not at {DATA}"),
]


@dataclass(frozen=True)
class RealHome:
    """A home in which the real data were loaded, built and published."""

    settings: Settings
    receipts: dict[tuple[str, str], Receipt]
    version_id: str


def _sources_file(folder: Path, *, only: str | None = None) -> Path:
    """The sources file with the place of the data put in, of all systems or of one."""
    text = SOURCES.read_text(encoding="utf-8").replace("DATA", DATA.as_posix())
    head, *sources = text.split("[[source]]")
    kept = [part for part in sources if only is None or f'system = "{only}"' in part]
    assert kept
    path = folder / "sources.toml"
    path.write_text("[[source]]".join([head, *kept]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> RealHome:
    folder = tmp_path_factory.mktemp("real_data")
    settings = Settings(home=folder, sources=_sources_file(folder))
    receipts = load_all(settings)
    build(settings)
    version = publish(settings, "golden", datetime(2026, 1, 1, tzinfo=UTC))
    return RealHome(settings, receipts, version.version_id)


@pytest.fixture
def warehouse(home: RealHome) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(home.settings.warehouse, read_only=True) as connection:
        yield connection


@pytest.fixture
def published(home: RealHome) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_version(home.settings, home.version_id) as connection:
        yield connection


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[object, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row


def _metric(connection: duckdb.DuckDBPyConnection, metric_id: str) -> Metric:
    found = [item for item in load_metrics(connection) if item.metric_id == metric_id]
    assert found, f"{metric_id} is not in the published catalogue"
    return found[0]


# ---- CRM ----


def test_every_row_of_the_crm_is_loaded(home: RealHome) -> None:
    rows = {key[1]: r.rows_loaded for key, r in home.receipts.items() if key[0] == "maven_crm"}
    assert rows == {"accounts": 85, "products": 7, "sales_teams": 35, "sales_pipeline": 8800}


def test_crm_dimensions_have_the_known_sizes(warehouse: duckdb.DuckDBPyConnection) -> None:
    for table, expected in {"dim_account": 85, "dim_product": 7, "dim_rep": 35}.items():
        sql = f"select count(*) from core.{table} where source_system = 'maven_crm'"
        assert _one(warehouse, sql) == (expected,), table
    teams = warehouse.execute(
        "select team_name from core.dim_team where source_system = 'maven_crm'"
    ).fetchall()
    assert {name for (name,) in teams} == set(WON_BY_MANAGER)


def test_opportunities_by_stage(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        """
        select funnel_stage, count(*), count(account_id)
        from marts.mart_opportunity where source_system = 'maven_crm' group by funnel_stage
        """
    ).fetchall()
    assert {stage: (count, with_account) for stage, count, with_account in rows} == {
        "won": (4238, 4238),
        "lost": (2473, 2473),
        "engaging": (1589, 501),
        "prospecting": (500, 163),
    }


def test_open_opportunities_without_account_are_unknown(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    sql = """
        select count(*), count(account_name), count(amount)
        from marts.mart_opportunity
        where source_system = 'maven_crm' and is_open and account_id is null
    """
    assert _one(warehouse, sql) == (1425, 0, 0)


def test_lost_opportunities_have_amount_zero_as_the_source_states(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    sql = """
        select min(amount), max(amount), count(won_amount)
        from marts.mart_opportunity where source_system = 'maven_crm' and is_lost
    """
    assert _one(warehouse, sql) == (0, 0, 0)


def test_subsidiaries_make_a_hierarchy(warehouse: duckdb.DuckDBPyConnection) -> None:
    sql = """
        select count(*), count(parent.account_id)
        from core.dim_account as child
        left join core.dim_account as parent on child.parent_account_id = parent.account_id
        where child.source_system = 'maven_crm' and child.parent_account_id is not null
    """
    with (DATA / "crm_maven" / "accounts.csv").open(encoding="utf-8") as file:
        expected = sum(1 for row in csv.DictReader(file) if row["subsidiary_of"])
    assert expected > 0
    assert _one(warehouse, sql) == (expected, expected)


def test_misspelt_sector_is_mapped_and_shown(warehouse: duckdb.DuckDBPyConnection) -> None:
    sql = """
        select canonical_code, code_status, count_rows from marts.mart_code_usage
        where source_system = 'maven_crm' and source_code = 'technolgy'
    """
    assert _one(warehouse, sql) == ("technology", "mapped", 12)


def test_product_alias_is_resolved_and_shown(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert _one(
        warehouse,
        """
        select field_name, canonical_code, code_status, count_rows from marts.mart_code_usage
        where source_system = 'maven_crm' and source_code = 'GTXPro'
        """,
    ) == ("product_id", "GTX Pro", "alias", 1480)
    assert _one(
        warehouse,
        """
        select count(*) from marts.mart_opportunity
        where source_system = 'maven_crm' and product_name = 'GTX Pro'
        """,
    ) == (1480,)
    assert _one(warehouse, "select count(*) from marts.mart_unmatched_reference") == (0,)


def test_without_the_alias_row_the_1480_rows_are_listed(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds"
    shutil.copytree(REPO_ROOT / "seeds", seeds)
    rows = (seeds / "code_mapping.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [row for row in rows if not row.startswith("maven_crm,product,GTXPro,")]
    assert len(kept) == len(rows) - 1
    (seeds / "code_mapping.csv").write_text("".join(kept), encoding="utf-8")
    folder = tmp_path / "home"
    folder.mkdir()
    settings = Settings(home=folder, seeds=seeds, sources=_sources_file(folder, only="maven_crm"))
    load_all(settings)
    build(
        settings,
        select=["+mart_unmatched_reference", "+mart_opportunity", "+mart_object_coverage"],
    )
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        unmatched = connection.execute(
            """
            select source_system, object_name, field_name, referenced_object, missing_value,
                count_rows
            from marts.mart_unmatched_reference
            """
        ).fetchall()
        unnamed = _one(
            connection, "select count(*) from marts.mart_opportunity where product_name is null"
        )
    expected = ("maven_crm", "opportunity", "product_id", "product", "maven_crm:GTXPro", 1480)
    assert unmatched == [expected]
    # Nothing is lost and nothing is called "other": the rows stay, their product is unknown.
    assert unnamed == (1480,)


def test_won_amount_by_manager_and_agent(published: duckdb.DuckDBPyConnection) -> None:
    metric = _metric(published, "won_amount")
    crm: Selection = (("source", ("maven_crm",)),)
    by_team = split(published, metric, crm, ALL_TIME, "team")
    assert {key: value.value for key, _, value in by_team} == WON_BY_MANAGER
    by_rep = split(published, metric, crm, ALL_TIME, "rep")
    best = max(by_rep, key=lambda entry: entry[2].value or 0)
    assert (best[1], best[2].value) == ("Darcel Schlecht", 1_153_214)


def test_won_amount_by_manager_in_the_mart(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        """
        select team_name, sum(won_amount) from marts.mart_opportunity
        where source_system = 'maven_crm' group by team_name
        """
    ).fetchall()
    assert dict(rows) == WON_BY_MANAGER
    assert sum(WON_BY_MANAGER.values()) == 10_005_534


def test_cycle_days_in_the_mart(warehouse: duckdb.DuckDBPyConnection) -> None:
    sql = """
        select count(cycle_days), round(avg(cycle_days), 2), median(cycle_days)
        from marts.mart_opportunity where source_system = 'maven_crm'
    """
    assert _one(warehouse, sql) == (4238, 51.78, 57)


def test_funnel_is_whole_although_prospecting_is_not_recorded(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    rows = warehouse.execute(
        """
        select funnel_stage, count(*), count(*) filter (where is_recorded)
        from marts.mart_funnel_stage where source_system = 'maven_crm' group by funnel_stage
        """
    ).fetchall()
    assert {stage: counts for stage, *counts in rows} == {
        "prospecting": [8800, 500],
        "engaging": [8300, 8300],
        "won": [4238, 4238],
        "lost": [2473, 2473],
    }


def test_opportunity_versions_start_with_the_first_load(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    sql = """
        select count(*), count(distinct opportunity_id), count(valid_to)
        from intermediate.int_history__opportunity_versions
    """
    assert _one(warehouse, sql) == (8800, 8800, 0)


# ---- ERP ----


def test_order_lines_in_the_mart(warehouse: duckdb.DuckDBPyConnection) -> None:
    sql = """
        select
            count(*),
            count(distinct order_id),
            count(distinct customer_id),
            count(*) filter (where customer_id is null),
            count(*) filter (where is_cancellation),
            round(sum(net_amount), 3),
            round(sum(net_amount) filter (where country = 'United Kingdom'), 3)
        from marts.mart_order_line where source_system = 'online_retail'
    """
    expected = (541_909, 25_900, 4_372, 135_080, 9_288, 9_747_747.934, 8_187_806.364)
    assert _one(warehouse, sql) == pytest.approx(expected, abs=0.0005)


def test_orders_in_the_mart(warehouse: duckdb.DuckDBPyConnection) -> None:
    sql = """
        select count(*), count(distinct customer_id), sum(count_lines), round(sum(net_amount), 3)
        from marts.mart_order where source_system = 'online_retail'
    """
    assert _one(warehouse, sql) == pytest.approx((25_900, 4_372, 541_909, 9_747_747.934), abs=0.001)


# ---- Web ----


def test_web_requests_by_status(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        """
        select status, sum(count_requests) from marts.mart_web_day
        where source_system = 'web_apache' group by status
        """
    ).fetchall()
    assert dict(rows) == WEB_STATUS
    assert sum(WEB_STATUS.values()) == 10_000


def test_web_totals_in_the_marts(warehouse: duckdb.DuckDBPyConnection) -> None:
    for sql, expected in {
        "select sum(count_bytes) from marts.mart_web_day": 2_747_282_740,
        "select count(*) from marts.mart_web_address": 1_753,
        "select count(distinct visitor_address) from marts.mart_web_address_day": 1_753,
        "select count(*) from marts.mart_web_visitor_day": 2_095,
    }.items():
        assert _one(warehouse, f"{sql} where source_system = 'web_apache'") == (expected,), sql


def test_whole_web_log_is_loaded(home: RealHome) -> None:
    receipt = home.receipts["web_apache", "requests"]
    assert (receipt.rows_received, receipt.rows_loaded, receipt.rows_rejected) == (
        10_000,
        10_000,
        0,
    )


def test_broken_lines_are_quarantined_with_reason(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        """
        select source_row, raw_text, reason_en, reason_zh from marts.mart_quarantined_row
        where source_system = 'web_faults' order by source_row
        """
    ).fetchall()
    assert [(line, text) for line, text, *_ in rows] == [
        (3, "Error line 1"),
        (12, "Error line 2"),
        (21, "Error line 3"),
        (22, "Error line 4"),
    ]
    assert all(reason_en and reason_zh for *_, reason_en, reason_zh in rows)


def test_binary_lines_of_the_latin1_log_are_quarantined(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    sql = """
        select count(*), min(source_row), max(source_row), count(distinct source_row)
        from marts.mart_quarantined_row where source_system = 'web_latin1'
    """
    assert _one(warehouse, sql) == (31, 170, 200, 31)


@pytest.mark.parametrize("system", ["web_faults", "web_latin1"])
def test_every_other_line_is_loaded(
    home: RealHome, warehouse: duckdb.DuckDBPyConnection, system: str
) -> None:
    receipt = home.receipts[system, "requests"]
    loaded = _one(
        warehouse,
        f"select sum(count_requests) from marts.mart_web_day where source_system = '{system}'",
    )
    assert loaded == (receipt.rows_loaded,)
    assert receipt.rows_received == receipt.rows_loaded + receipt.rows_rejected
    folder = DATA / "web_malformed"
    name = {
        "web_faults": "combined_with_errors.log",
        "web_latin1": "combined_latin1_enc.log",
    }[system]
    # The last line of a file may lack its line end.
    lines = (folder / name).read_bytes().removesuffix(b"\n").split(b"\n")
    assert receipt.rows_received == len(lines)


# ---- The same numbers through the metric catalogue ----

CRM: Selection = (("source", ("maven_crm",)),)
ERP: Selection = (("source", ("online_retail",)),)
WEB: Selection = (("source", ("web_apache",)),)
METRICS = [
    ("opportunity_count", CRM, None, 8_800),
    ("won_opportunity_count", CRM, None, 4_238),
    ("lost_opportunity_count", CRM, None, 2_473),
    ("open_opportunity_count", CRM, None, 2_089),
    ("won_amount", CRM, "USD", 10_005_534),
    ("win_rate_of_closed", CRM, None, 0.6315),
    ("win_rate_of_all", CRM, None, 0.4816),
    ("won_cycle_days_mean", CRM, None, 51.78),
    ("won_cycle_days_median", CRM, None, 57),
    ("order_line_count", ERP, None, 541_909),
    ("order_count", ERP, None, 25_900),
    ("customer_count", ERP, None, 4_372),
    ("order_lines_without_customer_count", ERP, None, 135_080),
    ("cancelled_order_line_count", ERP, None, 9_288),
    ("net_order_amount", ERP, "GBP", 9_747_747.934),
    ("web_request_count", WEB, None, 10_000),
    ("web_bytes", WEB, None, 2_747_282_740),
    ("web_address_count", WEB, None, 1_753),
    ("web_visitor_count", WEB, None, 2_095),
    ("quarantined_row_count", (), None, 35),
]


@pytest.mark.parametrize(
    ("metric_id", "selection", "currency", "expected"), METRICS, ids=[m[0] for m in METRICS]
)
def test_metric(
    published: duckdb.DuckDBPyConnection,
    metric_id: str,
    selection: Selection,
    currency: str | None,
    expected: float,
) -> None:
    result = evaluate(published, _metric(published, metric_id), selection, ALL_TIME)
    assert result.unknown is None
    assert [value.currency for value in result.values] == [currency]
    # As precise as the number was published.
    digits = len(str(expected).partition(".")[2])
    value = result.values[0].value
    assert value is not None and round(value, digits) == expected


def test_win_rates_carry_their_numerator_and_denominator(
    published: duckdb.DuckDBPyConnection,
) -> None:
    for metric_id, denominator in {
        "win_rate_of_closed": 4_238 + 2_473,
        "win_rate_of_all": 8_800,
    }.items():
        value = evaluate(published, _metric(published, metric_id), CRM, ALL_TIME).values[0]
        assert (value.numerator, value.denominator) == (4_238, denominator), metric_id


@pytest.mark.parametrize(
    "metric_id",
    [
        "lead_count",
        "lead_conversion_ratio",
        "lead_response_minutes_median",
        "lead_to_signature_days_median",
        "automatic_capture_ratio",
        "activity_count",
    ],
)
def test_what_no_source_delivers_is_unknown_not_zero(
    published: duckdb.DuckDBPyConnection, metric_id: str
) -> None:
    result = evaluate(published, _metric(published, metric_id), (), ALL_TIME)
    assert (result.values, result.unknown) == ((), "object")


def test_pipeline_without_amounts_is_unknown_not_zero(
    published: duckdb.DuckDBPyConnection,
) -> None:
    result = evaluate(published, _metric(published, "open_pipeline_amount"), CRM, ALL_TIME)
    assert all(value.value is None for value in result.values)
