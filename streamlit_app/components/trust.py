"""Sections of the data-trust page."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
import streamlit as st

from streamlit_app.components import html
from streamlit_app.components.view import View
from streamlit_app.data import trust
from streamlit_app.data.trust import Listing, Row, Step
from streamlit_app.data.version import ask
from streamlit_app.i18n import formats


def _checks(view: View) -> Listing:
    return ask(view.version, trust.checks, view.version.info.run_id)


def strip(view: View) -> None:
    """The state of the data in six figures."""
    fresh = ask(view.version, trust.freshness)
    checked = _checks(view)
    quarantined = ask(view.version, trust.quarantine_reasons)
    codes = ask(view.version, trust.unmapped_codes)
    references = ask(view.version, trust.unmatched_references)
    unconverted = ask(view.version, trust.unconverted_values)
    states = [str(row["status"]) for row in checked.rows]
    items = [
        (
            "fresh",
            fresh,
            sum(row["freshness_status"] == "fresh" for row in fresh.rows),
            view.text("trust.of", total=formats.number(fresh.count_all)),
            "",
        ),
        (
            "checks",
            checked,
            states.count("passed"),
            view.text("trust.of", total=formats.number(len(states))),
            view.text(
                "trust.failed_not_run",
                failed=formats.number(states.count("failed")),
                not_run=formats.number(states.count("not_run")),
            ),
        ),
        (
            "quarantine",
            quarantined,
            sum(int(row["count_rows"]) for row in quarantined.rows),
            "",
            view.text("trust.reasons", count=formats.number(quarantined.count_all)),
        ),
        (
            "codes",
            codes,
            sum(row["code_status"] == "unmapped" for row in codes.rows),
            "",
            view.text(
                "trust.aliases",
                count=formats.number(sum(row["code_status"] == "alias" for row in codes.rows)),
            ),
        ),
        (
            "references",
            references,
            references.count_all,
            "",
            view.text(
                "trust.rows",
                count=formats.number(sum(int(r["count_rows"] or 0) for r in references.rows)),
            ),
        ),
        ("unconverted", unconverted, unconverted.count_all, "", ""),
    ]
    cells = []
    for name, listing, value, of_total, note in items:
        figure = formats.number(value) if listing.is_known else formats.DASH
        small = f" <small>{html.escape(of_total)}</small>" if of_total and listing.is_known else ""
        below = note if listing.is_known else view.text("trust.not_published")
        cells.append(
            f"<div><span>{html.escape(view.text(f'trust.strip_{name}'))}</span>"
            f"<b>{html.escape(figure)}{small}</b><em>{html.escape(below)}</em></div>"
        )
    st.html(f'<div class="strip">{"".join(cells)}</div>')


class _Missing(string.Formatter):
    """Fills placeholders with escaped values; a value that is unknown becomes a dash."""

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Any) -> str:
        value = kwargs.get(key)
        return html.escape(formats.DASH if value is None or value == "" else value)


def _step_html(view: View, step: Step, group: str) -> str:
    values = {
        name: formats.number(value) if isinstance(value, int) else value
        for name, value in step.values.items()
    }
    for name in ("reasons", "message", "remedy", "check", "description", "coverage"):
        values[name] = values.get(f"{name}_{view.language}") or values.get(f"{name}_en")
    if view.language == "zh" and values.get("detail_zh"):
        values["detail"] = values["detail_zh"]
    values["check_name"] = values.get("description") or values.get("check_id")
    values["detail"] = _shortened(values.get("detail"))
    template = view.text_template(f"{group}.next.{step.kind}")
    body = _Missing().vformat(template, (), values)
    return f"<li>{html.dot(step.severity)}<span>{body}</span></li>"


def _shortened(value: Any, length: int = 160) -> Any:
    """Long details stand in full in the table of checks."""
    return f"{value[:length]} …" if isinstance(value, str) and len(value) > length else value


def next_steps(view: View) -> None:
    """What to do, in words, the gravest first."""
    steps = ask(view.version, _steps_of, _reasons(view), view.version.info.run_id)
    steps_panel(view, steps, "trust")


def steps_panel(view: View, steps: Sequence[Step], group: str) -> None:
    """Steps as a list, in the words of ``<group>.next.<kind>``; says so where there are none."""
    with st.container(key="panel_next"):
        st.html(html.panel_title(view.text("trust.next_title"), view.text("trust.next_note")))
        if not steps:
            st.html(f'<div class="empty">{html.escape(view.text(f"{group}.next_none"))}</div>')
            return
        items = "".join(_step_html(view, step, group) for step in steps)
        st.html(f'<ol class="steps">{items}</ol>')


def _reasons(view: View) -> tuple[tuple[tuple[str, Any], ...], ...]:
    status = view.version.info.status
    if status.state != "held_back":
        return ()
    return tuple(tuple(asdict(reason).items()) for reason in status.reasons)


def _steps_of(
    connection: Any, reasons: tuple[tuple[tuple[str, Any], ...], ...], run_id: str
) -> tuple[Step, ...]:
    return trust.next_steps(
        [dict(reason) for reason in reasons],
        trust.freshness(connection),
        trust.last_receipts(connection),
        trust.checks(connection, run_id),
        trust.quarantine_reasons(connection),
        trust.unmapped_codes(connection),
        trust.unmapped_fields(connection),
        trust.unmatched_references(connection),
        trust.unconverted_values(connection),
    )


def listing(
    view: View,
    name: str,
    found: Listing,
    columns: Sequence[str],
    shape: Callable[[Row], Row] | None = None,
    group: str = "trust",
) -> None:
    """A titled table of rows; says so where there are none or the table is not published.

    Its texts are ``<group>.<name>``, with ``_note`` and ``_none``.
    """
    with st.container(key=f"panel_{name}"):
        note = view.text(f"{group}.{name}_note")
        st.html(html.panel_title(view.text(f"{group}.{name}"), note))
        if not found.is_known:
            st.html(f'<div class="empty">{html.escape(view.text("trust.not_published"))}</div>')
            return
        if not found.rows:
            st.html(f'<div class="empty">{html.escape(view.text(f"{group}.{name}_none"))}</div>')
            return
        rows = [shape(row) if shape else row for row in found.rows]
        present = [column for column in columns if any(column in row for row in rows)]
        frame = pd.DataFrame(
            [{column: _cell(view, column, row.get(column)) for column in present} for row in rows]
        )
        st.dataframe(
            frame,
            hide_index=True,
            row_height=30,
            placeholder=formats.DASH,
            column_config={
                column: st.column_config.Column(
                    view.text_or(f"column.{column}", column),
                    width="large" if column in _WIDE else 160 if column.endswith("_at") else None,
                )
                for column in present
            },
            key=f"table_{name}",
        )
        if found.count_all > len(found.rows):
            st.caption(
                view.text(
                    "trust.shown",
                    shown=formats.number(len(found.rows)),
                    count=formats.number(found.count_all),
                )
            )


_WIDE = ("message", "reason", "raw_text", "description", "detail", "missing_value")
_STATES = (
    "status", "code_status", "mapping_status", "freshness_status", "load_status",
    "last_load_status", "state",
)  # fmt: skip


def _cell(view: View, column: str, value: Any) -> Any:
    if value is None:
        return None
    if column in _STATES:
        return view.text_or(f"state.{value}", str(value))
    if column == "schedule":
        return view.text_or(f"schedule.{value}", str(value))
    if column == "severity":
        return view.text_or(f"severity.{value}", str(value))
    if column == "unconverted_reason":
        return view.text_or(f"unconverted_reason.{value}", str(value))
    if column in ("schema_change", "drift_policy"):
        return view.text_or(f"{column}.{value}", str(value))
    if column == "layer":
        return view.text_or(f"layer.{value}", str(value))
    if column.endswith("_at"):
        return formats.moment(value, view.zone, view.language)
    if column == "as_of":
        return formats.day(value, view.language)
    if column == "age_hours":
        return formats.shown(float(value), "hours", view.language)
    return value


def _in_language(view: View, *names: str) -> Callable[[Row], Row]:
    def shape(row: Row) -> Row:
        shaped = dict(row)
        for name in names:
            shaped[name] = row.get(f"{name}_{view.language}") or row.get(f"{name}_en")
        if view.language == "zh" and row.get("detail_zh"):
            shaped["detail"] = row["detail_zh"]
        return shaped

    return shape


def freshness(view: View) -> None:
    """The sources in one table, and every table of theirs in another."""
    by_system = ask(view.version, trust.freshness_by_system)
    with st.container(key="panel_sources"):
        st.html(html.panel_title(view.text("trust.sources"), view.text("trust.sources_note")))
        if not by_system.rows:
            key = "trust.freshness_none" if by_system.is_known else "trust.not_published"
            st.html(f'<div class="empty">{html.escape(view.text(key))}</div>')
            return
        st.html(_sources_table(view, by_system))
    listing(
        view,
        "freshness",
        ask(view.version, trust.freshness),
        (
            "source_system", "source_table", "freshness_status", "newest_at", "age_hours",
            "schedule", "last_load_status", "last_load_at", "rows_loaded", "rows_rejected",
        ),
    )  # fmt: skip


def _sources_table(view: View, listing: Listing) -> str:
    numbers = ("rows_loaded", "rows_rejected")
    names = (
        "source_system", "freshness_status", "count_fresh", "oldest_newest_at", "newest_at",
        "last_good_load_at", *numbers,
    )  # fmt: skip
    rows = []
    for row in listing.rows:
        state = str(row["freshness_status"])
        of_total = view.text("trust.of", total=formats.number(row["count_tables"]))
        cells = [
            html.Cell(str(row["source_system"])),
            html.Cell(view.text_or(f"state.{state}", state), status=state),
            html.Cell(f"{formats.number(row['count_fresh'])} {of_total}"),
        ]
        cells += [
            html.Cell(formats.moment(row[name], view.zone, view.language)) for name in names[3:6]
        ]
        cells += [html.Cell(formats.number(row[name] or 0), classes="num") for name in numbers]
        rows.append(cells)
    headings = [(view.text(f"column.{name}"), "num" if name in numbers else "") for name in names]
    return html.table(headings, rows)


def receipts(view: View) -> None:
    columns = (
        "source_system", "source_table", "load_status", "finished_at", "rows_received",
        "rows_loaded", "rows_rejected", "rows_deleted", "rows_previous", "message",
        "remedy", "schema_changes",
    )  # fmt: skip
    listing(
        view,
        "receipts",
        ask(view.version, trust.last_receipts),
        columns,
        _in_language(view, "message", "remedy"),
    )


def checks(view: View) -> None:
    columns = (
        "status", "severity", "layer", "table_name", "column_name", "description",
        "count_failed", "detail", "checker",
    )  # fmt: skip
    listing(view, "checks", _checks(view), columns, _in_language(view, "description"))


def quarantine(view: View) -> None:
    listing(
        view,
        "quarantine",
        ask(view.version, trust.quarantine_reasons),
        ("source_system", "source_table", "reason", "count_rows", "newest_at", "reason_code"),
        _in_language(view, "reason"),
    )
    samples = ask(view.version, trust.quarantine_samples)
    if samples.rows:
        columns = ("source_system", "source_table", "source_file", "source_row", "raw_text")
        listing(view, "samples", samples, columns)


def mapping(view: View) -> None:
    """Codes, fields, references and values that the rule tables do not cover."""
    listing(
        view,
        "codes",
        ask(view.version, trust.unmapped_codes),
        (
            "code_status", "source_system", "object_name", "field_name", "code_list", "source_code",
            "canonical_code", "count_rows",
        ),
    )  # fmt: skip
    listing(
        view,
        "references",
        ask(view.version, trust.unmatched_references),
        (
            "source_system", "object_name", "field_name", "referenced_object", "missing_value",
            "count_rows",
        ),
    )  # fmt: skip
    listing(
        view,
        "unconverted",
        ask(view.version, trust.unconverted_values),
        (
            "source_system", "source_table", "object_name", "field_name", "source_value",
            "unconverted_reason", "count_rows",
        ),
    )  # fmt: skip
    listing(
        view,
        "fields",
        ask(view.version, trust.unmapped_fields),
        ("source_system", "source_table", "source_field", "mapping_status"),
    )


def visitor_links(view: View) -> None:
    """Visitors whose evidence disagrees; a row of `seeds/visitor_link_override.csv` decides."""
    listing(
        view,
        "visitor_links",
        ask(view.version, trust.visitor_link_reviews),
        (
            "reason", "candidates", "evidence", "remedy", "visitor_id", "visitor_address",
            "count_sessions", "last_evidence_at", "source_system",
        ),
        _in_language(view, "reason", "remedy"),
    )  # fmt: skip


def versions(view: View) -> None:
    listing(
        view,
        "versions",
        ask(view.version, trust.versions),
        ("version_id", "state", "published_at", "as_of", "tables", "rows", "run_id"),
    )
