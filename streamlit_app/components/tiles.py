"""Metric tiles: value, unit, change, trend, sample; a click opens the passport."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

import streamlit as st

from streamlit_app.components import html, url
from streamlit_app.components.view import View
from streamlit_app.data import overview
from streamlit_app.data.catalogue import Metric
from streamlit_app.data.filters import UNKNOWN, dimension
from streamlit_app.data.metrics import Result, Value
from streamlit_app.data.version import ask
from streamlit_app.i18n import formats


def open_passport(metric_id: str) -> None:
    """Callback: the URL names the passport, so that a link opens it too."""
    url.write("passport", metric_id)


def value_html(view: View, metric: Metric, value: Value) -> str:
    """The value in large type, its sign and unit small, in full as tooltip."""
    before, middle, after = formats.parts(value.value, metric.unit, view.language, value.currency)
    exact = formats.exact(value.value, metric.unit, view.language, value.currency)
    return (
        f'<div class="tile-value" title="{html.escape(exact)}">'
        + (f'<span class="sign">{html.escape(before)}</span>' if before else "")
        + html.escape(middle)
        + (f'<span class="unit">{html.escape(after)}</span>' if after else "")
        + "</div>"
    )


def unknown_reason(view: View, metric: Metric, result: Result) -> str:
    """Why a number is unknown, naming what is missing."""
    if result.unknown == "object":
        what = result.unknown_what or metric.mart
        names = "、" if view.language == "zh" else ", "
        shown = names.join(view.text_or(f"object.{name}", name) for name in what.split(", "))
        return view.text("unknown.object", objects=shown)
    if result.unknown == "dimension":
        name = view.text(f"dimension.{result.unknown_what}")
        return view.text("unknown.dimension", dimension=name)
    if result.unknown == "definition":
        return view.text("unknown.definition", problem=result.unknown_what)
    if result.unknown == "period":
        return view.text(
            "unknown.period",
            first=formats.day(result.first_date, view.language),
            last=formats.day(result.last_date, view.language),
        )
    return view.text("unknown.rows")


def change_parts(
    view: View, metric: Metric, result: Result, before_key: str = "tile.before"
) -> tuple[str, str, str] | None:
    """(CSS class, change, words after it) against the period before; None if not comparable."""
    now = result.leading
    if now is None or now.value is None:
        return None
    before = result.previous_of(now.currency)
    if before is None or before.value is None:
        return None
    words = formats.change(now.value, before.value, metric.unit, view.language)
    if words is None:
        # Nothing before to take a share of.
        if now.value == before.value:
            return "", view.text("tile.no_change"), view.text(before_key)
        was = formats.shown(before.value, metric.unit, view.language, before.currency)
        return "", view.text("tile.was", value=was), ""
    # What is shown as no change is none, whatever the last digits say.
    difference = (now.value - before.value) if re.search(r"[1-9]", words) else 0.0
    arrow = "▲ " if difference > 0 else "▼ " if difference < 0 else ""
    better = {"up": difference > 0, "down": difference < 0}.get(metric.direction)
    tone = "" if better is None or difference == 0 else "good" if better else "bad"
    if is_small(view, now):
        tone = ""
    return tone, arrow + words, view.text(before_key)


def is_small(view: View, value: Value) -> bool:
    return view.small_sample_rows is not None and sample_size(value) < view.small_sample_rows


def sample_size(value: Value) -> float:
    """What a statistic rests on: the denominator of a ratio, else the contributing rows."""
    return value.count_known if value.denominator is None else value.denominator


def shows_sample(metric: Metric) -> bool:
    """Statistics depend on their sample; a count is its own."""
    return metric.aggregation in ("ratio", "mean", "median")


def sample_text(view: View, metric: Metric, value: Value) -> str:
    """Rows behind a statistic; the part whose value is known where that is not all."""
    known = formats.compact(sample_size(value), view.language)
    if metric.aggregation != "ratio" and value.count_known < value.count_rows:
        rows = formats.compact(value.count_rows, view.language)
        return view.text("tile.sample_of", known=known, rows=rows)
    return view.text("tile.sample", known=known)


def _tile_html(view: View, metric: Metric, result: Result) -> str:
    name = html.escape(metric.name(view.language))
    head = f'<div class="tile-name">{name}</div>'
    if result.unknown is not None or result.leading is None:
        reason = html.escape(unknown_reason(view, metric, result))
        return (
            f'<div class="tile">{head}<div class="tile-value unknown">{formats.DASH}</div>'
            f'<div class="tile-note">{reason}</div></div>'
        )
    body = value_html(view, metric, result.leading)
    if len(result.values) > 1:
        rest = " · ".join(
            formats.shown(value.value, metric.unit, view.language, value.currency)
            for value in result.values[1:4]
        )
        body += f'<div class="tile-value second">{html.escape(rest)}</div>'
    change = change_parts(view, metric, result)
    if change is not None:
        tone, words, after = change
        body += (
            f'<div class="tile-change {tone}"><b>{html.escape(words)}</b> '
            f"{html.escape(after)}</div>"
        )
    elif metric.is_stock:
        body += f'<div class="tile-change">{html.escape(view.text("tile.stock"))}</div>'
    elif not result.is_dated:
        body += f'<div class="tile-change">{html.escape(view.text("tile.undated"))}</div>'
    elif view.state.period.previous() is not None:
        body += f'<div class="tile-change">{html.escape(view.text("tile.no_before"))}</div>'
    body += html.sparkline([value for _, value in result.trend])
    left = sample_text(view, metric, result.leading) if shows_sample(metric) else ""
    if metric.target is not None:
        target = formats.shown(metric.target, metric.unit, view.language)
        right = view.text("tile.target", target=target)
    else:
        right = ""
    flag = ""
    if is_small(view, result.leading) and shows_sample(metric):
        flag = f'<span class="flag">{html.escape(view.text("tile.small"))}</span>'
    foot = f"<span>{html.escape(left)} {flag}</span><span>{html.escape(right)}</span>"
    return f'<div class="tile">{head}{body}<div class="tile-foot">{foot}</div></div>'


def tile(view: View, metric: Metric, result: Result) -> None:
    """One metric; the whole tile is a button that opens its passport."""
    with st.container(key=f"tile_{metric.metric_id}", height="stretch"):
        st.html(_tile_html(view, metric, result))
        st.button(
            view.text("tile.open", name=metric.name(view.language)),
            key=f"open_{metric.metric_id}",
            on_click=open_passport,
            args=(metric.metric_id,),
        )


def tiles(
    view: View, metrics: Sequence[Metric], results: dict[str, Result], columns: int = 5
) -> None:
    """Tiles in a grid of at most ``columns``, fewer where the window is narrow."""
    with st.grid(columns, min_column_width=138, gap="xsmall"):
        for metric in metrics:
            tile(view, metric, results[metric.metric_id])


def filter_words(view: View) -> str:
    """Period and filters in words."""
    period = view.state.period
    if period.start is None or period.end is None:
        words = [view.text("period.all")]
    else:
        words = [
            view.text(
                "period.range",
                first=formats.day(period.start, view.language),
                last=formats.day(period.end - timedelta(days=1), view.language),
            )
        ]
    options = {}
    if view.state.selected:
        options = ask(view.version, overview.filter_options, view.page)
    for dimension_id, values in view.state.selected:
        item = dimension(dimension_id)
        labels = dict(options.get(dimension_id, ()))
        names = [
            labels.get(value) or option_label(view, item.code_list, value)
            if item.label_column
            else option_label(view, item.code_list, value)
            for value in values
        ]
        words.append(f"{view.text(f'dimension.{dimension_id}')}: {', '.join(names)}")
    return " · ".join(words)


def option_label(view: View, code_list: str | None, value: str) -> str:
    """A filter value as people read it."""
    return (
        view.text("filter.unknown_value") if value == UNKNOWN else view.code_label(code_list, value)
    )
