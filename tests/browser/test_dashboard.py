"""The dashboard in a real browser: languages, widths, colour schemes, passport, filters, files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, urlparse

import openpyxl
import pytest

from streamlit_app.i18n import text
from streamlit_app.screenshots import settle

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

pytestmark = pytest.mark.browser

PAGES = {
    "/overview": "overview.headline",
    "/sources": "sources.overview_note",
    "/data-trust": "trust.next_title",
}


@contextmanager
def opened(
    browser: Browser,
    address: str,
    width: int = 1280,
    scheme: Literal["light", "dark"] = "light",
    zone: str = "UTC",
) -> Iterator[Page]:
    """A page that must not write an error to the console."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        timezone_id=zone,
        accept_downloads=True,
    )
    page = context.new_page()
    problems: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        # For a page below the root Streamlit first asks for its server below that page.
        is_probe = re.search(r"/[a-z-]+/_stcore/", message.location.get("url", ""))
        if message.type == "error" and not is_probe:
            problems.append(f"{message.text} {message.location}")

    page.on("console", listen)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:"))
            else problems.append(f"request to {request.url}")
        ),
    )
    try:
        page.goto(address)
        settle(page)
        yield page
        assert problems == []
    finally:
        context.close()


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_a_page_fits_its_window(
    browser: Browser,
    dashboard: str,
    path: str,
    language: str,
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    with opened(browser, f"{dashboard}{path}?lang={language}", width, scheme) as page:
        assert text(PAGES[path], language) in page.inner_text("[data-testid=stMain]")
        # Nothing is cut off to the right; wide tables scroll inside their panel.
        assert page.evaluate(
            "(() => { const m = document.querySelector('[data-testid=stMain]');"
            " return m.scrollWidth <= m.clientWidth + 1 })()"
        )
        ink, ground = (
            page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).{name}")
            for selector, name in ((".brand", "color"), (".stApp", "backgroundColor"))
        )
        assert brightness(ground) > 200 if scheme == "light" else brightness(ground) < 60
        assert abs(brightness(ink) - brightness(ground)) > 150


def brightness(colour: str) -> float:
    red, green, blue = (float(part) for part in re.findall(r"[\d.]+", colour)[:3])
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_tiles_draw_their_trend(browser: Browser, dashboard: str) -> None:
    with opened(browser, f"{dashboard}/overview") as page:
        sparks = page.locator(".spark")
        assert sparks.count() > 10
        mask = sparks.first.evaluate("element => getComputedStyle(element).maskImage")
        assert mask.startswith('url("data:image/svg+xml')


def test_a_tile_opens_its_passport_whose_rows_add_up(browser: Browser, dashboard: str) -> None:
    with opened(browser, f"{dashboard}/overview") as page:
        tile = page.locator(".st-key-tile_win_rate_of_closed")
        shown = tile.locator(".tile-value").inner_text().replace("\n", "").replace(" ", "")
        tile.get_by_role("button").click()
        line = page.locator("[data-testid=sum-line]")
        line.wait_for()
        assert "passport=win_rate_of_closed" in page.url
        top, bottom, percent = re.findall(r"(\d+) ÷ (\d+) = ([\d.]+)%", line.inner_text())[0]
        assert int(top) / int(bottom) == pytest.approx(float(percent) / 100, abs=1e-6)
        assert shown == f"{float(percent):.1f}%"
        page.keyboard.press("Escape")
        line.wait_for(state="detached")
        page.wait_for_function("!location.search.includes('passport')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_passport_is_readable_in_both_schemes(
    browser: Browser, dashboard: str, scheme: Literal["light", "dark"]
) -> None:
    address = f"{dashboard}/overview?passport=win_rate_of_closed"
    with opened(browser, address, scheme=scheme) as page:
        page.locator("[data-testid=sum-line]").wait_for()
        ground = page.evaluate(
            """(() => { let e = document.querySelector('.passport-value');
            while (getComputedStyle(e).backgroundColor === 'rgba(0, 0, 0, 0)') e = e.parentElement;
            return getComputedStyle(e).backgroundColor })()"""
        )
        for name in (".passport-value", ".definition p", "dl.facts dd", ".sum-line"):
            ink = page.evaluate(f"getComputedStyle(document.querySelector('{name}')).color")
            assert abs(brightness(ink) - brightness(ground)) > 150, (name, ink, ground)


