"""Sections of the page *Relationships*: the plane of both indices, Top 20, graph, plays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import streamlit as st

from streamlit_app.charts import relationships as charts
from streamlit_app.charts import series
from streamlit_app.components import html, rows, url
from streamlit_app.components.downloads import downloads
from streamlit_app.components.intent import page_metrics, search
from streamlit_app.components.overview import CHART_CONFIG
from streamlit_app.components.parts import (
    details,
    drawer,
    fraction,
    is_few,
    missing,
    opened,
    panel_head,
    points,
    share,
    signed,
    tone,
    week_ticks,
    words,
)
from streamlit_app.components.tiles import filter_words, tiles
from streamlit_app.components.view import View
from streamlit_app.data import metrics as semantic
from streamlit_app.data import relationships
from streamlit_app.data.relationships import (
    Edge,
    IndexWeek,
    LeftOut,
    Neighbourhood,
    Plane,
    Point,
    Proposal,
    Relationship,
    Top,
)
from streamlit_app.data.version import ask, connection_of
from streamlit_app.i18n import formats

CUSTOMERS_PER_PAGE = 10
PROPOSALS_PER_PAGE = 8
SHOWN_EDGES = 60
QUADRANTS = ("deep_wide", "deep_narrow", "shallow_wide", "shallow_narrow")
CHOICES = (*QUADRANTS, relationships.NO_QUADRANT)
INDICES = ("depth", "breadth")


def headline(view: View) -> None:
    """The catalogue's metrics of the page, each with its passport."""
    chosen = page_metrics(view, relationships.METRIC_MARTS)
    st.html(html.section(view.text("relationships.headline"), filter_words(view)))
    if not chosen:
        rows.empty(view.text("not_here.metrics"))
        return
    found = ask(
        view.version,
        semantic.evaluate_many,
        tuple(chosen),
        view.state.selected,
        view.state.period,
    )
    tiles(view, chosen, found, columns=len(chosen) if len(chosen) in (3, 4, 6) else 5)


def quadrant_name(view: View, quadrant: str | None) -> str:
    return "" if not quadrant else view.text_or(f"quadrant.{quadrant}", quadrant)


def factor_name(view: View, factor: str | None) -> str:
    """A factor of an index, whether it is named with its unit or without."""
    stem = (factor or "").removesuffix("_ratio")
    return view.text_or(f"factor.{stem}", stem)


def _chosen_quadrant() -> str:
    wanted = st.query_params.get("quadrant")
    return wanted if wanted in CHOICES else ""


def money(view: View, amount: float | None, currency: str | None = "CNY") -> str:
    return formats.shown(amount, "currency", view.language, currency)


# The plane


def plane(view: View) -> None:
    """Customers by depth and breadth; a mark opens its customer."""
    with st.container(key="panel_plane", height="stretch"):
        found = ask(view.version, relationships.plane, view.state.selected, search())
        note = view.text("relationships.plane_note")
        if found is not None and found.is_binned:
            note = view.text("relationships.plane_binned")
        panel_head(view, view.text("relationships.plane"), note)
        if found is None:
            rows.empty(missing(view, relationships.ACCOUNT_MART))
            return
        if found.points:
            _plane_chart(view, found)
        else:
            rows.empty(view.text("relationships.no_customers"))
        st.html(f'<div class="marks">{html.escape(_unknown_words(view, found))}</div>')


def _plane_chart(view: View, found: Plane) -> None:
    largest = max([point.open_opportunity_amount_cny or 0.0 for point in found.points] + [1.0])
    most = max(point.count_customers for point in found.points)
    marks = [
        charts.Mark(
            breadth=point.breadth_points,
            depth=point.depth_points,
            size=_mark_size(point, largest, most, found.is_binned),
            group=point.quadrant or "",
            text=_point_words(view, point, found.is_binned),
            key=point.customer_id,
        )
        for point in found.points
    ]
    figure = charts.quadrant(
        marks,
        {name: quadrant_name(view, name) for name in QUADRANTS},
        (view.text("index.breadth"), view.text("index.depth")),
        (found.breadth_limit, found.depth_limit),
    )
    counts = ", ".join(
        f"{quadrant_name(view, name)} {formats.number(count)}" for name, count in found.quadrants
    )
    st.plotly_chart(
        figure,
        config=CHART_CONFIG,
        key="plane_chart",
        alt=f"{view.text('relationships.plane')}: {counts}",
        on_select=_mark_chosen,
        selection_mode="points",
    )


