"""From `make demo` to a published version, a second load, a held-back version and a roll-back.

The tests build on each other in file order: each takes the same workspace one step further.
"""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from dagster_project.connectors.sources_file import AccessLogSource, load_sources
from dagster_project.defs import keys
from dagster_project.defs.automation import log_state
from dagster_project.defs.build import build_definitions
from dagster_project.demo_company import advance
from dagster_project.publishing import current_version, publishing_status
from dagster_project.settings import Settings
from tests.integration.demo_run import CommandResult, answer_key, command, published
from tests.integration.visitor_truths import visitor_differences

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def first(settings: Settings) -> CommandResult:
    return command(settings, "demo", "--size", "tiny", "--no-serve")


def test_demo_ends_with_a_published_version(first: CommandResult, settings: Settings) -> None:
    assert first.code == 0, first.output
    assert "load_demo_crm: done" in first.output
    assert "make dashboard" in first.output
    version = current_version(settings)
    assert version is not None
    assert version.as_of.isoformat() == "2026-06-30"
    assert version.checks["failed_error"] == 0
    assert version.checks["passed"] > 100


def test_published_figures_equal_the_sources(first: CommandResult, settings: Settings) -> None:
    assert first.code == 0, first.output
    totals = answer_key(settings.home)["totals"]
    leads = totals["leads"]
    assert published(
        settings, "select count(*), sum(has_response::int), sum(is_converted::int) from mart_lead"
    ) == [(leads["current"], leads["answered"], leads["converted"])]
    deals = totals["deals"]
    assert published(
        settings,
        "select count(*), sum(is_won::int), sum(is_lost::int) from mart_opportunity",
    ) == [(deals["count"], deals["won"], deals["lost"])]
    won = dict(
        published(
            settings,
            "select currency, sum(won_amount) from mart_opportunity where is_won group by 1",
        )
    )
    assert {k: float(v) for k, v in won.items()} == pytest.approx(deals["won_amount_by_currency"])
    net = dict(
        published(settings, "select currency, sum(net_amount) from mart_order_line group by 1")
    )
    assert {k: float(v) for k, v in net.items()} == pytest.approx(
        totals["orders"]["net_amount_by_currency"]
    )
    statuses = {
        str(status): count
        for status, count in published(
            settings, "select status, sum(count_requests)::bigint from mart_web_day group by 1"
        )
    }
    assert statuses == totals["web"]["lines_by_status"]


def test_visitors_are_who_the_answer_key_says(first: CommandResult, settings: Settings) -> None:
    assert first.code == 0, first.output
    assert visitor_differences(settings) == []


def test_every_rejected_row_is_published_with_its_reason(
    first: CommandResult, settings: Settings
) -> None:
    faults = answer_key(settings.home)["faults"]
    by_system = dict(
        published(settings, "select source_system, count(*) from mart_quarantined_row group by 1")
    )
    assert by_system["demo_web"] == faults["broken_log_lines"]["count"]
    assert by_system["demo_mail"] == faults["broken_mail_lines"]["count"]
    assert by_system["demo_chat"] == faults["redelivered_chat_messages"]["count"]
    without_reason = "select count(*) from mart_quarantined_row where reason_en = ''"
    assert published(settings, without_reason) == [(0,)]


def test_unknown_codes_are_listed_not_dropped(first: CommandResult, settings: Settings) -> None:
    unknown = {
        code
        for (code,) in published(
            settings, "select source_code from mart_code_usage where code_status = 'unmapped'"
        )
    }
    faults = answer_key(settings.home)["faults"]
    assert {faults["unknown_code_lead_source"]["code"], faults["unknown_stage"]["stage"]} <= unknown


def test_second_load_brings_what_changed(first: CommandResult, settings: Settings) -> None:
    leads, deals = published(
        settings, "select (select count(*) from mart_lead), (select count(*) from mart_opportunity)"
    )[0]
    changes = advance(settings.home).changes
    result = command(settings, "run")
    assert result.code == 0, result.output
    added, deleted = changes["crm_leads_added"], changes["crm_leads_soft_deleted"]
    assert added > 0 and deleted > 0 and added != deleted
    assert published(settings, "select count(*) from mart_lead") == [(leads + added - deleted,)]
    assert published(settings, "select count(*) from mart_opportunity") == [(deals,)]
    last_loads = dict(
        published(
            settings,
            "select source_table, arg_max(rows_loaded, started_at) from mart_load_receipt "
            "where source_system in ('demo_web', 'demo_policy') group by 1",
        )
    )
    assert last_loads == {"requests": changes["web_lines_added"], "policies": 0}