def test_files_hold_the_rows_of_the_tile(browser: Browser, dashboard: str) -> None:
    address = f"{dashboard}/overview?passport=won_opportunity_count&team=North"
    with opened(browser, address) as page:
        line = page.locator("[data-testid=sum-line]").inner_text()
        count = int(re.findall(r"^(\d+) rows", line)[0])
        with page.expect_download() as waiting:
            page.get_by_role("button", name="CSV", exact=True).click()
        content = waiting.value.path().read_text(encoding="utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(content)))
        assert len(rows) == count > 0
        assert {row["team_name"] for row in rows} == {"North"}
        assert {row["is_won"] for row in rows} == {"true"}
        with page.expect_download() as waiting:
            page.get_by_role("button", name="XLSX", exact=True).click()
        book = openpyxl.load_workbook(io.BytesIO(waiting.value.path().read_bytes()))
        assert book["Rows"].max_row == count + 1
        assert "Team: North" in str([cell.value for cell in book["About"]["B"]])


def test_rows_are_paged_and_sorted_by_the_server(browser: Browser, dashboard: str) -> None:
    with opened(browser, f"{dashboard}/overview?passport=lead_count&period=all") as page:
        assert "Rows 1–50 of 3,000" in page.inner_text("[role=dialog]")
        page.get_by_role("button", name="Page 2", exact=True).click()
        page.wait_for_function(
            "document.querySelector('[role=dialog]').innerText.includes('51–100')"
        )


def test_filters_live_in_the_url_and_back_takes_them_off(browser: Browser, dashboard: str) -> None:
    with opened(browser, f"{dashboard}/overview") as page:
        leads = page.locator(".st-key-tile_lead_count .tile-value")
        before = leads.inner_text()
        page.locator(".st-key-filter_team").get_by_role("combobox").click()
        page.get_by_role("option", name="North").click()
        page.keyboard.press("Escape")
        page.wait_for_function("location.search.includes('team=North')")
        settle(page)
        filtered = leads.inner_text()
        assert filtered != before
        assert parse_qs(urlparse(page.url).query)["team"] == ["North"]

        page.reload()
        settle(page)
        assert leads.inner_text() == filtered, "a link shows what its sender saw"
        page.go_back()
        page.wait_for_function("!location.search.includes('team=North')")
        settle(page)
        assert leads.inner_text() == before


def test_language_and_period_go_along_to_the_other_page(browser: Browser, dashboard: str) -> None:
    with opened(browser, f"{dashboard}/overview?lang=zh&period=all") as page:
        page.get_by_role("link", name=text("page.data_trust", "zh")).click()
        page.wait_for_function("location.pathname.includes('data-trust')")
        page.get_by_text(text("trust.next_title", "zh")).first.wait_for()
        query = parse_qs(urlparse(page.url).query)
        assert query["lang"] == ["zh"] and query["period"] == ["all"]


def test_the_language_switch(browser: Browser, dashboard: str) -> None:
    with opened(browser, f"{dashboard}/overview") as page:
        page.locator(".st-key-language").get_by_text("中文").click()
        page.get_by_text(text("overview.headline", "zh")).first.wait_for()
        assert "lang=zh" in page.url


def test_times_are_in_the_zone_of_the_browser(browser: Browser, dashboard: str) -> None:
    with opened(browser, f"{dashboard}/overview", zone="Asia/Shanghai") as page:
        line = page.inner_text(".status-line")
        assert "1 Jul 2026 10:30" in line and "Asia/Shanghai" in line


def test_before_the_first_publish_the_page_says_what_to_run(
    browser: Browser, empty_dashboard: str
) -> None:
    with opened(browser, empty_dashboard) as page:
        assert "make demo" in page.inner_text("[data-testid=stMain]")
