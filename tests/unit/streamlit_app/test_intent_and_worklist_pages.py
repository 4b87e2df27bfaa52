"""Intent and worklists through the real entry point, in both languages."""

from __future__ import annotations

import csv
import re
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dagster_project.settings import REPO_ROOT, Settings
from dagster_project.worklists.actions import new_action
from dagster_project.worklists.store import open_store
from streamlit_app.components import html
from streamlit_app.data import intent, worklists
from streamlit_app.i18n import text
from tests.unit.streamlit_app.dashboard_company import PUBLISHED_AT, publish_company
from tests.unit.streamlit_app.intent_marts import INTENT_MARTS
from tests.unit.streamlit_app.test_pages import open_page, page_html, parameter

ACCOUNT = "crm:account26"
LEAD = "crm:lead17"


@pytest.fixture(autouse=True)
def clean_cache() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def own_home(home: Path, tmp_path: Path) -> Path:
    """A home of its own, because actions are kept below it."""
    return Path(shutil.copytree(home, tmp_path / "home"))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("page", ["intent", "worklists"])
def test_pages_are_complete_in_both_languages(
    monkeypatch: pytest.MonkeyPatch, home: Path, page: str, language: str
) -> None:
    app = open_page(monkeypatch, home, page, lang=language)
    body = page_html(app)
    keys = {
        "intent": ["intent.headline", "intent.over_time", "intent.by_industry",
                   "intent.by_score", "intent.by_class", "intent.play"],
        "worklists": ["worklist.headline", "worklist.silent_lead_note", "worklist.outcomes"],
    }[page]  # fmt: skip
    for key in keys:
        assert text(key, language) in body, key
    other = "zh" if language == "en" else "en"
    assert text(keys[1], other) not in body
    assert text("not_here.version", language, mart="") not in body
    if page == "intent":
        name = {"en": "Pricing after a quote", "zh": "报价后查看价格"}[language]
        assert name in body
        assert "Content &lt;b&gt;shared" in body or "内容分享" in body, "text is escaped"


def test_the_parts_of_a_row_add_up_to_the_score_it_shows(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    body = page_html(open_page(monkeypatch, home, "intent"))
    rows = re.findall(r'class="terms">(.*?)</span><span class="score">([\d.,]+)<', body)
    assert len(rows) == 12
    for terms, score in rows:
        parts = [Decimal(part) for part in re.findall(r"<b>([\d.]+)</b>", terms)]
        assert len(parts) > 1 and sum(parts) == Decimal(score)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_three_clicks_lead_from_an_account_to_the_raw_rows(
    monkeypatch: pytest.MonkeyPatch, home: Path, language: str
) -> None:
    app = open_page(monkeypatch, home, "intent", lang=language)
    app.button(key="open_account_0").click().run()
    assert parameter(app, "account") == [ACCOUNT]
    body = page_html(app)
    assert text("intent.timeline", language) in body and text("intent.sum", language) in body
    total = re.findall(r'<td class="num sum">([\d.]+)</td>', body)
    shares = re.findall(r"<span>([\d.]+)</span></div></td><td class=\"num muted\">\d+%", body)
    assert sum(Decimal(share) for share in shares) == Decimal(total[0])
    app.button(key="open_hit_0").click().run()
    assert [error.message for error in app.exception] == []
    (hit_id,) = parameter(app, "hit")
    body = page_html(app)
    assert hit_id in body and text("intent.raw_rows", language) in body
    assert "logs/access-2026-06.log.gz:1000" in body
    assert "/compare/ourselves-and-them?utm=&lt;x&gt;" in body
    app.button(key="link_back").click().run()
    assert "hit" not in app.query_params
    assert text("intent.timeline", language) in page_html(app)


@pytest.mark.parametrize(
    ("page", "metric_id"),
    [("intent", "intent_signal_count"), ("worklists", "quote_after_action_ratio")],
)
def test_every_tile_has_its_passport(
    monkeypatch: pytest.MonkeyPatch, home: Path, page: str, metric_id: str
) -> None:
    app = open_page(monkeypatch, home, page, period="4w")
    tiles = {str(button.key) for button in app.button} & {
        f"open_{row['metric_id']}" for row in metrics_of(page)
    }
    assert len(tiles) == len(metrics_of(page)) >= 3
    app.button(key=f"open_{metric_id}").click().run()
    assert parameter(app, "passport") == [metric_id]
    body = page_html(app)
    (line,) = re.findall(r'data-testid="sum-line">(.*?)</div>', body)
    expected = {"intent": r"^(\d+) rows = \1: the tile", "worklists": r"4 ÷ 8 = 50\.0000%"}[page]
    assert re.search(expected, line), line


def metrics_of(page: str) -> list[dict[str, str]]:
    """Catalogue rows that belong to a page."""
    marts = {"intent": intent.METRIC_MARTS, "worklists": worklists.METRIC_MARTS}[page]
    with (REPO_ROOT / "seeds" / "metric_catalogue.csv").open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["mart"] in marts]


