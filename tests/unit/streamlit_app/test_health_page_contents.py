"""Health, relationships, one customer and contact load through the real entry point."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import streamlit as st

from streamlit_app.components import html
from streamlit_app.components.run import PAGES
from streamlit_app.i18n import text
from tests.unit.streamlit_app.dashboard_company import publish_company
from tests.unit.streamlit_app.health_marts import HEALTH_MARTS
from tests.unit.streamlit_app.relationship_marts import RELATIONSHIP_MARTS
from tests.unit.streamlit_app.test_pages import open_page, page_html, parameter

CUSTOMER = "crm:account5"
SECTIONS = {
    "migration_health": (
        *("health.headline", "health.trend", "health.moves", "health.scorecard", "trap.title"),
        *("lead_lag.title", "roadmap.title", "hits.title"),
    ),
    "relationships": (
        *("relationships.headline", "relationships.plane", "plays.title", "index.trend"),
        *("top.title", "relationships.customers", "graph.title", "dropped.title"),
        *("latency.title", "proposal.title"),
    ),
    "account": (
        *("account.scores", "index.depth", "index.breadth", "account.intent", "account.trend"),
        *("account.people", "account.star", "account.business", "account.parallel"),
        *("account.timeline", "identity.title", "identity.review"),
    ),
    "over_contact": (
        *("contact_load.headline", "contact_load.classes", "contact_load.weeks"),
        *("contact_load.safe", "contact_load.people"),
    ),
}


@pytest.fixture(autouse=True)
def clean_cache() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("page", SECTIONS)
def test_a_page_is_complete_in_both_languages(
    monkeypatch: pytest.MonkeyPatch, home: Path, page: str, language: str
) -> None:
    body = page_html(open_page(monkeypatch, home, page, lang=language, customer=CUSTOMER))
    for key in SECTIONS[page]:
        assert text(key, language) in body, key
    other = "zh" if language == "en" else "en"
    assert text(SECTIONS[page][0], other) not in body
    # What comes from the data is escaped.
    assert not re.search(r"<(gaming|two|right|export|twice|5)>", body)


@pytest.mark.parametrize("page", SECTIONS)
def test_an_older_version_says_what_is_missing_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, page: str
) -> None:
    publish_company(tmp_path, without=(*HEALTH_MARTS, *RELATIONSHIP_MARTS))
    body = page_html(open_page(monkeypatch, tmp_path, page, customer=CUSTOMER))
    marts = {
        "migration_health": ("mart_scorecard_family_week", "mart_trap", "mart_lead_lag"),
        "relationships": ("mart_relationship_account", "mart_influence_edge"),
        "account": ("mart_customer",),
        "over_contact": ("mart_over_contact_week", "mart_safe_frequency"),
    }[page]
    for mart in marts:
        assert text("not_here.version", "en", mart=mart) in body


def test_health_opens_first(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    assert PAGES[0] == "migration_health"
    assert text("health.headline", "en") in page_html(open_page(monkeypatch, home, PAGES[0]))


def test_unknown_metrics_are_told_apart_and_never_zero(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    app = open_page(monkeypatch, home, PAGES[0])
    body = page_html(app)
    reason = text("unknown.because", "en", reason=text("unknown_reason.no_rows", "en"))
    assert body.count(reason) >= 2 and text("health.known", "en", known=6, count=8) in body
    app.button(key="open_family_commercial").click().run()
    drawer = page_html(app)
    assert text("health.unknown_note", "en") in drawer
    # The parts as they are shown add up to the family as it is shown.
    (total,) = re.findall(r'<div class="part sum"><span>Sum</span><b>([\d.]+)</b>', drawer)
    parts = re.findall(r'class="bar"><i style="--part:[\d.]+%"></i></span><b>([\d.]+)</b>', drawer)
    assert round(sum(map(float, parts)), 2) == float(total) > 0


def test_two_clicks_lead_from_a_family_to_the_rows_of_its_metric(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    app = open_page(monkeypatch, home, PAGES[0])
    app.button(key="open_family_commercial").click().run()
    assert parameter(app, "family") == ["commercial"]
    app.button(key="open_part_lead_conversion_ratio").click().run()
    assert parameter(app, "passport") == ["lead_conversion_ratio"]
    assert "sum-line" in page_html(app)
    # The passport is that of the weeks that the scorecard looks back on, not of all time.
    assert "1 Jun 2026 – 28 Jun 2026" in page_html(app)


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [
        ("family", "all", "health.made_of"),
        ("trap", "relationship_inflation", "trap.evidence"),
        ("trap", "island", "trap.no_cases"),
        ("step", "step4", "roadmap.criteria"),
        ("score", "intent", "hits.deciles"),
    ],
)
def test_a_link_opens_what_it_names(
    monkeypatch: pytest.MonkeyPatch, home: Path, name: str, value: str, key: str
) -> None:
    for language in ("en", "zh"):
        app = open_page(monkeypatch, home, PAGES[0], lang=language, **{name: value})
        assert text(key, language) in page_html(app)
    body = page_html(open_page(monkeypatch, home, PAGES[0], **{name: "no such thing"}))
    assert text(key, "en") not in body


def test_evidence_of_a_trap_is_paged(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    app = open_page(monkeypatch, home, PAGES[0], trap="relationship_inflation")
    assert "34.4% (31 ÷ 90)" in page_html(app)
    assert page_html(app).count('class="evidence"') == 20


def test_a_definition_change_is_marked_on_every_trend(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    body = page_html(open_page(monkeypatch, home, PAGES[0]))
    assert "◆ 1 Jun 2026: Lead activation, definition 2" in body
    assert body.count("class=changed") == 1
    for page in ("relationships", "account"):
        body = page_html(open_page(monkeypatch, home, page, customer=CUSTOMER))
        assert text("index.changed", "en", version="2", day="13 Apr 2026") in body


@pytest.mark.parametrize("page", ["relationships", "account"])
def test_one_switch_restates(monkeypatch: pytest.MonkeyPatch, home: Path, page: str) -> None:
    app = open_page(monkeypatch, home, page, customer=CUSTOMER)
    said = html.escape(text("index.is_restated", "en"))
    assert said not in page_html(app)
    app.toggle(key="restated").set_value(True).run()
    assert parameter(app, "basis") == ["restated"]
    assert said in page_html(app)


def test_the_filters_of_the_relationships_hold_for_the_page(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    app = open_page(monkeypatch, home, "relationships", team="North", quadrant="deep_narrow")
    body = page_html(app)
    assert app.multiselect(key="filter_team").value == ["North"]
    assert "Retail · Shenzhen · South" not in body and "· North" in body
    app.text_input(key="filter_search").set_value("no such customer").run()
    assert text("relationships.no_customers", "en") in page_html(app)


def test_the_list_of_last_month_says_what_became_of_it(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    app = open_page(monkeypatch, home, "relationships", month="2026-05-01", top="South")
    body = page_html(app)
    assert re.search(r"strengthened \d+ ÷ 9 · touched \d+ ÷ 9 · untouched \d+ ÷ 9", body)


def test_the_share_of_noise_has_its_numerator_and_denominator(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    body = page_html(open_page(monkeypatch, home, "relationships"))
    assert "33.3% (43 ÷ 129)" in body


def test_a_customer_shows_its_factors_records_and_neighbours(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    body = page_html(open_page(monkeypatch, home, "account", customer="erp:account5x"))
    assert "100 × 0.6500 × 0.9500 × 1.0000 = 61.75" in body
    assert "Same tax id TAX5" in body and "erp:account5x ~ erp:account9x" in body
    assert "Deal 10" in body and "Deal 11" not in body, "closed business runs beside nothing"
    assert "Mail · from us" in body


@pytest.mark.parametrize(("language", "tier"), [("en", "Strategic"), ("zh", "战略客户")])
def test_codes_of_a_customer_are_shown_by_their_names(
    monkeypatch: pytest.MonkeyPatch, home: Path, language: str, tier: str
) -> None:
    body = page_html(
        open_page(monkeypatch, home, "account", lang=language, customer="crm:account6")
    )
    assert text("account.tier", language) in body
    assert tier in body and "strategic" not in body


def test_a_signal_of_the_timeline_opens_its_raw_rows(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    app = open_page(monkeypatch, home, "account", customer=CUSTOMER)
    app.pills(key=f"kinds_{CUSTOMER}").set_value(["signal"]).run()
    button = next(b for b in app.button if str(b.key).startswith("open_hit_"))
    button.click().run()
    assert [error.message for error in app.exception] == []
    assert text("intent.raw_rows_note", "en") in page_html(app)


def test_a_customer_is_found_by_name_and_a_wrong_link_says_so(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    app = open_page(monkeypatch, home, "account", customer="nobody")
    assert text("account.not_found", "en", customer="nobody") in page_html(app)
    app.text_input(key="filter_search").set_value("account 17").run()
    app.button(key="open_found_0").click().run()
    assert parameter(app, "customer") == ["crm:account17"]
    assert text("account.scores", "en") in page_html(app)


def test_over_contact_shows_who_is_over_and_who_cannot_be_judged(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    app = open_page(monkeypatch, home, "over_contact")
    body = page_html(app)
    assert "49.4% (40 ÷ 81)" in body and "Contact 10.1" in body
    app.toggle(key="load_all").set_value(True).run()
    assert text("contact_load.limit_unknown", "en") in page_html(app)
    small = page_html(open_page(monkeypatch, home, "over_contact", segment="small"))
    assert text("contact_load.nobody", "en") in small
