"""Sections of the overview page."""

from __future__ import annotations

from datetime import date

import pandas as pd
import streamlit as st

from streamlit_app.charts import figures
from streamlit_app.components import html, url
from streamlit_app.components.layout import halves
from streamlit_app.components.tiles import (
    filter_words,
    is_small,
    open_passport,
    shows_sample,
    tiles,
    unknown_reason,
)
from streamlit_app.components.view import View
from streamlit_app.data import contact_load, intent, overview, relationships, worklists
from streamlit_app.data import metrics as semantic
from streamlit_app.data.catalogue import Metric
from streamlit_app.data.filters import DIMENSIONS, dimension
from streamlit_app.data.metrics import Result, Value
from streamlit_app.data.version import ask
from streamlit_app.i18n import formats

CHART_CONFIG = {"displayModeBar": False, "responsive": True}
SPLIT_METRICS = (
    "lead_count",
    "lead_conversion_ratio",
    "lead_response_minutes_median",
    "opportunity_count",
    "win_rate_of_closed",
    "won_cycle_days_median",
    "won_amount",
    "net_order_amount",
)
SPLIT_ROWS = 15
SECTIONS = {
    "deals": ("mart_opportunity", "mart_funnel_stage"),
    "leads": ("mart_lead", "mart_activity"),
    "orders": ("mart_order", "mart_order_line"),
    "web": (
        "mart_web_day",
        "mart_web_visitor_day",
        "mart_web_address_day",
        "mart_web_address",
        "mart_web_session",
        "mart_bot_day",
    ),
}


QUALITY_MARTS = (
    *("mart_quarantined_row", "mart_data_freshness", "mart_unmatched_reference"),
    *("mart_code_usage", "mart_visitor_link_review", "mart_data_health"),
)
"""Marts about the data themselves."""


def results(view: View) -> dict[str, Result]:
    """Every metric of the catalogue under the page's filters."""
    return ask(
        view.version,
        semantic.evaluate_many,
        view.metrics,
        view.state.selected,
        view.state.period,
    )


def headline(view: View) -> None:
    """The metrics that the catalogue marks as headline."""
    chosen = [item for item in view.metrics if item.is_headline]
    st.html(html.section(view.text("overview.headline"), filter_words(view)))
    if not chosen:
        st.html(f'<div class="empty">{html.escape(view.text("overview.no_metrics"))}</div>')
        return
    tiles(view, chosen, results(view))


def _passport_link(view: View, place: str, metric_id: str) -> None:
    """A link from a chart to the passport of the metric it shows."""
    if view.metric(metric_id) is not None:
        st.button(
            view.text("passport.link"),
            key=f"link_{place}",
            type="tertiary",
            on_click=open_passport,
            args=(metric_id,),
        )


