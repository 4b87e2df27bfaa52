"""Sections of the sources page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import streamlit as st

from dagster_project.settings import utc_now
from streamlit_app.components import html, trust
from streamlit_app.components.overview import results
from streamlit_app.components.tiles import filter_words, tiles
from streamlit_app.components.view import View
from streamlit_app.data import sources
from streamlit_app.data import trust as trust_data
from streamlit_app.data.sources import SourceState
from streamlit_app.data.trust import Row, Step
from streamlit_app.data.version import ask
from streamlit_app.i18n import formats


def strip(view: View) -> None:
    """The state of all sources in six figures."""
    listing = ask(view.version, sources.tables)
    changed = ask(view.version, sources.changes)
    statuses = [str(row["load_status"]) for row in listing.rows]
    good = sum(status in ("loaded", "unchanged") for status in statuses)
    gaps = [int(row["rows_gap"]) for row in listing.rows if row["rows_gap"] is not None]
    covered = [
        state.coverage for state in sources.states(listing.rows) if state.coverage is not None
    ]
    items = [
        ("loaded", formats.number(good), view.text("trust.of", total=formats.number(len(statuses))),
         view.text("sources.strip_loaded_note", held=formats.number(statuses.count("held_back")),
                   failed=formats.number(statuses.count("failed")),
                   never=formats.number(statuses.count("never_loaded")))),
        ("received", formats.number(sum(int(r["rows_received"] or 0) for r in listing.rows)), "",
         view.text("sources.last_loads")),
        ("gap", formats.number(sum(gaps)) if gaps else formats.DASH, "",
         view.text("sources.told_by", count=formats.number(len(gaps)))),
        ("rejected", formats.number(sum(int(r["rows_rejected"] or 0) for r in listing.rows)), "",
         view.text("sources.last_loads")),
        ("coverage", formats.shown(min(covered), "ratio", view.language) if covered
         else formats.DASH, "", view.text("sources.coverage_note")),
        ("changes", formats.number(changed.count_all) if changed.is_known else formats.DASH, "",
         "" if changed.is_known else view.text("trust.not_published")),
    ]  # fmt: skip
    cells = []
    for name, value, of_total, note in items:
        shown = value if listing.is_known else formats.DASH
        below = note if listing.is_known else view.text("trust.not_published")
        small = f" <small>{html.escape(of_total)}</small>" if of_total and listing.is_known else ""
        cells.append(
            f"<div><span>{html.escape(view.text(f'sources.strip_{name}'))}</span>"
            f"<b>{html.escape(shown)}{small}</b><em>{html.escape(below)}</em></div>"
        )
    st.html(f'<div class="strip">{"".join(cells)}</div>')


def next_steps(view: View) -> None:
    """What to do, in words and commands, the gravest first."""
    steps = ask(view.version, _steps_of)
    overdue = sources.overdue_step(ask(view.version, sources.tables).rows, now())
    trust.steps_panel(view, (overdue, *steps) if overdue else steps, "sources")


def now() -> datetime:
    """The time of the viewer, UTC without a zone as in the receipts."""
    return utc_now().replace(tzinfo=None)


def _steps_of(connection: Any) -> tuple[Step, ...]:
    return sources.next_steps(
        sources.tables(connection),
        sources.changes(connection),
        trust_data.quarantine_reasons(connection),
    )


def overview(view: View) -> None:
    """One row per source."""
    listing = ask(view.version, sources.tables)
    with st.container(key="panel_sources_overview"):
        title, note = view.text("sources.overview"), view.text("sources.overview_note")
        st.html(html.panel_title(title, note))
        if not listing.rows:
            key = "sources.tables_none" if listing.is_known else "trust.not_published"
            st.html(f'<div class="empty">{html.escape(view.text(key))}</div>')
            return
        names = (
            "source_system", "load_status", "source_label", "count_tables", "last_load_at",
            "next_due_at", "rows_received", "rows_gap", "rows_rejected", "coverage", "quota",
        )  # fmt: skip
        numbers = names[6:]
        headings = [
            (view.text(f"column.{name}"), "num" if name in numbers else "") for name in names
        ]
        states = sources.states(listing.rows)
        st.html(html.table(headings, [_state_cells(view, state) for state in states]))


_DOTS = {
    "loaded": "fresh",
    "incomplete": "warn",
    "never_loaded": "warn",
    "held_back": "warn",
    "failed": "error",
}


def _state_cells(view: View, state: SourceState) -> list[html.Cell]:
    def share(value: float | None) -> str:
        return formats.DASH if value is None else formats.shown(value, "ratio", view.language)

    named = state.label_zh if view.language == "zh" else state.label_en
    label = "" if named == state.source_system else named  # the default of the sources file

    def number(value: int) -> str:
        return formats.DASH if state.last_load_at is None else formats.number(value)

    kind = view.text_or(f"source_kind.{state.kind}", state.kind)
    due = formats.DASH
    if state.next_due_at is not None:
        due = formats.moment(state.next_due_at, view.zone, view.language)
        if sources.is_overdue(state.next_due_at, now()):
            due = view.text("sources.overdue_since", moment=due)
    elif state.schedule == "manual":
        due = view.text("schedule.manual")
    of_total = view.text("trust.of", total=formats.number(state.count_tables))
    return [
        html.Cell(state.source_system, title=kind),
        html.Cell(view.text(f"state.{state.status}"), status=_DOTS[state.status]),
        html.Cell(label or kind),
        html.Cell(f"{formats.number(state.count_good)} {of_total}"),
        html.Cell(
            formats.DASH
            if state.last_load_at is None
            else formats.moment(state.last_load_at, view.zone, view.language)
        ),
        html.Cell(due),
        html.Cell(number(state.rows_received), classes="num"),
        html.Cell(
            formats.DASH if state.rows_gap is None else formats.number(state.rows_gap),
            classes="num",
        ),
        html.Cell(number(state.rows_rejected), classes="num"),
        html.Cell(share(state.coverage), classes="num"),
        html.Cell(share(state.quota), classes="num"),
    ]


def tables(view: View) -> None:
    """The newest load of every table, with all that its receipt tells."""

    def shape(row: Row) -> Row:
        shaped = dict(row)
        for name in ("message", "remedy"):
            shaped[name] = row.get(f"{name}_{view.language}") or row.get(f"{name}_en")
        # What a source shows of all it has; some only tell in words that it is not known.
        told = row.get(f"coverage_{view.language}") or ""
        if row["coverage_seen"] is not None and row["coverage_all"] is not None:
            of_total = view.text("trust.of", total=formats.number(row["coverage_all"]))
            told = f"{formats.number(row['coverage_seen'])} {of_total} {told}"
        shaped["coverage"] = told.strip() or None
        shaped["quota"] = None
        if row["quota_used"] is not None and row["quota_limit"] is not None:
            of_total = view.text("trust.of", total=formats.number(row["quota_limit"]))
            shaped["quota"] = f"{formats.number(row['quota_used'])} {of_total}"
        return shaped

    columns = (
        "source_system", "source_table", "load_status", "finished_at", "next_due_at",
        "rows_asked", "rows_received", "rows_gap", "rows_loaded", "rows_merged", "rows_deleted",
        "rows_rejected", "coverage", "count_calls", "count_retries", "quota", "newest_at",
        "message", "remedy",
    )  # fmt: skip
    trust.listing(view, "tables", ask(view.version, sources.tables), columns, shape, "sources")


def changes(view: View) -> None:
    """The log of changed structures."""
    columns = (
        "found_at", "source_system", "source_table", "schema_change", "column_name",
        "type_before", "type_after", "drift_policy", "load_status",
    )  # fmt: skip
    listing = ask(view.version, sources.changes)
    trust.listing(view, "changes", listing, columns, group="sources")


def metrics(view: View) -> None:
    """The catalogue's metrics about loads, each with its passport."""
    chosen = [item for item in view.metrics if item.mart in sources.METRIC_MARTS]
    if chosen:
        st.html(html.section(view.text("sources.metrics"), filter_words(view)))
        tiles(view, chosen, results(view))
