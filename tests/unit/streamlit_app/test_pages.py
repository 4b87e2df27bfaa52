"""Whole pages through the real entry point, in both languages."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dagster_project.settings import REPO_ROOT, process_environment
from streamlit_app.components.run import PAGES
from streamlit_app.i18n import catalogue, text
from tests.unit.streamlit_app.dashboard_company import publish_company

ENTRY = REPO_ROOT / "streamlit_app" / "streamlit_app.py"
WARM_SECONDS = 0.5


@pytest.fixture(autouse=True)
def clean_cache() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


def open_page(
    monkeypatch: pytest.MonkeyPatch, home: Path, page: str = "overview", **parameters: str
) -> AppTest:
    monkeypatch.setenv("SMH_HOME", str(home))
    app = AppTest.from_file(ENTRY, default_timeout=60)
    for name, value in parameters.items():
        app.query_params[name] = value
    app.run()
    if page != PAGES[0]:
        app.switch_page(f"app_pages/{page}.py")
        for name, value in parameters.items():
            app.query_params[name] = value
        app.run()
    assert [error.message for error in app.exception] == []
    return app


def parameter(app: AppTest, name: str) -> list[str]:
    """Values of a URL parameter; the test class gives one value as it is."""
    value = app.query_params[name]
    return [value] if isinstance(value, str) else list(value)


def page_html(app: AppTest) -> str:
    """All HTML of the page, the style left out."""
    return "\n".join(
        element.proto.body for element in app.get("html") if "<style>" not in element.proto.body
    )


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("page", ["overview", "data_trust"])
def test_pages_are_complete_in_both_languages(
    monkeypatch: pytest.MonkeyPatch, home_with_orders: Path, page: str, language: str
) -> None:
    body = page_html(open_page(monkeypatch, home_with_orders, page, lang=language))
    keys = {
        "overview": ["overview.headline", "funnel.title", "trend.title", "split.title",
                     "section.deals", "section.leads", "section.orders", "section.web"],
        "data_trust": ["trust.next_title", "trust.freshness", "trust.receipts", "trust.checks",
                       "trust.quarantine", "trust.codes", "trust.references", "trust.fields",
                       "trust.unconverted", "trust.versions"],
    }[page]  # fmt: skip
    for key in keys:
        assert text(key, language) in body, key
    other = "zh" if language == "en" else "en"
    assert text(keys[0], other) not in body


def test_unknown_figures_name_the_object_and_are_never_zero(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    body = page_html(open_page(monkeypatch, home))
    assert "Unknown: no source delivers order lines, orders." in body
    zh = page_html(open_page(monkeypatch, home, lang="zh"))
    assert "未知：没有数据源提供订单行、订单。" in zh


def test_a_missing_mart_does_not_break_the_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without = ("mart_funnel_stage", "mart_lead", "mart_web_day", "mart_object_coverage",
               "mart_data_freshness", "mart_code_usage", "ops_check_results")  # fmt: skip
    publish_company(tmp_path, without=without)
    body = page_html(open_page(monkeypatch, tmp_path))
    assert text("funnel.empty", "en") in body
    assert "Unknown: no source delivers web logs." in body
    trust_body = page_html(open_page(monkeypatch, tmp_path, "data_trust"))
    assert text("trust.not_published", "en") in trust_body


@pytest.mark.parametrize("language", ["en", "zh"])
def test_before_the_first_publish_the_page_says_what_to_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, language: str
) -> None:
    body = page_html(open_page(monkeypatch, tmp_path, lang=language))
    assert text("welcome.title", language) in body
    assert "make demo" in body


@pytest.mark.parametrize("page", ["overview", "data_trust"])
def test_a_held_back_run_is_announced_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, home_held_back: Path, page: str
) -> None:
    body = page_html(open_page(monkeypatch, home_held_back, page))
    assert "held back since 2 Jul 2026 03:00" in body
    assert "Lead ids are unique" in body
    assert "7 &lt;b&gt;rows&lt;/b&gt;" in body, "text from data is escaped"
    zh = page_html(open_page(monkeypatch, home_held_back, page, lang="zh"))
    assert "2026年7月2日 03:00" in zh and "线索编号唯一" in zh


def test_a_normal_version_has_no_banner(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    assert "banner" not in page_html(open_page(monkeypatch, home))


def test_a_filter_is_written_to_the_url_and_changes_the_figures(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    app = open_page(monkeypatch, home)
    before = page_html(app)
    app.multiselect(key="filter_team").set_value(["North"]).run()
    assert parameter(app, "team") == ["North"]
    assert page_html(app) != before
    assert f"{text('dimension.team', 'en')}: North" in page_html(app)
    # Web logs know no teams: unknown instead of unfiltered.
    assert "Unknown: not recorded by Team." in page_html(app)
    app.button(key="reset").click().run()
    assert "team" not in app.query_params
    assert page_html(app) == before


def test_the_url_sets_filters_period_and_language(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    app = open_page(monkeypatch, home, team="华东", period="4w", lang="zh", by="channel")
    assert app.multiselect(key="filter_team").value == ["华东"]
    assert app.selectbox(key="filter_period").value == "4w"
    assert "2026年6月3日至2026年6月30日" in page_html(app)
    assert "转介绍" in page_html(app), "codes have names in the viewer's language"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("part", ["rows", "sources", "sql", "lineage"])
def test_a_passport_opens_with_every_part(
    monkeypatch: pytest.MonkeyPatch, home: Path, part: str, language: str
) -> None:
    app = open_page(monkeypatch, home, lang=language)
    app.button(key="open_lead_conversion_ratio").click().run()
    assert parameter(app, "passport") == ["lead_conversion_ratio"]
    app.segmented_control(key="passport_part_lead_conversion_ratio").set_value(part).run()
    assert [error.message for error in app.exception] == []
    body = page_html(app)
    assert text("passport.benchmark", language) in body
    expected = {
        "rows": "sum-line",
        "sources": "crm.leads",
        "sql": text("passport.tile_sql", language),
        "lineage": "stg_crm__leads",
    }[part]
    assert expected in body
    if part == "sql":
        sql = app.code[0].value
        assert "sum(cast(is_converted as integer))" in sql and "from mart_lead" in sql


@pytest.mark.parametrize(
    ("place", "metric_id"),
    [
        ("funnel", "stage_conversion_ratio"),
        ("trend", "won_amount"),
        ("response", "lead_response_minutes_median"),
        ("orders", "net_order_amount"),
        ("web", "web_request_count"),
    ],
)
def test_every_chart_leads_to_its_passport(
    monkeypatch: pytest.MonkeyPatch, home_with_orders: Path, place: str, metric_id: str
) -> None:
    app = open_page(monkeypatch, home_with_orders)
    app.button(key=f"link_{place}").click().run()
    assert parameter(app, "passport") == [metric_id]
    assert "sum-line" in page_html(app)


def test_the_passport_of_an_unknown_figure_says_why(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    app = open_page(monkeypatch, home, passport="net_order_amount")
    assert page_html(app).count("no source delivers order lines") >= 2
    assert not app.dataframe


def test_a_passport_that_does_not_exist_is_ignored(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    assert "sum-line" not in page_html(open_page(monkeypatch, home, passport="nonsense"))


def test_a_bad_catalogue_row_is_named_on_the_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import duckdb

    settings = publish_company(tmp_path)
    seed = settings.published / "objects" / "metric_catalogue-1.parquet"
    connection = duckdb.connect()
    connection.execute(f"create table c as from read_parquet('{seed}')")
    connection.execute("update c set aggregation = 'average' where metric_id = 'lead_count'")
    connection.execute(f"copy c to '{seed}' (format parquet)")
    body = page_html(open_page(monkeypatch, tmp_path))
    assert "metric_id=lead_count" in body and "use one of count" in body


def test_a_new_version_is_shown_at_the_next_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    publish_company(tmp_path)
    app = open_page(monkeypatch, tmp_path)
    assert "v000001" in page_html(app) and "no source delivers order lines" in page_html(app)
    publish_company(tmp_path, with_orders=True, number=2)
    app.run()
    assert "v000002" in page_html(app) and "no source delivers order lines" not in page_html(app)


@pytest.mark.parametrize(
    ("as_of", "period_id"),
    [(date(2026, 6, 30), "13w"), (date(2026, 12, 31), "12m"), (date(2031, 1, 1), "all")],
)
def test_the_first_period_shown_is_one_with_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, as_of: date, period_id: str
) -> None:
    publish_company(tmp_path, as_of=as_of)
    app = open_page(monkeypatch, tmp_path)
    assert app.selectbox(key="filter_period").value == period_id
    assert "period" not in app.query_params


def test_pages_import_nothing_heavy() -> None:
    code = (
        "import sys; import streamlit_app.components.run, streamlit_app.components.passport, "
        "streamlit_app.components.overview, streamlit_app.components.trust, "
        "streamlit_app.components.intent; "
        "print(sorted({name.split('.')[0] for name in sys.modules} & "
        "{'dagster', 'dbt', 'dlt', 'great_expectations', 'sqlmesh', 'sqlglot', 'sqlalchemy'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPO_ROOT,
        env=process_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("page", ["overview", "data_trust"])
def test_a_warm_page_renders_fast(
    monkeypatch: pytest.MonkeyPatch, home_with_orders: Path, page: str
) -> None:
    app = open_page(monkeypatch, home_with_orders, page)
    seconds = []
    for _ in range(5):
        started = time.process_time()
        app.run()
        seconds.append(time.process_time() - started)
    # CPU time, so that other work on the machine does not decide the test.
    assert min(seconds) < WARM_SECONDS


def test_all_languages_are_offered(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    app = open_page(monkeypatch, home)
    app.segmented_control(key="language").set_value("zh").run()
    assert parameter(app, "lang") == ["zh"]
    assert catalogue("zh")["overview.headline"] in page_html(app)