def test_failed_source_does_not_stop_the_others(first: CommandResult, settings: Settings) -> None:
    shown = current_version(settings)
    database = settings.home / "demo" / "erp.sqlite"
    hidden = database.with_suffix(".hidden")
    database.rename(hidden)
    try:
        result = command(settings, "run")
    finally:
        hidden.rename(database)
    assert result.code == 1
    assert "demo_erp" in result.output and "load_succeeded" in result.output
    version = current_version(settings)
    assert version is not None and shown is not None
    assert version.version_id != shown.version_id, "the other sources must be published"
    assert published(settings, "select count(*) from mart_order")[0][0] > 0


def test_failed_check_keeps_the_last_good_version(first: CommandResult, settings: Settings) -> None:
    """Landed rows that break a check of severity error: the old version stays, and says why."""
    shown = current_version(settings)
    landed = settings.raw / "demo_web" / "requests"
    good = next(landed.glob("*.parquet"))
    bad = landed / "zz_broken.parquet"
    duckdb.sql(
        f"copy (select * replace (null as client_address) from read_parquet('{good}') limit 3) "
        f"to '{bad}' (format parquet)"
    )
    try:
        result = command(settings, "run")
    finally:
        bad.unlink()
    assert result.code == 1
    assert "Held back since" in result.output
    assert "Every request has an address" in result.output
    version = current_version(settings)
    assert version is not None and shown is not None
    assert version.version_id == shown.version_id
    assert version.status.state == "held_back"
    assert "每次请求都有来源地址" in {reason.check_zh for reason in version.status.reasons}


def test_unusable_rule_row_stops_before_anything_is_touched(
    first: CommandResult, settings: Settings, tmp_path: Path
) -> None:
    shown = current_version(settings)
    seeds = tmp_path / "seeds"
    shutil.copytree(settings.seeds, seeds)
    with (seeds / "field_mapping.csv").open("a", encoding="utf-8") as rows:
        rows.write("demo_crm,leads,lead,main,no_such_field,lead_no,text,\n")
    result = command(settings, "run", SMH_SEEDS=str(seeds))
    assert result.code == 2
    assert "field_mapping.csv" in result.output and "no_such_field" in result.output
    assert current_version(settings) == shown


def test_rollback_goes_one_version_back(first: CommandResult, settings: Settings) -> None:
    shown = current_version(settings)
    result = command(settings, "rollback")
    assert result.code == 0, result.output
    version = current_version(settings)
    assert version is not None and shown is not None
    assert version.version_id < shown.version_id
    status = publishing_status(settings)
    assert status is not None and status.state == "rolled_back"


def test_dagster_draws_the_whole_way(
    first: CommandResult, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.dbt_environment(date(2026, 6, 30)).items():
        monkeypatch.setenv(name, value)
    defs = build_definitions(settings)
    graph = defs.resolve_asset_graph()
    published_version = graph.get(keys.PUBLISHED_VERSION)
    ancestors = graph.get_ancestor_asset_keys(published_version.key)
    assert keys.landed_key("demo_crm", "leads") in ancestors
    assert keys.model_key("mart_lead") in ancestors
    jobs = {job.name for job in defs.resolve_all_job_defs()}
    assert {"refresh", "refresh_daily", "refresh_demo_web"} <= jobs
    assert defs.resolve_schedule_def("daily").cron_schedule == "15 2 * * *"
    # One step per job of the pipeline: a cut step would start Great Expectations or dbt twice.
    steps = set(defs.resolve_job_def("refresh").graph.node_dict)
    assert {"check_landed_tables", "dbt_build", "check_mart_tables"} <= steps
    assert not {step for step in steps if step.endswith(("_2", "_3"))}


def test_sensor_asks_for_a_run_only_when_a_log_has_changed(
    first: CommandResult, settings: Settings
) -> None:
    source = load_sources(settings).source("demo_web")
    assert isinstance(source, AccessLogSource)
    before = log_state(source)
    assert log_state(source) == before
    log = settings.home / "demo" / "web" / "access.log"
    with log.open("a", encoding="utf-8") as lines:
        lines.write(log.read_text("utf-8").splitlines()[-1] + "\n")
    assert log_state(source) != before
