"""The passport of a metric: what it is, where it comes from, and the rows that make it up."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from streamlit_app.components import html, url
from streamlit_app.components.tiles import (
    change_parts,
    filter_words,
    is_small,
    sample_text,
    shows_sample,
    unknown_reason,
)
from streamlit_app.components.view import View
from streamlit_app.data import exports, passport
from streamlit_app.data import metrics as semantic
from streamlit_app.data.catalogue import Metric, column_types
from streamlit_app.data.metrics import Result
from streamlit_app.data.version import ask, connection_of
from streamlit_app.i18n import formats

PAGE_SIZE = 50
PARTS = ("rows", "sources", "sql", "lineage")


def _closed() -> None:
    url.write("passport", None)


def show(view: View) -> None:
    """Open the passport that the URL names; nothing where it names none."""
    metric = view.metric(view.state.passport)
    if metric is None:
        return
    st.dialog(metric.name(view.language), width=860, position="right", on_dismiss=_closed)(
        _content
    )(view, metric)


def _content(view: View, metric: Metric) -> None:
    result = ask(view.version, semantic.evaluate, metric, view.state.selected, view.state.period)
    st.html(_head(view, metric, result))
    st.html(html.facts(_facts(view, metric, result)))
    part = st.segmented_control(
        view.text("passport.part"),
        PARTS,
        key=f"passport_part_{metric.metric_id}",
        default="rows",
        required=True,
        format_func=lambda name: view.text(f"passport.{name}"),
        label_visibility="collapsed",
    )
    if part == "sources":
        _sources(view, metric)
    elif part == "sql":
        _sql(view, metric, result)
    elif part == "lineage":
        _lineage(view, metric)
    else:
        _rows(view, metric, result)


def _head(view: View, metric: Metric, result: Result) -> str:
    if result.leading is None:
        value = html.escape(formats.DASH)
        note = unknown_reason(view, metric, result)
    else:
        first, *others = (
            html.escape(formats.shown(item.value, metric.unit, view.language, item.currency))
            for item in result.values
        )
        value = first
        if others:
            value += f' <span class="others">{" · ".join(others)}</span>'
        note = filter_words(view)
        change = change_parts(view, metric, result, "passport.before")
        if change is not None:
            note = f"{change[1]} {change[2]} · {note}"
    other = "en" if view.language == "zh" else "zh"
    return (
        f'<div class="passport-value">{value}<small>{html.escape(note)}</small></div>'
        f'<div class="definition"><p>{html.escape(metric.definition(view.language))}</p>'
        f'<p class="other">{html.escape(metric.name(other))}: '
        f"{html.escape(metric.definition(other))}</p></div>"
    )


def _facts(view: View, metric: Metric, result: Result) -> list[tuple[str, str]]:
    """Names and values of what a reader of the number must know."""
    language = view.language
    pairs = [
        (
            view.text("passport.exact"),
            "\n".join(
                formats.exact(item.value, metric.unit, language, item.currency)
                for item in result.values
            )
            or formats.DASH,
        )
    ]
    leading = result.leading
    if leading is not None and metric.aggregation == "ratio":
        fraction = " · ".join(
            f"{_plain(item.numerator)} ÷ {_plain(item.denominator)}" for item in result.values
        )
        pairs.append((view.text("passport.fraction"), fraction))
    if leading is not None and shows_sample(metric):
        words = sample_text(view, metric, leading)
        if is_small(view, leading):
            words = f"{words} · {view.text('tile.small')}"
        pairs.append((view.text("passport.sample"), words))
    if result.previous:
        order = {item.currency: index for index, item in enumerate(result.values)}
        before = "\n".join(
            formats.exact(item.value, metric.unit, language, item.currency)
            for item in sorted(result.previous, key=lambda item: order.get(item.currency, 99))
        )
        pairs.append((view.text("passport.previous"), before))

    def amount(value: float | None) -> str:
        return formats.shown(value, metric.unit, language)

    pairs += [
        (view.text("passport.unit"), view.text_or(f"unit_name.{metric.unit}", metric.unit)),
        (
            view.text("passport.direction"),
            view.text_or(f"direction.{metric.direction}", metric.direction),
        ),
        (view.text("passport.target"), amount(metric.target)),
        (view.text("passport.benchmark"), amount(metric.benchmark)),
        (
            view.text("passport.owner"),
            view.text_or(f"owner.{metric.owner}", metric.owner or formats.DASH),
        ),
        (view.text("passport.definition_version"), metric.version or formats.DASH),
        (view.text("passport.metric_id"), metric.metric_id),
        (view.text("passport.as_of"), formats.day(view.version.info.as_of, language)),
        (view.text("passport.version"), view.version.version_id),
    ]
    return pairs


def _plain(value: float | None) -> str:
    return formats.DASH if value is None else formats.number(value)


def _sum_line(view: View, metric: Metric) -> str:
    sums = ask(view.version, semantic.sum_rows, metric, view.state.selected, view.state.period)
    lines = []
    for item in sums:
        value = formats.exact(item.value, metric.unit, view.language, item.currency)
        count = formats.number(item.count_rows)
        if metric.aggregation == "ratio":
            lines.append(
                view.text(
                    "passport.sum_ratio",
                    count=count,
                    numerator=_plain(item.numerator),
                    denominator=_plain(item.denominator),
                    value=value,
                )
            )
        else:
            lines.append(view.text(f"passport.sum_{metric.aggregation}", count=count, value=value))
    inner = "<br>".join(html.escape(line) for line in lines)
    return f'<div class="sum-line" data-testid="sum-line">{inner}</div>'


def _rows(view: View, metric: Metric, result: Result) -> None:
    if result.unknown is not None:
        st.html(f'<div class="empty">{html.escape(unknown_reason(view, metric, result))}</div>')
        return
    st.html(_sum_line(view, metric))
    types = ask(view.version, column_types, metric.mart)
    columns = semantic.row_columns(metric, types)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sort_column = st.selectbox(
            view.text("passport.sort"),
            columns,
            index=columns.index("period_date") if "period_date" in columns else 0,
            format_func=lambda name: view.text_or(f"column.{name}", name),
            key=f"sort_{metric.metric_id}",
            width=220,
        )
        order = st.segmented_control(
            view.text("passport.order"),
            ("desc", "asc"),
            default="desc",
            required=True,
            format_func=lambda name: view.text(f"passport.{name}"),
            key=f"order_{metric.metric_id}",
        )
        _downloads(view, metric, result)
    sums = ask(view.version, semantic.sum_rows, metric, view.state.selected, view.state.period)
    total = sum(item.count_rows for item in sums)
    pages = max(1, math.ceil(total / PAGE_SIZE))
    page = 1
    if pages > 1:
        page = st.pagination(pages, key=f"page_{metric.metric_id}")
    frame, count = ask(
        view.version,
        semantic.rows_page,
        metric,
        view.state.selected,
        view.state.period,
        sort_column,
        order != "asc",
        min(page, pages),
        PAGE_SIZE,
    )
    first = (min(page, pages) - 1) * PAGE_SIZE
    st.dataframe(
        frame,
        hide_index=True,
        height="auto" if len(frame) <= 10 else 480,
        row_height=30,
        placeholder=formats.DASH,
        column_config=_column_config(view, frame),
    )
    st.caption(
        view.text(
            "passport.shown",
            first=formats.number(first + 1 if count else 0),
            last=formats.number(first + len(frame)),
            count=formats.number(count),
        )
    )


def _column_config(view: View, frame: pd.DataFrame) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for name in frame.columns:
        label = view.text_or(f"column.{name}", str(name))
        if str(name) == "period_date" or str(name) == "cohort_month":
            config[name] = st.column_config.DateColumn(label, format="YYYY-MM-DD")
        elif pd.api.types.is_datetime64_any_dtype(frame[name]):
            config[name] = st.column_config.DatetimeColumn(
                label, format="YYYY-MM-DD HH:mm", timezone=view.zone
            )
        else:
            config[name] = st.column_config.Column(label)
    return config


def about(view: View, metric: Metric, result: Result) -> tuple[tuple[str, str], ...]:
    """What the first sheet of an export says."""
    made_at = formats.moment(datetime.now(UTC), view.zone, view.language)
    return (
        (view.text("passport.name"), metric.name(view.language)),
        (view.text("passport.definition"), metric.definition(view.language)),
        (view.text("passport.selection"), filter_words(view)),
        *_facts(view, metric, result),
        (view.text("passport.exported_at"), f"{made_at} ({view.zone})"),
    )


def _downloads(view: View, metric: Metric, result: Result) -> None:
    stem = f"{metric.metric_id}_{view.version.version_id.split('-')[0]}"
    arguments = (metric, view.state.selected, view.state.period)
    st.download_button(
        view.text("passport.csv"),
        data=lambda: exports.rows_csv(connection_of(view.version), *arguments),
        file_name=f"{stem}.csv",
        mime="text/csv",
        on_click="ignore",
        key=f"csv_{metric.metric_id}",
    )
    st.download_button(
        view.text("passport.xlsx"),
        data=lambda: exports.rows_xlsx(
            connection_of(view.version),
            *arguments,
            about(view, metric, result),
            view.text("passport.sheet_about"),
            view.text("passport.sheet_rows"),
        ),
        file_name=f"{stem}.xlsx",
        mime="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        on_click="ignore",
        key=f"xlsx_{metric.metric_id}",
    )


def _sources(view: View, metric: Metric) -> None:
    sources = ask(view.version, passport.metric_sources, metric.metric_id)
    st.html(html.section(view.text("passport.as_of_sources")))
    if sources:
        headings = [
            (view.text("column.source_table"), ""),
            (view.text("column.freshness_status"), ""),
            (view.text("column.newest_at"), "num"),
            (view.text("column.last_good_load_at"), "num"),
        ]
        rows = [
            [
                html.Cell(f"{item.source_system}.{item.source_table}"),
                html.Cell(
                    view.text_or(f"state.{item.freshness_status}", item.freshness_status),
                    status=item.freshness_status,
                ),
                html.Cell(formats.moment(item.newest_at, view.zone, view.language), classes="num"),
                html.Cell(
                    formats.moment(item.last_good_load_at, view.zone, view.language),
                    classes="num",
                ),
            ]
            for item in sources
        ]
        st.html(html.table(headings, rows))
    else:
        st.html(f'<div class="empty">{html.escape(view.text("passport.no_lineage"))}</div>')

    summary = ask(view.version, passport.metric_checks, metric.metric_id, view.version.info.run_id)
    if summary is None:
        st.html(html.section(view.text("passport.checks"), view.text("status.unknown")))
        return
    words = " · ".join(
        (
            view.text("status.passed", count=formats.number(summary.count_passed)),
            view.text("status.failed", count=formats.number(summary.count_failed)),
            view.text("status.not_run", count=formats.number(summary.count_not_run)),
        )
    )
    st.html(html.section(view.text("passport.checks"), words))
    if summary.rows:
        st.html(
            html.table(
                [
                    (view.text("column.status"), ""),
                    (view.text("column.table_name"), ""),
                    (view.text("column.check"), ""),
                ],
                [
                    [
                        html.Cell(
                            view.text_or(f"state.{row['status']}", str(row["status"])),
                            status=_check_dot(row),
                        ),
                        html.Cell(
                            ".".join(
                                str(row[key]) for key in ("table_name", "column_name") if row[key]
                            ),
                            classes="muted",
                        ),
                        html.Cell(_check_words(view, row), classes="wrap"),
                    ]
                    for row in summary.rows
                ],
            )
        )


def _check_dot(row: dict[str, object]) -> str:
    if row["status"] == "failed" and row["severity"] == "warn":
        return "warn"
    return str(row["status"])


def _check_words(view: View, row: dict[str, object]) -> str:
    words = str(row[f"description_{view.language}"] or row["check_id"])
    detail = (row["detail_zh"] if view.language == "zh" else None) or row["detail"]
    return f"{words} — {detail}" if detail and row["status"] != "passed" else words


def _sql(view: View, metric: Metric, result: Result) -> None:
    types = ask(view.version, column_types, metric.mart)
    if types and result.unknown != "dimension":
        st.html(html.section(view.text("passport.tile_sql"), view.text("passport.tile_sql_note")))
        st.code(
            semantic.metric_sql(metric, types, view.state.selected, view.state.period),
            language="sql",
        )
    model = ask(view.version, passport.model_sql, metric.mart)
    st.html(html.section(view.text("passport.mart_sql", mart=metric.mart)))
    if model is None:
        st.html(f'<div class="empty">{html.escape(view.text("passport.no_sql"))}</div>')
    else:
        st.code(model, language="sql", height=420)


def _lineage(view: View, metric: Metric) -> None:
    lineage = ask(view.version, passport.metric_lineage, metric.metric_id)
    if not lineage.layers:
        st.html(f'<div class="empty">{html.escape(view.text("passport.no_lineage"))}</div>')
        return
    rows = []
    for layer, nodes in lineage.layers:
        chips = "".join(f"<code>{html.escape(node)}</code>" for node in nodes)
        rows.append(
            f'<div class="layer"><span>{html.escape(view.text_or(f"layer.{layer}", layer))}</span>'
            f'<div class="nodes">{chips}</div></div>'
        )
    rows.append(
        f'<div class="layer metric"><span>{html.escape(view.text("layer.metric"))}</span>'
        f'<div class="nodes"><code>{html.escape(metric.metric_id)}</code></div></div>'
    )
    st.html(f'<div class="lineage">{"".join(rows)}</div>')