def test_the_words_that_a_signal_counted_stand_out_in_its_text(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    body = page_html(open_page(monkeypatch, home, "intent", account=ACCOUNT, hit="hit4"))
    assert "年底前还有<mark>预算</mark>，需要 <mark>&lt;财务&gt;</mark> 确认" in body
    assert html.marked("A budget, a BUDGET plan", ["budget", "budget plan"]) == (
        "A <mark>budget</mark>, a <mark>BUDGET plan</mark>"
    )


def test_filters_of_the_url_hold_for_the_whole_page(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    app = open_page(
        monkeypatch, home, "intent", signal="budget_words", industry="retail", sort="name"
    )
    assert app.multiselect(key="filter_signal").value == ["budget_words"]
    assert app.selectbox(key="intent_order").value == "name"
    body = page_html(app)
    assert "Signal: Budget words" in body and "Industry: Retail" in body
    assert (
        "Manufacturing" not in body and "Return after silence" not in body.split("account head")[0]
    )
    app.text_input(key="filter_search").set_value("no such account").run()
    assert parameter(app, "search") == ["no such account"]
    assert text("intent.no_accounts", "en") in page_html(app)
    app.button(key="reset").click().run()
    assert not {"search", "signal", "industry"} & set(app.query_params)


def test_what_filters_one_page_does_not_break_another(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    body = page_html(open_page(monkeypatch, home, signal="budget_words", reason="no_quote"))
    assert "Unknown: not recorded by Signal" not in body


@pytest.mark.parametrize("page", ["intent", "worklists"])
def test_an_older_version_says_what_it_does_not_have(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, page: str
) -> None:
    publish_company(tmp_path, without=(*INTENT_MARTS, "worklist_outcome"))
    body = page_html(open_page(monkeypatch, tmp_path, page, account=ACCOUNT, lead=LEAD))
    marts = {"intent": ("mart_intent_signal", "mart_intent_account"),
             "worklists": ("mart_silent_lead", "mart_worklist_outcome")}[page]  # fmt: skip
    for mart in marts:
        assert text("not_here.version", "en", mart=mart) in body


def test_an_account_of_an_incomplete_version_opens(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without = ("mart_intent_score_day", "mart_account_timeline", "mart_intent_evidence")
    publish_company(tmp_path, without=without)
    body = page_html(open_page(monkeypatch, tmp_path, "intent", account=ACCOUNT))
    for mart in without[:2]:
        assert text("not_here.version", "en", mart=mart) in body
    body = page_html(open_page(monkeypatch, tmp_path, "intent", account=ACCOUNT, hit="hit165"))
    assert text("not_here.version", "en", mart=without[2]) in body


def act(app: AppTest, kind: str, **fields: str) -> AppTest:
    """Fill in the form of the open lead and save."""
    app.segmented_control(key=f"kind_stalled_lead_{LEAD}").set_value(kind).run()
    for name, value in fields.items():
        field = next(
            widget
            for group in (app.selectbox, app.text_area, app.button_group, app.pills)
            for widget in group
            if str(widget.key).startswith("act_") and str(widget.key).endswith(f"_{name}")
        )
        field.set_value(value).run()
    next(button for button in app.button if str(button.key).endswith("_save")).click().run()
    assert [error.message for error in app.exception] == []
    return app


def test_an_action_is_stored_at_once_and_seen_by_everybody(
    monkeypatch: pytest.MonkeyPatch, own_home: Path
) -> None:
    other = open_page(monkeypatch, own_home, "worklists", list="stalled_lead")
    assert "Lead &lt;i&gt;17" in page_html(other)
    app = open_page(monkeypatch, own_home, "worklists", list="stalled_lead", lead=LEAD)
    assert text("worklist.name_needed", "en") in [caption.value for caption in app.caption]
    app.text_input(key="worklist_name_field").set_value("Li Na <b>").run()
    act(app, "outcome", outcome="quoted", note="at last")
    (stored,) = open_store(Settings(home=own_home)).actions()
    assert (stored.list_name, stored.subject_id, stored.value) == ("stalled_lead", LEAD, "quoted")
    assert (stored.actor, stored.note) == ("Li Na <b>", "at last")
    assert stored.version_id == "v000001-20260701T023000Z"
    body = page_html(app)
    assert "Outcome: Quoted" in body and "Li Na &lt;b&gt;" in body
    # The other session sees it at its next run: it is finished, so it has left the list.
    assert "Lead &lt;i&gt;17" not in page_html(other.run())
    other.toggle(key="worklist_hidden").set_value(True).run()
    assert "Lead &lt;i&gt;17" in page_html(other) and ">Quoted<" in page_html(other)
    next(button for button in app.button if str(button.key).endswith("_reopen")).click().run()
    other.toggle(key="worklist_hidden").set_value(False).run()
    assert "Lead &lt;i&gt;17" in page_html(other)


def test_a_lead_is_assigned_and_found_under_its_new_owner(
    monkeypatch: pytest.MonkeyPatch, own_home: Path
) -> None:
    app = open_page(monkeypatch, own_home, "worklists", list="stalled_lead", lead=LEAD, lang="zh")
    app.text_input(key="worklist_name_field").set_value("王芳").run()
    act(app, "assign", assign="crm:rep2")
    assert "指派给 Zhang Wei" in page_html(app)
    mine = open_page(monkeypatch, own_home, "worklists", list="stalled_lead", rep="crm:rep2")
    body = page_html(mine)
    assert "Lead &lt;i&gt;17" in body and text("worklist.assigned", "en") in body


def test_a_store_that_cannot_be_read_is_named_and_the_list_stays(
    monkeypatch: pytest.MonkeyPatch, own_home: Path
) -> None:
    settings = Settings(home=own_home)
    settings.worklist_file.parent.mkdir()
    settings.worklist_file.write_bytes(b"no database at all " * 100)
    body = page_html(open_page(monkeypatch, own_home, "worklists", list="stalled_lead", lead=LEAD))
    assert "actions.sqlite cannot be used" in body and "Lead &lt;i&gt;19" in body


def test_an_action_of_a_code_without_a_rule_row_is_shown_as_it_is(
    monkeypatch: pytest.MonkeyPatch, own_home: Path
) -> None:
    open_store(Settings(home=own_home)).append_action(
        new_action("stalled_lead", LEAD, "outcome", "x", PUBLISHED_AT, value="sold_elsewhere")
    )
    body = page_html(open_page(monkeypatch, own_home, "worklists", list="stalled_lead"))
    assert "sold_elsewhere" in body
