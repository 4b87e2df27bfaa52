"""The sources page: its questions, what follows from them, and the page itself."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import pytest
import streamlit as st

from dagster_project.connectors.schedules import CRON, next_due
from streamlit_app.data import sources, trust
from streamlit_app.i18n import text
from tests.unit.streamlit_app.dashboard_company import publish_company
from tests.unit.streamlit_app.test_pages import open_page, page_html


@pytest.fixture(autouse=True)
def clean_cache() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


def steps_of(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    steps = sources.next_steps(
        sources.tables(connection),
        sources.changes(connection),
        trust.quarantine_reasons(connection),
    )
    return [(step.kind, step.severity) for step in steps]


@pytest.mark.parametrize(
    ("schedule", "after", "due"),
    [
        ("hourly", "2026-06-30 22:04:59", "2026-06-30 22:05:00"),
        ("hourly", "2026-06-30 23:05:00", "2026-07-01 00:05:00"),
        ("daily", "2026-06-30 02:14:00", "2026-06-30 02:15:00"),
        ("daily", "2026-06-30 02:15:00", "2026-07-01 02:15:00"),
        ("weekly", "2026-06-30 12:00:00", "2026-07-06 03:30:00"),  # a Tuesday, the next Monday
        ("weekly", "2026-07-06 03:29:59", "2026-07-06 03:30:00"),
    ],
)
def test_the_next_load_is_the_next_scheduled_time(schedule: str, after: str, due: str) -> None:
    assert next_due(schedule, datetime.fromisoformat(after)) == datetime.fromisoformat(due)


def test_a_load_that_did_not_come_at_its_time_is_overdue(
    own_company: duckdb.DuckDBPyConnection,
) -> None:
    rows = sources.tables(own_company).rows
    last = max(row["next_due_at"] for row in rows if row["next_due_at"] is not None)
    step = sources.overdue_step(rows, last + sources.OVERDUE_AFTER * 2)
    assert step is not None
    assert (step.kind, step.severity) == ("overdue", "warn")
    assert {"chat", "crm"} <= set(str(step.values["systems"]).split(", "))
    first = min(row["next_due_at"] for row in rows if row["next_due_at"] is not None)
    assert sources.overdue_step(rows, first + sources.OVERDUE_AFTER) is None
    own_company.execute("update mart_load_receipt set schedule = 'manual'")
    own_company.execute("update ops_sources set schedule = 'manual'")
    by_hand = sources.tables(own_company).rows
    assert sources.overdue_step(by_hand, last + sources.OVERDUE_AFTER * 2) is None


def test_nobody_loads_what_is_loaded_by_hand() -> None:
    assert next_due("manual", datetime.fromisoformat("2026-06-30 12:00:00")) is None
    assert set(CRON) == {"hourly", "daily", "weekly"}


def test_every_fault_gets_a_step_the_gravest_first(
    own_company: duckdb.DuckDBPyConnection,
) -> None:
    assert steps_of(own_company) == [
        ("late", "error"),
        ("held_back", "warn"),
        ("gap", "warn"),
        ("coverage", "warn"),
        ("quota", "warn"),
        ("never_loaded", "warn"),
        ("quarantine", "warn"),
        ("drift", "note"),
    ]
    own_company.execute("update mart_load_receipt set load_status = 'failed'")
    assert steps_of(own_company)[:2] == [("failed", "error"), ("failed", "error")]


def test_what_was_loaded_whole_needs_no_step(own_company: duckdb.DuckDBPyConnection) -> None:
    own_company.execute(
        "update mart_load_receipt set load_status = 'loaded', rows_gap = 0, "
        "coverage_seen = coverage_all, quota_used = 0"
    )
    own_company.execute("update mart_data_freshness set freshness_status = 'fresh'")
    own_company.execute("delete from mart_quarantined_row")
    own_company.execute("delete from ops_sources where source_system = 'chat'")
    own_company.execute("delete from mart_schema_change where period_date = date '2026-06-30'")
    assert steps_of(own_company) == [], "a change of a month ago is history"


def test_a_source_is_as_good_as_its_worst_table(own_company: duckdb.DuckDBPyConnection) -> None:
    own_company.execute(
        "insert into mart_load_receipt select * replace ('crm:deals:1' as load_receipt_id, "
        "'deals' as source_table, null as rows_gap, 10 as coverage_seen) "
        "from mart_load_receipt where source_table = 'leads'"
    )
    _, crm, web = sources.states(sources.tables(own_company).rows)
    assert (crm.status, crm.count_good, crm.count_tables) == ("incomplete", 2, 2)
    assert (crm.rows_gap, crm.coverage, crm.quota) == (3, 0.2, 0.9)
    assert (web.status, web.count_good, web.rows_gap, web.coverage) == ("held_back", 0, None, None)
    assert crm.next_due_at == datetime.fromisoformat("2026-06-30 23:05:00")
    own_company.execute(
        "update mart_load_receipt set load_status = 'failed' where source_table = 'deals'"
    )
    assert sources.states(sources.tables(own_company).rows)[1].status == "failed"


def test_only_the_newest_load_counts(own_company: duckdb.DuckDBPyConnection) -> None:
    own_company.execute(
        "insert into mart_load_receipt select * replace ('2' as load_id, 'x' as load_receipt_id, "
        "'unchanged' as load_status, 0 as rows_gap, started_at + interval 1 hour as started_at, "
        "finished_at + interval 1 hour as finished_at) "
        "from mart_load_receipt where source_table = 'leads'"
    )
    (leads,) = [r for r in sources.tables(own_company).rows if r["source_table"] == "leads"]
    assert (leads["load_id"], leads["rows_gap"]) == ("2", 0)
    assert leads["next_due_at"] == datetime.fromisoformat("2026-07-01 00:05:00")


def test_a_version_of_an_older_release_tells_less_and_breaks_nothing(
    own_company: duckdb.DuckDBPyConnection,
) -> None:
    for name in ("rows_gap", "rows_asked", "coverage_seen", "coverage_all", "quota_used"):
        own_company.execute(f"alter table mart_load_receipt drop column {name}")
    for table in ("mart_schema_change", "mart_data_freshness", "ops_sources"):
        own_company.execute(f"drop table {table}")
    assert not sources.changes(own_company).is_known
    assert {row["rows_gap"] for row in sources.tables(own_company).rows} == {None}
    assert ("gap", "warn") not in steps_of(own_company)
    assert {state.rows_gap for state in sources.states(sources.tables(own_company).rows)} == {None}


def test_a_source_that_never_loaded_is_listed(own_company: duckdb.DuckDBPyConnection) -> None:
    (chat, *_) = sources.states(sources.tables(own_company).rows)
    assert (chat.source_system, chat.kind, chat.status) == ("chat", "wecom", "never_loaded")
    assert (chat.count_good, chat.count_tables, chat.last_load_at) == (0, 2, None)
    # Published on 1 July at 02:30: the daily load of that day is over.
    assert chat.next_due_at == datetime.fromisoformat("2026-07-02 02:15:00")
    own_company.execute("update ops_sources set schedule = 'manual' where source_system = 'chat'")
    assert ("never_loaded_manual", "warn") in steps_of(own_company)
    own_company.execute("delete from mart_load_receipt")
    own_company.execute("delete from mart_data_freshness")
    assert {row["load_status"] for row in sources.tables(own_company).rows} == {"never_loaded"}
    assert {kind for kind, _ in steps_of(own_company)} == {
        "never_loaded", "never_loaded_manual", "quarantine"
    }  # fmt: skip


def test_a_source_that_nobody_names_any_more_is_not_late(
    own_company: duckdb.DuckDBPyConnection,
) -> None:
    own_company.execute("delete from ops_sources where source_system = 'web'")
    kinds = [kind for kind, _ in steps_of(own_company)]
    assert "retired" in kinds and "late" not in kinds
    *_, web = sources.states(sources.tables(own_company).rows)
    assert (web.source_system, web.next_due_at) == ("web", None)


def test_a_source_that_shows_nobody_has_the_least_coverage(
    own_company: duckdb.DuckDBPyConnection,
) -> None:
    own_company.execute(
        "update mart_load_receipt set coverage_seen = 0, rows_gap = 0 where source_table = 'leads'"
    )
    crm = sources.states(sources.tables(own_company).rows)[1]
    assert (crm.status, crm.coverage) == ("incomplete", 0)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_complete_in_both_languages(
    monkeypatch: pytest.MonkeyPatch, home: Path, language: str
) -> None:
    app = open_page(monkeypatch, home, "sources", lang=language)
    body = page_html(app)
    for key in ("trust.next_title", "sources.overview", "sources.tables", "trust.quarantine",
                "sources.changes", "sources.metrics", "sources.strip_gap"):  # fmt: skip
        assert text(key, language) in body, key
    other = "zh" if language == "en" else "en"
    assert text("sources.overview_note", other) not in body
    assert "confirm --system web --table access" in body
    assert "resync --system crm --table leads" in body
    assert "{" not in body.replace("{location", ""), "a placeholder was left"
    loads, _, _, changes = (frame.value for frame in app.dataframe)
    assert list(loads["rows_gap"].dropna()) == [3]
    # One source tells how much of all it shows, the other only in words.
    assert (
        set(loads["coverage"].dropna())
        == {
            "en": {"46 of 50 members", "members"},
            "zh": {"46 / 50 成员", "成员"},
        }[language]
    )
    assert len(changes) == 3 and text("schema_change.type", language) in set(
        changes["schema_change"]
    )
    assert text("state.never_loaded", language) in body
    assert "--check --system chat" in body
    name = {"en": "Website", "zh": "官网"}[language]
    assert f">{name}</td>" in body
    assert "&lt;b&gt;fax" in body, "text from data is escaped"
    assert ("90.0%" in body) and ("92.0%" in body)


def test_the_page_says_so_where_nothing_is_published(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    publish_company(tmp_path, without=("mart_load_receipt", "mart_schema_change"))
    body = page_html(open_page(monkeypatch, tmp_path, "sources"))
    assert body.count(text("trust.not_published", "en")) >= 3
