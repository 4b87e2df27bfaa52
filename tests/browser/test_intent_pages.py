"""Intent and worklists in a real browser: fit, three clicks to a raw row, actions, files."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, urlparse

import pytest

from streamlit_app.i18n import text
from streamlit_app.screenshots import settle
from tests.browser.test_dashboard import brightness, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


FITS = (
    "[...document.querySelectorAll('[data-testid=stMain], [role=dialog]')]"
    ".every(e => e.scrollWidth <= e.clientWidth + 1)"
)
"""Nothing is cut off to the right; wide tables scroll inside their panel."""


@pytest.mark.parametrize(
    ("path", "key", "width", "scheme"),
    [
        ("/intent?lang=en", "intent.by_score", 1440, "light"),
        ("/intent?lang=zh&account=crm:account26", "intent.timeline", 390, "dark"),
        ("/worklists?lang=zh", "worklist.outcomes", 1440, "dark"),
        ("/worklists?lang=en&list=stalled_lead&lead=crm:lead3", "worklist.history", 390, "light"),
    ],
)
def test_a_page_and_what_it_opens_fit_their_window(
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
        surface = "[role=dialog]" if width == 390 else ".st-key-list_leads, .st-key-list_accounts"
        ink = page.locator(surface).locator("b").first.evaluate("e => getComputedStyle(e).color")
        assert (brightness(ink) > 128) is (scheme == "dark"), ink


def test_three_clicks_lead_to_the_line_of_the_log(browser: Browser, dashboard: str) -> None:
    with opened(browser, f"{dashboard}/intent?search=Account 26") as page:
        row = page.locator(".st-key-row_account_0")
        # The bar is as long as its parts: no part lies outside of the others.
        widths = row.locator(".parts i").evaluate_all(
            "parts => parts.map(part => parseFloat(part.style.width))"
        )
        score = float(row.locator(".score").inner_text())
        terms = [float(part) for part in row.locator(".terms b").all_inner_texts()]
        assert sum(terms) == pytest.approx(score) and sum(widths) == pytest.approx(100, abs=0.1)
        row.get_by_role("button").click()
        page.locator(".st-key-row_hit_0").get_by_role("button").click()
        line = page.locator(".evidence").first
        line.wait_for()
        assert re.search(r"access-2026-06\.log\.gz:\d+", line.inner_text())
        query = parse_qs(urlparse(page.url).query)
        assert query["account"] == ["crm:account26"] and query["hit"]
        page.reload()
        settle(page)
        line.wait_for()
        page.get_by_role("button", name=text("intent.back", "en")).click()
        page.locator(".st-key-row_hit_0").wait_for()
        page.keyboard.press("Escape")
        page.wait_for_function("!location.search.includes('account')")


def test_an_action_is_seen_by_others_and_the_name_is_remembered(
    browser: Browser, dashboard: str
) -> None:
    address = f"{dashboard}/worklists?list=stalled_lead"
    lead = "Lead <i>5</i>"
    with opened(browser, address) as other, opened(browser, address) as page:
        before = other.locator(".st-key-worklist").inner_text()
        page.get_by_role("button", name=f"Open {lead}").click()
        drawer = page.get_by_role("dialog")
        save = drawer.get_by_role("button", name=text("worklist.save", "en"), exact=True)
        save.wait_for()
        assert save.is_disabled()
        drawer.get_by_label(text("worklist.your_name", "en")).fill('李娜 "X"</script>')
        page.keyboard.press("Tab")
        page.wait_for_function("document.cookie.includes('smh_name')")
        drawer.get_by_text("Duplicate", exact=True).click()
        page.wait_for_function(
            "document.querySelector('[role=dialog] button[kind=primary]')?.disabled === false"
        )
        save.click()
        drawer.get_by_text("Outcome: Duplicate", exact=True).wait_for()
        # The list behind the drawer and every other reader see it.
        page.wait_for_function(
            "before => document.querySelector('.st-key-worklist').innerText !== before", arg=before
        )
        other.reload()
        settle(other)
        assert lead not in other.inner_text("[data-testid=stMain]")
        page.goto(f"{address}&lead=crm:lead6")
        name = page.get_by_role("dialog").get_by_label(text("worklist.your_name", "en"))
        name.wait_for()
        assert name.input_value() == '李娜 "X"</script>'


def test_files_hold_the_list_as_it_is_shown(browser: Browser, dashboard: str) -> None:
    with opened(browser, f"{dashboard}/worklists?list=silent_lead&team=North") as page:
        shown = page.locator(".st-key-panel_worklist").get_by_text("of").last.inner_text()
        with page.expect_download() as waiting:
            page.get_by_role("button", name="CSV", exact=True).click()
        content = waiting.value.path().read_text(encoding="utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(content)))
        assert len(rows) == int(shown.split()[-1]) > 5
        assert {row["team_name"] for row in rows} == {"North"}
