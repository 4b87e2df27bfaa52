"""Health, relationships, one customer and contact load in a real browser: fit, clicks, axe."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, urlparse

import pytest

from streamlit_app.i18n import text
from streamlit_app.screenshots import settle
from tests.browser.test_dashboard import brightness, opened
from tests.browser.test_intent_pages import FITS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

CUSTOMER = "crm:account5"
GRAVE = ("serious", "critical")


@pytest.mark.parametrize(
    ("path", "key", "width", "scheme"),
    [
        ("/?lang=en", "health.scorecard", 1280, "light"),
        ("/?lang=zh", "health.scorecard", 390, "dark"),
        ("/?lang=en&family=all", "health.made_of", 390, "light"),
        ("/relationships?lang=zh", "graph.title", 1280, "dark"),
        ("/relationships?lang=en", "graph.title", 390, "light"),
        (f"/account?lang=en&customer={CUSTOMER}", "identity.title", 1280, "light"),
        (f"/account?lang=zh&customer={CUSTOMER}", "identity.title", 390, "dark"),
        ("/over-contact?lang=en", "contact_load.safe", 390, "dark"),
    ],
)
def test_a_page_fits_its_window_and_axe_finds_nothing_serious(
    browser: Browser,
    dashboard: str,
    path: str,
    key: str,
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    language = "zh" if "lang=zh" in path else "en"
    with opened(browser, dashboard + path, width, scheme) as page:
        page.get_by_text(text(key, language)).first.wait_for()
        page.wait_for_function(FITS)  # a drawer slides in
        ink = page.locator(".panel-title").first.evaluate("e => getComputedStyle(e).color")
        assert (brightness(ink) > 128) is (scheme == "dark"), ink
        assert grave_findings(page) == []


def grave_findings(page: Page) -> list[str]:
    """What axe calls serious or critical, with the first element of each rule."""
    from axe_playwright_python.sync_playwright import Axe

    page.wait_for_timeout(500)
    results = Axe().run(page)
    return [
        f"{found['id']}: {found['nodes'][0]['html'][:200]} {found['nodes'][0]['failureSummary']}"
        for found in results.response["violations"]
        if found["impact"] in GRAVE
    ]


def test_axe_would_find_something(browser: Browser, dashboard: str) -> None:
    with opened(browser, dashboard) as page:
        page.evaluate(
            "document.querySelector('.section-head').innerHTML ="
            ' \'<a href="/x"></a><p style="color: #ddd; background: #fff">pale words</p>\''
        )
        assert {found.split(":")[0] for found in grave_findings(page)} >= {
            "color-contrast",
            "link-name",
        }


def test_two_clicks_lead_from_a_family_to_rows_and_back(browser: Browser, dashboard: str) -> None:
    with opened(browser, dashboard) as page:
        page.locator(".st-key-tile_family_commercial").get_by_role("button").click()
        part = page.locator(".st-key-row_part_lead_conversion_ratio")
        part.get_by_role("button").click()
        line = page.locator("[data-testid=sum-line]")
        line.wait_for()
        assert re.search(r"\d+ ÷ \d+ = ", line.inner_text())
        page.keyboard.press("Escape")
        part.wait_for()  # the family lies below the passport
        page.keyboard.press("Escape")
        part.wait_for(state="detached")
        page.wait_for_function("!location.search.includes('family')")


def test_three_clicks_lead_from_a_trap_to_its_customer(browser: Browser, dashboard: str) -> None:
    with opened(browser, dashboard) as page:
        page.locator(".st-key-row_trap_relationship_inflation").get_by_role("button").click()
        page.locator(".st-key-row_case_0").get_by_role("link").click()
        page.wait_for_function("location.pathname.includes('/account')")
        page.locator(".customer-name").wait_for()
        query = parse_qs(urlparse(page.url).query)
        assert query["customer"] == ["crm:account0"] and "trap" not in query


def test_the_keyboard_reaches_a_row_and_opens_it(browser: Browser, dashboard: str) -> None:
    with opened(browser, dashboard) as page:
        button = page.locator(".st-key-row_metric_lead_conversion_ratio").get_by_role("button")
        name = button.inner_text()
        assert name == text("tile.open", "en", name="Lead conversion")
        button.focus()
        page.keyboard.press("Enter")
        page.locator("[data-testid=sum-line]").wait_for()


def test_a_row_of_the_relationships_opens_the_customer(browser: Browser, dashboard: str) -> None:
    with opened(browser, f"{dashboard}/relationships?lang=zh&team=North") as page:
        page.locator(".st-key-row_customer_0").get_by_role("link").click()
        page.locator(".customer-name").wait_for()
        query = parse_qs(urlparse(page.url).query)
        assert query["lang"] == ["zh"] and query["team"] == ["North"] and query["customer"]


def test_a_press_on_a_mark_opens_its_customer(browser: Browser, dashboard: str) -> None:
    with opened(browser, f"{dashboard}/relationships") as page:
        marks = page.locator(".st-key-plane_chart .scatterlayer .point")
        assert marks.count() == 32
        marks.first.scroll_into_view_if_needed()
        box = marks.first.bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.get_by_role("dialog").get_by_text(text("index.depth_formula", "en")).wait_for()
        assert "near=crm" in page.url.replace("%3A", ":")


def test_the_same_edges_stand_in_a_table(browser: Browser, dashboard: str) -> None:
    with opened(browser, f"{dashboard}/relationships?focus={CUSTOMER}") as page:
        panel = page.locator(".st-key-panel_graph")
        panel.locator("summary").click()
        table = panel.locator("table")
        table.wait_for()
        assert table.locator("tbody tr").count() > 20
        assert table.locator("th[scope=col]").count() == 6


def test_a_restated_trend_is_a_link(browser: Browser, dashboard: str) -> None:
    with opened(browser, f"{dashboard}/account?customer={CUSTOMER}") as page:
        page.locator(".st-key-restated label").first.click()
        page.get_by_text(text("index.is_restated", "en")).wait_for()
        assert "basis=restated" in page.url
        page.reload()
        settle(page)
        page.get_by_text(text("index.is_restated", "en")).wait_for()