def _mark_size(point: Point, largest: float, most: int, is_binned: bool) -> float:
    if is_binned:
        return 6 + 22 * (point.count_customers / most) ** 0.5
    return 7 + 15 * ((point.open_opportunity_amount_cny or 0.0) / largest) ** 0.5


def _point_words(view: View, point: Point, is_binned: bool) -> str:
    place = (
        f"{view.text('index.depth')} {points(point.depth_points)} · "
        f"{view.text('index.breadth')} {points(point.breadth_points)}"
    )
    if is_binned:
        return view.text(
            "relationships.field", count=formats.number(point.count_customers), place=place
        )
    name = html.escape(point.customer_name or point.customer_id or "")
    amount = point.open_opportunity_amount_cny
    business = (
        f"<br>{view.text('relationships.open_amount')} {money(view, amount)}" if amount else ""
    )
    return f"<b>{name}</b><br>{place}{business}"


def chosen_key(chart: str) -> str | None:
    """The customer of the mark that was pressed in a chart."""
    state: Any = st.session_state.get(chart) or {}
    found = (state.get("selection") or {}).get("points") or []
    data = found[0].get("customdata") if found else None
    if isinstance(data, Mapping):  # as the browser sends a list
        data = list(data.values())
    return str(data[1]) if data and len(data) > 1 and data[1] else None


def _mark_chosen() -> None:
    if key := chosen_key("plane_chart"):
        url.write("near", key)


def _unknown_words(view: View, found: Plane) -> str:
    all_of = found.count_known + found.count_unknown
    said = view.text(
        "relationships.known_of",
        known=formats.number(found.count_known),
        count=formats.number(all_of),
    )
    if found.count_unknown:
        parts = ", ".join(
            view.text(
                "relationships.unknown_factor",
                factor=factor_name(view, name),
                count=formats.number(count),
            )
            for name, count in found.unknown_factors
        )
        said = f"{said} {parts}"
    return said


def plays(view: View) -> None:
    """The four quadrants: how many customers, what to do, and how far it is done."""
    with st.container(key="panel_plays", height="stretch"):
        panel_head(view, view.text("plays.title"), view.text("plays.note"))
        found = ask(view.version, relationships.plays)
        if not found:
            rows.empty(
                missing(view, relationships.PLAY_MART)
                if found is None
                else view.text("unknown.rows")
            )
            return
        here = _chosen_quadrant()
        with st.container(key="list_plays"):
            for item in found:
                quadrant = item.quadrant or ""
                touched = share(view, item.count_touched, item.count_customers, 0)
                count = html.escape(formats.number(item.count_customers or 0))
                body = (
                    f'<div class="play{" here" if here and quadrant == here else ""}">'
                    f"<span><b>{html.escape(quadrant_name(view, quadrant))}</b>"
                    f"<small>{html.escape(words(view, item.play_en, item.play_zh))}</small></span>"
                    f'<span class="num"><b>{count}</b>'
                    f"<small>{html.escape(view.text('plays.touched', share=touched))}</small>"
                    "</span></div>"
                )
                label = view.text("plays.open", name=quadrant_name(view, quadrant))
                rows.row(
                    f"play_{item.play_id}",
                    body,
                    label,
                    url.write,
                    ("quadrant", None if quadrant == here else quadrant),
                )


# Indices over time


def version_words(version: str | None) -> str:
    """The version of a definition without what tells a machine that it is another one."""
    return (version or formats.DASH).split(".")[0]


def is_restated() -> bool:
    return st.query_params.get("basis") == "restated"


def _basis_chosen() -> None:
    url.write("basis", "restated" if st.session_state["restated"] else None)


def restate_switch(view: View) -> None:
    """One switch for every trend of an index."""
    url.show_in_widget("restated", is_restated())
    st.toggle(
        view.text("index.restate"),
        key="restated",
        on_change=_basis_chosen,
        help=view.text("index.restate_help"),
    )