def _panel_head(view: View, place: str, title: str, note: str, metric_id: str) -> None:
    """Title of a panel and the way to the rows behind it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(html.panel_title(title, note), width="stretch")
        _passport_link(view, place, metric_id)


def _stage_name(view: View, stage: str) -> str:
    return view.code_label("funnel_stage", stage)


def funnel(view: View) -> None:
    """Opportunities that reached each stage, the share that went on, and the days in it."""
    with st.container(key="panel_funnel", height="stretch"):
        _panel_head(
            view,
            "funnel",
            view.text("funnel.title"),
            view.text("funnel.note"),
            "stage_conversion_ratio",
        )
        stages = ask(view.version, overview.funnel, view.state.selected, view.state.period)
        if stages is None:
            st.html(f'<div class="empty">{html.escape(view.text("funnel.empty"))}</div>')
            return
        largest = max(stage.count_reached for stage in stages) or 1
        heads = ("funnel.stage", "funnel.reached", "funnel.went_on", "funnel.days")
        cells = [
            f'<span class="head{" num" if index > 1 else ""}">{html.escape(view.text(key))}</span>'
            for index, key in enumerate(heads)
        ]
        for stage in stages:
            is_lost = stage.is_closed and not stage.is_won
            part = stage.count_reached / largest
            count = formats.compact(stage.count_reached, view.language)
            title = html.escape(formats.number(stage.count_reached))
            went_on, detail = formats.DASH, ""
            if stage.count_known and not stage.is_closed:
                went_on = formats.percent(stage.count_advanced / stage.count_known)
                detail = (
                    f"{formats.number(stage.count_advanced)} / {formats.number(stage.count_known)}"
                )
            days = formats.shown(stage.median_days, "days", view.language)
            if stage.is_closed:
                went_on = days = ""
                share = stage.count_reached / largest
                went_on = view.text("funnel.of_all", share=formats.percent(share))
            if is_lost:
                cells.append('<span class="rule"></span>')
            cells.append(f"<span>{html.escape(_stage_name(view, stage.funnel_stage))}</span>")
            cells.append(
                f'<span class="track{" lost" if is_lost else ""}" title="{title}" '
                f'style="--part:{part * 100:.1f}%"><i></i>'
                f'<b class="{"" if part > 0.2 else "outside"}">{html.escape(count)}</b></span>'
            )
            cells.append(
                f'<span class="num" title="{html.escape(detail)}">{html.escape(went_on)}</span>'
            )
            cells.append(f'<span class="num">{html.escape(days)}</span>')
        st.html(f'<div class="funnel">{"".join(cells)}</div>')


def _trend_chosen() -> None:
    url.write_from_widget("trend", "trend_metric")


def _ticks(
    view: View, days: list[date], grain: str, values: list[float | None], metric: Metric,
    currency: str | None,
) -> figures.Ticks:  # fmt: skip
    known = [value for value in values if value is not None] or [0.0]
    shown_days = figures.spread(days, 6)
    steps = figures.value_steps(min(known), max(known))
    return figures.Ticks(
        shown_days,
        tuple(formats.tick(day, grain, view.language) for day in shown_days),
        steps,
        tuple(formats.axis(value, metric.unit, view.language, currency) for value in steps),
    )


def trend(view: View) -> None:
    """One metric over time beside the period before."""
    found = results(view)
    drawable = [item for item in view.metrics if len(found[item.metric_id].trend) > 1]
    with st.container(key="panel_trend", height="stretch"):
        if not drawable:
            st.html(html.panel_title(view.text("trend.title")))
            st.html(f'<div class="empty">{html.escape(view.text("trend.empty"))}</div>')
            return
        wanted = view.metric(view.state.trend)
        metric = wanted if wanted in drawable else drawable[0]
        assert metric is not None
        result = found[metric.metric_id]
        with st.container(horizontal=True, vertical_alignment="center"):
            grain = view.text(f"grain.{result.grain}")
            st.html(html.panel_title(view.text("trend.title"), grain), width="stretch")
            _passport_link(view, "trend", metric.metric_id)
            url.show_in_widget("trend_metric", metric.metric_id)
            st.selectbox(
                view.text("trend.metric"),
                [item.metric_id for item in drawable],
                key="trend_metric",
                format_func=lambda name: _metric_name(view, name),
                on_change=_trend_chosen,
                label_visibility="collapsed",
                width=210,
            )
        st.plotly_chart(
            _trend_figure(view, metric, result),
            config=CHART_CONFIG,
            key="trend_chart",
            alt=metric.name(view.language),
        )


def _metric_name(view: View, metric_id: str) -> str:
    metric = view.metric(metric_id)
    return metric_id if metric is None else metric.name(view.language)


def _trend_figure(view: View, metric: Metric, result: Result, height: int = 260) -> object:
    before = ask(
        view.version,
        semantic.previous_trend,
        metric,
        view.state.selected,
        view.state.period,
    )
    currency = result.leading.currency if result.leading else None
    frame = pd.DataFrame(result.trend, columns=["day", "value"])

    def words(day: date, value: float | None) -> str:
        amount = formats.shown(value, metric.unit, view.language, currency)
        return f"{amount}  ({formats.bucket(day, result.grain, view.language)})"

    frame["value_text"] = [words(day, value) for day, value in result.trend]
    if before:
        # The two periods may differ by a bucket; the older one is laid on from its end.
        aligned = list(before)[-len(frame) :]
        offset = len(frame) - len(aligned)
        frame["previous"] = [None] * offset + [value for _, value in aligned]
        frame["previous_text"] = [""] * offset + [words(day, value) for day, value in aligned]
    return figures.trend(
        frame,
        view.text("trend.this_period"),
        view.text("trend.before"),
        _ticks(
            view,
            [day for day, _ in result.trend],
            result.grain,
            [*(value for _, value in result.trend), *(value for _, value in before)],
            metric,
            currency,
        ),
        height,
    )


def _split_chosen() -> None:
    url.write_from_widget("by", "split_dimension", default="team")


def _split_cell(
    view: View, metric: Metric, values: list[Value], largest: float | None
) -> html.Cell:
    if not values or values[0].value is None:
        return html.Cell(formats.DASH, classes="num muted")
    shown = " · ".join(
        formats.shown(value.value, metric.unit, view.language, value.currency) for value in values
    )
    title = " · ".join(
        formats.exact(value.value, metric.unit, view.language, value.currency) for value in values
    )
    first = values[0]
    classes = "num"
    if shows_sample(metric):
        title += f" · {view.text('tile.sample', known=formats.number(first.count_known))}"
        if is_small(view, first):
            classes += " small"
            title += f" · {view.text('tile.small')}"
    part = None
    if largest and first.value is not None:
        part = max(first.value, 0.0) / (1.0 if metric.unit == "ratio" else largest)
    return html.Cell(shown, part=part, title=title, classes=classes)


def breakdown(view: View) -> None:
    """The main metrics per value of one dimension."""
    with st.container(key="panel_breakdown"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html(
                html.panel_title(view.text("split.title"), view.text("split.note")),
                width="stretch",
            )
            url.show_in_widget("split_dimension", view.state.breakdown)
            st.segmented_control(
                view.text("split.by"),
                [item.dimension_id for item in DIMENSIONS],
                key="split_dimension",
                format_func=lambda name: view.text(f"dimension.{name}"),
                on_change=_split_chosen,
                label_visibility="collapsed",
                required=True,
            )
        columns: list[tuple[Metric, dict[str | None, list[Value]]]] = []
        labels: dict[str | None, str] = {}
        weights: dict[str | None, int] = {}
        for metric_id in SPLIT_METRICS:
            metric = view.metric(metric_id)
            if metric is None:
                continue
            answer = ask(
                view.version,
                semantic.split,
                metric,
                view.state.selected,
                view.state.period,
                view.state.breakdown,
            )
            found: dict[str | None, list[Value]] = {}
            for key, label, value in answer:
                if value.value is not None:
                    found.setdefault(key, []).append(value)
                labels.setdefault(key, label or key or "")
                weights[key] = weights.get(key, 0) + value.count_rows
            if found:
                columns.append((metric, found))
        if not columns:
            name = view.text(f"dimension.{view.state.breakdown}")
            empty = view.text("split.empty", dimension=name)
            st.html(f'<div class="empty">{html.escape(empty)}</div>')
            return
        st.html(_split_table(view, columns, labels, weights))


def _split_table(
    view: View,
    columns: list[tuple[Metric, dict[str | None, list[Value]]]],
    labels: dict[str | None, str],
    weights: dict[str | None, int],
) -> str:
    item = dimension(view.state.breakdown)
    if item.dimension_id == "cohort":
        keys = sorted(labels, key=lambda key: (key is None, key or ""), reverse=True)
    else:
        keys = sorted(labels, key=lambda key: (key is None, -weights[key], labels[key]))
    shown = keys[:SPLIT_ROWS]
    headings = [(view.text(f"dimension.{item.dimension_id}"), "")]
    headings += [(metric.name(view.language), "num") for metric, _ in columns]
    largest = {
        metric.metric_id: max(values[0].value or 0.0 for values in found.values())
        for metric, found in columns
        # Bars compare; amounts of different currencies do not.
        if len({value.currency for values in found.values() for value in values}) == 1
    }
    rows = []
    for key in shown:
        if key is None:
            name = html.Cell(view.text("filter.unknown_value"), classes="muted")
        elif item.dimension_id == "cohort":
            month = date.fromisoformat(key[:10])
            name = html.Cell(formats.bucket(month, "month", view.language))
        else:
            name = html.Cell(view.code_label(item.code_list, labels[key]))
        rows.append(
            [
                name,
                *(
                    _split_cell(view, metric, found.get(key, []), largest.get(metric.metric_id))
                    for metric, found in columns
                ),
            ]
        )
    body = html.table(headings, rows)
    if len(keys) > len(shown):
        rest = view.text("split.more", count=formats.number(len(keys) - len(shown)))
        body += f'<div class="empty">{html.escape(rest)}</div>'
    return body


def section_metrics(view: View, section: str) -> list[Metric]:
    """Metrics of a section that are not already shown as a headline."""
    marts = SECTIONS[section]
    return [item for item in view.metrics if item.mart in marts and not item.is_headline]


def _section_head(view: View, section: str) -> None:
    st.html(html.section(view.text(f"section.{section}"), view.text(f"section.{section}_note")))


def quality(view: View) -> None:
    """Metrics about the data themselves; they belong to the data-trust page."""
    chosen = [item for item in view.metrics if item.mart in QUALITY_MARTS and not item.is_headline]
    if chosen:
        st.html(html.section(view.text("section.quality"), filter_words(view)))
        tiles(view, chosen, results(view))


def deals(view: View) -> None:
    _section_head(view, "deals")
    tiles(view, section_metrics(view, "deals"), results(view))


def organisation(view: View) -> None:
    """Metrics about how people work together: all that no other section or page shows."""
    placed = {mart for marts in SECTIONS.values() for mart in marts}
    placed |= {*intent.METRIC_MARTS, *worklists.METRIC_MARTS, *QUALITY_MARTS}
    placed |= {*relationships.METRIC_MARTS, *contact_load.METRIC_MARTS}
    chosen = [item for item in view.metrics if item.mart not in placed and not item.is_headline]
    if chosen:
        _section_head(view, "organisation")
        tiles(view, chosen, results(view))


def leads(view: View) -> None:
    """Leads and touches, with the classes of response time."""
    _section_head(view, "leads")
    left, right = halves()
    with left:
        tiles(view, section_metrics(view, "leads"), results(view), columns=2)
    with right, st.container(key="panel_response", height="stretch"):
        _panel_head(
            view,
            "response",
            view.text("response.title"),
            view.text("response.note"),
            "lead_response_minutes_median",
        )
        counts = ask(
            view.version, overview.response_distribution, view.state.selected, view.state.period
        )
        if counts is None:
            _empty(view, "lead_response_minutes_median")
            return
        labels = [view.text(f"response.class_{index}") for index in range(len(counts))]
        total = sum(counts)
        texts = [
            f"{formats.percent(count / total, 0)} · {formats.compact(count, view.language)}"
            for count in counts
        ]
        st.plotly_chart(
            figures.distribution(labels, counts, texts, 215),
            config=CHART_CONFIG,
            key="response_chart",
            alt=view.text("response.title"),
        )


def orders(view: View) -> None:
    """Orders, with their net value over time."""
    _section_head(view, "orders")
    left, right = halves()
    with left:
        tiles(view, section_metrics(view, "orders"), results(view), columns=4)
    with right, st.container(key="panel_orders", height="stretch"):
        metric = view.metric("net_order_amount")
        result = None if metric is None else results(view)[metric.metric_id]
        note = "" if result is None else view.text(f"grain.{result.grain}")
        _panel_head(view, "orders", view.text("orders.title"), note, "net_order_amount")
        if metric is None or result is None or len(result.trend) < 2:
            _empty(view, "net_order_amount")
            return
        st.plotly_chart(
            _trend_figure(view, metric, result, 220),
            config=CHART_CONFIG,
            key="orders_chart",
            alt=view.text("orders.title"),
        )


def web(view: View) -> None:
    """Traffic by class of answer."""
    _section_head(view, "web")
    left, right = halves()
    with left:
        tiles(view, section_metrics(view, "web"), results(view), columns=3)
    with right, st.container(key="panel_web", height="stretch"):
        _panel_head(view, "web", view.text("web.title"), view.text("web.note"), "web_request_count")
        series = ask(view.version, overview.web_series, view.state.selected, view.state.period)
        metric = view.metric("web_request_count")
        if series is None or metric is None:
            _empty(view, "web_request_count")
            return
        frame = pd.DataFrame(series, columns=["bucket", "status_class", "count_requests"])
        names = {
            name: view.text_or(f"web.class_{name}", name) for name in set(frame["status_class"])
        }
        totals = frame.groupby("bucket")["count_requests"].sum()
        grain = results(view)[metric.metric_id].grain
        st.plotly_chart(
            figures.stacked_status(
                frame,
                names,
                _ticks(view, list(totals.index), grain, list(totals), metric, None),
                300,
            ),
            config=CHART_CONFIG,
            key="web_chart",
            alt=view.text("web.title"),
        )


def _empty(view: View, metric_id: str) -> None:
    """Why a chart is empty, in the words of the metric it belongs to."""
    metric = view.metric(metric_id)
    words = view.text("unknown.rows")
    if metric is not None and results(view)[metric_id].unknown:
        words = unknown_reason(view, metric, results(view)[metric_id])
    st.html(f'<div class="empty">{html.escape(words)}</div>')