def trend(view: View) -> None:
    """Mean of both indices per week."""
    with st.container(key="panel_index_trend", height="stretch"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            title = view.text("index.trend")
            st.html(html.panel_title(title, view.text("index.trend_note")), width="stretch")
            restate_switch(view)
        found = ask(view.version, relationships.index_weeks, None, view.state.selected)
        index_chart(view, found, "index_trend_chart", title)


def index_chart(
    view: View, found: Sequence[IndexWeek] | None, key: str, title: str, height: int = 260
) -> None:
    """Depth and breadth per week, with every change of the definition marked."""
    if not found:
        rows.empty(
            missing(view, relationships.WEEK_MART) if found is None else view.text("unknown.rows")
        )
        return
    shown = relationships.restated(found) if is_restated() else relationships.as_defined(found)
    days = [item.week_start for item in shown]
    drawn = []
    for index, colour in (("depth", "organisational"), ("breadth", "technical")):
        values = tuple(getattr(item, f"{index}_points") for item in shown)
        texts = tuple(
            f"{points(value)}  ({formats.day(day, view.language)})"
            for day, value in zip(days, values, strict=True)
        )
        name = view.text(f"index.{index}")
        drawn.append(series.Series(name, values, texts, series.FAMILY_COLOURS[colour]))
    known = [value for item in drawn for value in item.values if value is not None]
    if not known:
        rows.empty(view.text("index.unknown"))
        return
    changes = [item for item in relationships.as_defined(found) if item.is_definition_change]
    marks = [
        (
            item.week_start,
            view.text("index.version", version=version_words(item.definition_version)),
        )
        for item in changes
    ]
    st.plotly_chart(
        series.lines(days, drawn, week_ticks(view, days, known), marks, height),
        config=CHART_CONFIG,
        key=key,
        alt=f"{title}: " + ", ".join(f"{item.name} {points(item.values[-1])}" for item in drawn),
    )
    has_restated = any(item.basis == "restated" for item in found)
    said = [
        view.text(
            "index.changed",
            day=formats.day(item.week_start, view.language),
            version=version_words(item.definition_version),
        )
        for item in changes
    ]
    if is_restated():
        said.append(view.text("index.is_restated" if has_restated else "index.same"))
    elif not changes:
        said.append(view.text("index.no_change"))
    st.html(f'<div class="marks">{html.escape(" · ".join(said))}</div>')


# Customers


def _order() -> str:
    wanted = st.query_params.get("sort")
    return wanted if wanted in relationships.ORDERS else relationships.ORDERS[0]


def customers(view: View) -> None:
    """Customers with both indices, what would move them most, and what to do; each opens."""
    order, quadrant = _order(), _chosen_quadrant()
    with st.container(key="panel_customers"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            title = view.text("relationships.customers")
            note = quadrant_name(view, quadrant) or view.text("relationships.customers_note")
            st.html(html.panel_title(title, note), width="stretch")
            if quadrant:
                st.button(
                    view.text("filter.reset"),
                    key="link_quadrant",
                    type="tertiary",
                    on_click=url.write,
                    args=("quadrant", None),
                )
            url.show_in_widget("customer_order", order)
            st.selectbox(
                view.text("passport.sort"),
                relationships.ORDERS,
                key="customer_order",
                format_func=lambda name: view.text(f"relationships.order_{name}"),
                on_change=url.write_from_widget,
                args=("sort", "customer_order", relationships.ORDERS[0]),
                label_visibility="collapsed",
                width=180,
            )
            _files(view, "accounts", title, quadrant)
        body, foot = st.container(key="list_customers"), st.container()
        asked = (view.state.selected, search(), quadrant, order)
        first = ask(view.version, relationships.relationships, *asked, 1, CUSTOMERS_PER_PAGE)
        if first is None or not first.count_all:
            with body:
                rows.empty(
                    missing(view, relationships.ACCOUNT_MART)
                    if first is None
                    else view.text("relationships.no_customers")
                )
            return
        with foot:
            page = rows.pages(view, "customers_page", first.count_all, CUSTOMERS_PER_PAGE)
        found = ask(view.version, relationships.relationships, *asked, page, CUSTOMERS_PER_PAGE)
        assert found is not None  # the same question was answered above
        with body:
            names = ("customer", "depth", "breadth", "moves", "touched")
            st.html(
                '<div class="customer head">'
                + "".join(
                    f'<span class="{name}">'
                    f"{html.escape(view.text(f'relationships.head_{name}'))}</span>"
                    for name in names
                )
                + "</div>"
            )
            for number, item in enumerate(found.rows):
                rows.link_row(
                    f"customer_{number}",
                    _customer_html(view, item),
                    view.text("account.open", name=item.customer_name or item.customer_id),
                    "account",
                    customer=item.customer_id,
                )


def _files(view: View, what: str, title: str, key: str = "") -> None:
    downloads(
        view,
        f"relationships_{what}",
        title,
        filter_words(view),
        lambda: relationships.export(
            connection_of(view.version), what, view.state.selected, search(), key
        ),
    )


def _customer_html(view: View, item: Relationship) -> str:
    about = " · ".join(
        one
        for one in (
            view.code_label("industry", item.industry) if item.industry else "",
            item.region or "",
            item.team_name or "",
        )
        if one
    )
    last = formats.DASH
    if item.last_touch_at is not None:
        last = formats.day(item.last_touch_at.date(), view.language)
    count = view.text(
        "relationships.touches_90d", count=formats.number(item.count_touches_90d or 0)
    )
    return (
        f'<div class="customer"><span class="customer">'
        f"<b>{html.escape(item.customer_name or item.customer_id)}</b>"
        f"<small>{html.escape(about)}</small></span>"
        f'<span class="depth">{_index_html(view, item, "depth")}</span>'
        f'<span class="breadth">{_index_html(view, item, "breadth")}</span>'
        f'<span class="moves">{_mover_html(view, item)}</span>'
        f'<span class="touched">{html.escape(last)}<small>{html.escape(count)}</small></span></div>'
    )


def _index_html(view: View, item: Relationship, index: str) -> str:
    value = item.points(index)
    if value is None:
        factor = factor_name(view, getattr(item, f"{index}_unknown_factor"))
        why = view.text("index.unknown_factor", factor=factor)
        return f"{formats.DASH}<small>{html.escape(why)}</small>"
    before = getattr(item, f"{index}_points_4w_ago")
    change = None if before is None else float(value - before)
    return (
        f'<span class="bar"><i style="--part:{float(value):.1f}%"></i>'
        f"<b>{html.escape(points(float(value)))}</b></span>"
        f'<small><em class="{tone(change)}">{html.escape(signed(change))}</em></small>'
    )


def _mover_html(view: View, item: Relationship) -> str:
    """The factor whose rise would move an index most, and the play of the quadrant."""
    said = []
    for index in INDICES:
        factor = getattr(item, f"{index}_mover_factor")
        gain = getattr(item, f"{index}_mover_gain_points")
        if factor and gain:
            said.append(
                view.text(
                    "index.mover",
                    index=view.text(f"index.{index}"),
                    gain=points(float(gain)),
                    factor=factor_name(view, factor),
                )
            )
    play = words(view, item.play_en, item.play_zh)
    more = f"<small>→ {html.escape(play)}</small>" if play else ""
    return f"{html.escape('; '.join(said) or formats.DASH)}{more}"


# Top 20


def _month() -> str | None:
    return st.query_params.get("month")


def top(view: View) -> None:
    """The list of a team and month, with what became of it."""
    with st.container(key="panel_top"):
        title = view.text("top.title")
        months = ask(view.version, relationships.top_months)
        if not months:
            st.html(html.panel_title(title))
            rows.empty(
                missing(view, relationships.TOP_MART)
                if months is None
                else view.text("unknown.rows")
            )
            return
        wanted = _month()
        month = next((day for day in months if day.isoformat() == wanted), months[0])
        teams = ask(view.version, relationships.top_teams, month, view.state.selected)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(html.panel_title(title, view.text("top.note")), width="stretch")
            team = _top_choices(view, months, month, teams)
            _files(view, "top", title)
        found = ask(view.version, relationships.top, month, team) or ()
        if not found:
            rows.empty(view.text("top.none"))
            return
        st.html(f'<div class="marks">{html.escape(_outcome_words(view, found))}</div>')
        with st.container(key="list_top"):
            for item in found:
                rows.link_row(
                    f"top_{item.rank_in_team}",
                    _top_html(view, item),
                    view.text("account.open", name=item.customer_name or item.customer_id),
                    "account",
                    customer=item.customer_id,
                )


def _top_choices(
    view: View, months: Sequence[date], month: date, teams: Sequence[str]
) -> str | None:
    names = [day.isoformat() for day in months]
    url.show_in_widget("top_month", month.isoformat())
    st.selectbox(
        view.text("top.month"),
        names,
        key="top_month",
        format_func=lambda name: formats.bucket(date.fromisoformat(name), "month", view.language),
        on_change=url.write_from_widget,
        args=("month", "top_month", names[0]),
        label_visibility="collapsed",
        width=140,
    )
    if not teams:
        return None
    wanted = st.query_params.get("top")
    team = wanted if wanted in teams else teams[0]
    url.show_in_widget("top_team", team)
    st.selectbox(
        view.text("dimension.team"),
        list(teams),
        key="top_team",
        on_change=url.write_from_widget,
        args=("top", "top_team", teams[0]),
        label_visibility="collapsed",
        width=170,
    )
    return team


def _outcome_words(view: View, found: Sequence[Top]) -> str:
    """How many of the list were strengthened, touched or left."""
    said = []
    for outcome in ("strengthened", "touched", "untouched", "running"):
        count = sum(item.outcome == outcome for item in found)
        if count:
            name = view.text(f"top.{outcome}")
            said.append(f"{name} {count} ÷ {len(found)}")
    return " · ".join(said)


def _top_html(view: View, item: Top) -> str:
    state = {"strengthened": "fresh", "touched": "warn", "untouched": "error"}.get(
        item.outcome or "", "unknown"
    )
    depth = points(item.depth_points_start)
    if item.depth_points_end is not None:
        depth = f"{depth} → {points(item.depth_points_end)}"
    gain = view.text("top.gain", gain=points(item.expected_gain_points))
    touches = view.text("top.touches", count=formats.number(item.count_touches_done or 0))
    return (
        f'<div class="top"><span class="rank">{item.rank_in_team}</span>'
        f"<span><b>{html.escape(item.customer_name or item.customer_id)}</b>"
        f"<small>{html.escape(words(view, item.reasons_en, item.reasons_zh))}</small></span>"
        f'<span class="num">{html.escape(depth)}<small>{html.escape(gain)}</small></span>'
        f'<span class="num">{html.dot(state)}'
        f"{html.escape(view.text_or(f'top.{item.outcome}', item.outcome or formats.DASH))}"
        f"<small>{html.escape(touches)}</small></span></div>"
    )


# The graph


def _shows_noise() -> bool:
    return st.query_params.get("noise") == "1"


def _noise_chosen() -> None:
    url.write("noise", "1" if st.session_state["graph_noise"] else None)


def focus_id(view: View) -> str | None:
    """The customer that the URL puts in the middle, else the one with most influence."""
    wanted = st.query_params.get("focus")
    return wanted or ask(view.version, relationships.default_focus, view.state.selected, search())


def _node_chosen() -> None:
    if key := chosen_key("graph_chart"):
        url.write("focus", key)


def graph(view: View) -> None:
    """The neighbourhood of one customer; pressing a neighbour puts it in the middle."""
    focus = focus_id(view)
    with st.container(key="panel_graph", height="stretch"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(
                html.panel_title(view.text("graph.title"), view.text("graph.note")),
                width="stretch",
            )
            url.show_in_widget("graph_noise", _shows_noise())
            st.toggle(view.text("graph.with_noise"), key="graph_noise", on_change=_noise_chosen)
            if focus is not None:
                _files(view, "edges", view.text("graph.title"), focus)
        if focus is None:
            rows.empty(_no_graph(view))
            return
        found = ask(view.version, relationships.neighbourhood, focus, _shows_noise())
        if found is None:
            rows.empty(missing(view, relationships.EDGE_MART))
            return
        neighbourhood(view, found, "graph_chart", _node_chosen)


def _no_graph(view: View) -> str:
    if ask(view.version, relationships.dropped) is None:
        return missing(view, relationships.EDGE_MART)
    return view.text("graph.none")


def neighbourhood(view: View, found: Neighbourhood, key: str, chosen: Any) -> None:
    """The picture and the table of the same edges."""
    if not found.edges:
        rows.empty(view.text("graph.no_edges", name=found.focus_name))
        return
    names: dict[str, str] = {found.focus_id: found.focus_name}
    industries: dict[str, str] = {}
    for edge in found.edges:
        names[edge.from_customer_id] = edge.from_customer_name or edge.from_customer_id
        names[edge.to_customer_id] = edge.to_customer_name or edge.to_customer_id
        industries[edge.from_customer_id] = edge.industry or ""
        industries[edge.to_customer_id] = edge.to_industry or ""
    nodes = [
        charts.Node(
            one,
            name,
            f"<b>{html.escape(name)}</b><br>"
            + html.escape(view.code_label("industry", industries.get(one) or "")),
        )
        for one, name in names.items()
    ]
    links = [
        charts.Link(
            edge.from_customer_id,
            edge.to_customer_id,
            edge.edge_type or "",
            edge.strength_ratio or 0.0,
            not edge.is_above_threshold,
        )
        for edge in found.edges
    ]
    kinds = {link.kind for link in links}
    st.plotly_chart(
        charts.network(
            found.focus_id, nodes, links, {kind: edge_name(view, kind) for kind in kinds}
        ),
        config=CHART_CONFIG,
        key=key,
        alt=view.text("graph.alt", name=found.focus_name, count=len(nodes) - 1),
        on_select=chosen,
        selection_mode="points",
    )
    said = view.text(
        "graph.shown",
        name=found.focus_name,
        shown=formats.number(found.count_shown),
        count=formats.number(found.count_neighbours),
    )
    st.html(f'<div class="marks">{html.escape(said)}</div>')
    st.html(
        details(
            view.text("graph.table", count=formats.number(len(found.edges))),
            edge_table(view, found.edges),
        )
    )


def edge_name(view: View, edge_type: str | None) -> str:
    """A kind of edge as its rule row names it."""
    code = edge_type or ""
    named = view.code_label("edge_type", code)
    return named if named != code else view.text_or(f"edge.{code}", code)


def edge_table(view: View, edges: Sequence[Edge]) -> str:
    """Edges with both ends, kind, number of events and whether they count."""
    headings = [
        (view.text("graph.head_from"), ""),
        (view.text("graph.head_to"), ""),
        (view.text("graph.head_kind"), ""),
        (view.text("graph.head_events"), "num"),
        (view.text("graph.head_strength"), "num"),
        (view.text("graph.head_counts"), ""),
    ]
    body = []
    for edge in edges[:SHOWN_EDGES]:
        strength = formats.DASH
        if edge.strength_ratio is not None:
            strength = points(edge.strength_ratio, 2)
        counts = view.text("graph.counts")
        if not edge.is_above_threshold:
            code = edge.dropped_reason or ""
            counts = view.text_or(f"dropped.{code}", code or view.text("graph.noise"))
        body.append(
            [
                html.Cell(edge.from_customer_name or edge.from_customer_id),
                html.Cell(edge.to_customer_name or edge.to_customer_id),
                html.Cell(edge_name(view, edge.edge_type)),
                html.Cell(formats.number(edge.count_events or 0), classes="num"),
                html.Cell(strength, classes="num"),
                html.Cell(counts, status="fresh" if edge.is_above_threshold else "unknown"),
            ]
        )
    table = html.table(headings, body)
    if len(edges) > SHOWN_EDGES:
        shown = view.text("trust.shown", shown=SHOWN_EDGES, count=formats.number(len(edges)))
        table += f'<div class="empty">{html.escape(shown)}</div>'
    return table


def dropped(view: View) -> None:
    """The share of edges that are noise (relationship inflation), per kind."""
    with st.container(key="panel_dropped", height="stretch"):
        title = view.text("dropped.title")
        found = ask(view.version, relationships.dropped)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(html.panel_title(title, view.text("dropped.note")), width="stretch")
            if found:
                _files(view, "dropped", title)
        if not found:
            rows.empty(
                missing(view, relationships.EDGE_MART) if found is None else view.text("graph.none")
            )
            return
        claims = sum(item.count_claims for item in found)
        noise = sum(item.count_dropped for item in found)
        st.html(f'<div class="statement"><b>{html.escape(share(view, noise, claims))}</b></div>')
        headings = [
            (view.text("graph.head_kind"), ""),
            (view.text("dropped.head_edges"), "num"),
            (view.text("dropped.head_claims"), "num"),
            (view.text("dropped.head_dropped"), "num"),
        ]
        body = []
        for item in found:
            dropped_cell = html.Cell(view.text("dropped.no_claim"), classes="num muted")
            if item.count_claims:
                dropped_cell = html.Cell(
                    formats.percent(item.count_dropped / item.count_claims, 0),
                    part=item.count_dropped / item.count_claims,
                    title=f"{item.count_dropped} ÷ {item.count_claims}",
                    classes="num small" if is_few(view, item.count_claims) else "num",
                )
            body.append(
                [
                    html.Cell(edge_name(view, item.edge_type)),
                    html.Cell(formats.number(item.count_edges), classes="num"),
                    html.Cell(formats.number(item.count_claims), classes="num"),
                    dropped_cell,
                ]
            )
        st.html(html.table(headings, body))
        said = [_left_out_words(view, one) for one in ask(view.version, relationships.left_out)]
        if said:
            st.html(f'<div class="marks">{html.escape(" · ".join(said))}</div>')
        focus = focus_id(view)
        if focus is not None:
            _without(view, focus)


def _left_out_words(view: View, item: LeftOut) -> str:
    count = view.text("unknown.short")
    if item.count_acts is not None:
        count = formats.number(item.count_acts)
    why = view.text_or(f"dropped.{item.reason}", item.reason)
    return f"{edge_name(view, item.edge_type)}, {why}: {count}"


def _without(view: View, focus: str) -> None:
    """Who would lose influence if the focus were not there."""
    found = ask(view.version, relationships.without_referrer, focus)
    if found is None:
        return
    around = ask(view.version, relationships.neighbourhood, focus, _shows_noise())
    name = around.focus_name if around is not None else focus
    st.html(html.section(view.text("graph.without", name=name)))
    if not found:
        rows.empty(view.text("graph.nobody_loses"))
        return
    headings = [
        (view.text("relationships.head_customer"), ""),
        (view.text("graph.head_with"), "num"),
        (view.text("graph.head_without"), "num"),
        (view.text("graph.head_lost"), "num"),
    ]
    body = [
        [
            html.Cell(item.customer_name or item.customer_id),
            html.Cell(points(item.influence_points), classes="num"),
            html.Cell(points(item.influence_points_without), classes="num"),
            html.Cell(points(item.lost_points), classes="num"),
        ]
        for item in found
    ]
    st.html(html.table(headings, body))


def latency(view: View) -> None:
    """Conversion of opportunities whose touch reached the graph within two hours, or later."""
    with st.container(key="panel_latency", height="stretch"):
        panel_head(view, view.text("latency.title"), view.text("latency.note"))
        found = ask(view.version, relationships.latency)
        if not found:
            rows.empty(
                missing(view, relationships.LATENCY_MART)
                if found is None
                else view.text("unknown.rows")
            )
            return
        headings = [
            (view.text("latency.head_class"), ""),
            (view.text("latency.head_opportunities"), "num"),
            (view.text("latency.head_converted"), "num"),
            (view.text("latency.head_median"), "num"),
        ]
        body = [
            [
                html.Cell(view.text("latency.over" if item.is_slow else "latency.under")),
                html.Cell(formats.number(item.count_decided), classes="num"),
                html.Cell(share(view, item.count_won, item.count_decided), classes="num"),
                html.Cell(
                    formats.shown(item.median_hours, "hours", view.language), classes="num muted"
                ),
            ]
            for item in found
        ]
        st.html(html.table(headings, body))


def proposals(view: View) -> None:
    """Questions of the community that became proposals, until they are answered."""
    with st.container(key="panel_proposals", height="stretch"):
        title = view.text("proposal.title")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(html.panel_title(title, view.text("proposal.note")), width="stretch")
            _files(view, "proposals", title)
        first = ask(view.version, relationships.proposals, 1, PROPOSALS_PER_PAGE)
        if first is None or not first.count_all:
            rows.empty(
                missing(view, relationships.PROPOSAL_MART)
                if first is None
                else view.text("proposal.none")
            )
            return
        body, foot = st.container(), st.container()
        with foot:
            page = rows.pages(view, "proposals_page", first.count_all, PROPOSALS_PER_PAGE)
        found = ask(view.version, relationships.proposals, page, PROPOSALS_PER_PAGE)
        assert found is not None  # the same question was answered above
        headings = [
            (view.text("proposal.head_topic"), ""),
            (view.text("proposal.head_questions"), "num"),
            (view.text("proposal.head_status"), ""),
            (view.text("proposal.head_waiting"), "num"),
        ]
        cells = [
            [
                html.Cell(_proposal_words(view, item), classes="wrap"),
                html.Cell(_question_words(item), classes="num"),
                html.Cell(
                    view.text_or(f"proposal.{item.status}", item.status or formats.DASH),
                    status="fresh" if item.status == "answered" else "warn",
                ),
                html.Cell(formats.shown(item.waiting_days, "days", view.language), classes="num"),
            ]
            for item in found.rows
        ]
        with body:
            st.html(html.table(headings, cells))


def topic_name(view: View, topic: str | None) -> str:
    """A topic of a touch or a question; one without a name as it is written."""
    return view.text_or(f"topic.{topic}", (topic or "").replace("_", " "))


def _proposal_words(view: View, item: Proposal) -> str:
    topic = topic_name(view, item.topic) or item.proposal_id
    return f"{topic}: {item.question}" if item.question else topic


def _question_words(item: Proposal) -> str:
    """Questions that are still open of all."""
    if item.count_open_questions is None:
        return formats.number(item.count_questions or 0)
    return fraction(item.count_open_questions, item.count_questions)


# A mark of the plane, opened


def _near_content(view: View) -> None:
    item = ask(view.version, relationships.relationship, st.query_params.get("near") or "")
    if item is None:
        return
    st.html(f'<div class="customer alone">{_customer_html(view, item)}</div>')
    for index in INDICES:
        st.html(html.section(view.text(f"index.{index}"), view.text(f"index.{index}_formula")))
        st.html(factor_table(view, item, index))
    with st.container(horizontal=True):
        st.page_link(
            "app_pages/account.py",
            label=view.text("account.open", name=item.customer_name or item.customer_id),
            icon=":material/apartment:",
            query_params={**url.link_parameters(), "customer": [item.customer_id]},
        )
        st.button(
            view.text("graph.focus", name=item.customer_name or item.customer_id),
            key="link_focus",
            type="tertiary",
            icon=":material/hub:",
            on_click=_focus_on,
            args=(item.customer_id,),
        )


def _focus_on(customer_id: str) -> None:
    url.write("near", None)
    url.write("focus", customer_id)


def factor_table(view: View, item: Relationship, index: str) -> str:
    """The factors of an index with what would move it; their product is the index exactly."""
    value = item.points(index)
    mover = (getattr(item, f"{index}_mover_factor") or "").removesuffix("_ratio")
    gain = getattr(item, f"{index}_mover_gain_points")
    body = ""
    for factor, ratio in item.factors(index):
        moves = ""
        if factor == mover and gain is not None and points(float(gain)) != points(0):
            words_of_gain = view.text("index.would_add", gain=points(float(gain)))
            moves = f'<small class="moves">▲ {html.escape(words_of_gain)}</small>'
        shown = formats.DASH if ratio is None else _plain(ratio)
        bar = ""
        if ratio is not None:
            bar = f'<span class="bar"><i style="--part:{float(ratio) * 100:.1f}%"></i></span>'
        name = html.escape(factor_name(view, factor))
        about = html.escape(view.text(f"factor_about.{factor}"))
        body += (
            f'<div class="part factor"><span><b>{name}</b><small>{about}</small>{moves}</span>'
            f"{bar or '<span></span>'}<b>{html.escape(shown)}</b></div>"
        )
    unknown = factor_name(view, getattr(item, f"{index}_unknown_factor"))
    total = view.text("index.unknown_factor", factor=unknown)
    if value is not None:
        factors = " × ".join(_plain(ratio) for _, ratio in item.factors(index) if ratio is not None)
        total = f"100 × {factors} = {points(float(value), 2)}"
    return f'{body}<div class="sum-line">{html.escape(total)}</div>'


def _plain(value: Decimal) -> str:
    """A share with as many digits as are needed to multiply by hand."""
    return formats.number(float(value), 4)


def show(view: View) -> None:
    """Open the customer of a pressed mark."""
    near = opened(view, "near")
    if near is None:
        return
    item = ask(view.version, relationships.relationship, near)
    if item is not None:
        drawer(view, "near", item.customer_name or near, _near_content)
