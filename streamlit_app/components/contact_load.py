"""Sections of the page *Over-contact*: how much people bear before they leave."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import streamlit as st

from streamlit_app.charts import series
from streamlit_app.components import html, rows, url
from streamlit_app.components.downloads import downloads
from streamlit_app.components.intent import page_metrics
from streamlit_app.components.overview import CHART_CONFIG
from streamlit_app.components.parts import (
    details,
    is_few,
    missing,
    points,
    share,
    week_ticks,
    words,
)
from streamlit_app.components.tiles import filter_words, tiles
from streamlit_app.components.view import View
from streamlit_app.data import contact_load
from streamlit_app.data import metrics as semantic
from streamlit_app.data.contact_load import LoadClass, LoadWeek, PersonWeek
from streamlit_app.data.version import ask, connection_of
from streamlit_app.i18n import formats

PEOPLE_PER_PAGE = 15


def headline(view: View) -> None:
    """What the last week was like, then the catalogue's metrics of the page."""
    found = _whole_weeks(view, ask(view.version, contact_load.weeks, view.state.selected))
    note = filter_words(view)
    if found:
        note = view.text("health.week_of", day=formats.day(found[-1].week_start, view.language))
    st.html(html.section(view.text("contact_load.headline"), note))
    if not found:
        rows.empty(
            missing(view, contact_load.WEEK_MART) if found is None else view.text("unknown.rows")
        )
        return
    st.html(_strip_html(view, found))
    chosen = page_metrics(view, contact_load.METRIC_MARTS)
    if chosen:
        results = ask(
            view.version,
            semantic.evaluate_many,
            tuple(chosen),
            view.state.selected,
            view.state.period,
        )
        tiles(view, chosen, results)


def _whole_weeks(view: View, found: tuple[LoadWeek, ...] | None) -> tuple[LoadWeek, ...] | None:
    """The weeks that have ended; a week that runs would look as if load had fallen."""
    if not found:
        return found
    last = view.version.info.as_of - timedelta(days=6)
    return tuple(item for item in found if item.week_start <= last) or found


def _strip_html(view: View, found: tuple[LoadWeek, ...]) -> str:
    now = found[-1]
    unknown = now.count_persons - now.count_known
    items = [
        (
            view.text("contact_load.persons"),
            formats.number(now.count_persons),
            view.text("contact_load.persons_note"),
        ),
        (
            view.text("contact_load.over_now"),
            formats.number(now.count_over),
            share(view, now.count_over, now.count_known),
        ),
        (
            view.text("contact_load.left_now"),
            formats.number(now.count_optouts),
            share(view, now.count_optouts, now.count_persons),
        ),
        (
            view.text("contact_load.cannot_tell"),
            formats.number(unknown),
            view.text("contact_load.cannot_tell_note"),
        ),
    ]
    cells = "".join(
        f"<div><span>{html.escape(name)}</span><b>{html.escape(value)}</b>"
        f"<em>{html.escape(about)}</em></div>"
        for name, value, about in items
    )
    return f'<div class="strip">{cells}</div>'


def against_optouts(view: View) -> None:
    """Share of person-weeks that ended in an opt-out, by touches in the week."""
    with st.container(key="panel_load_classes", height="stretch"):
        st.html(
            html.panel_title(
                view.text("contact_load.classes"), view.text("contact_load.classes_note")
            )
        )
        found = ask(view.version, contact_load.classes, view.state.selected)
        if not found:
            rows.empty(
                missing(view, contact_load.WEEK_MART)
                if found is None
                else view.text("unknown.rows")
            )
            return
        labels = [_class_name(item) for item in found]
        st.plotly_chart(
            series.rate_bars(
                labels,
                [item.ratio for item in found],
                [
                    f"{formats.percent(item.ratio or 0.0)}<br>"
                    f"{formats.number(item.count_optouts)} ÷ "
                    f"{formats.compact(item.count_person_weeks, view.language)}"
                    for item in found
                ],
                [_class_words(view, item) for item in found],
                _safe_classes(view, found),
            ),
            config=CHART_CONFIG,
            key="load_classes_chart",
            alt=view.text("contact_load.classes"),
        )
        headings = [
            (view.text("contact_load.head_touches"), "num"),
            (view.text("contact_load.head_person_weeks"), "num"),
            (view.text("contact_load.head_optouts"), "num"),
            (view.text("contact_load.head_bad_reviews"), "num"),
        ]
        body = [
            [
                html.Cell(_class_name(item), classes="num"),
                html.Cell(formats.number(item.count_person_weeks), classes="num"),
                html.Cell(share(view, item.count_optouts, item.count_person_weeks), classes="num"),
                html.Cell(
                    share(view, item.count_bad_reviews, item.count_person_weeks), classes="num"
                ),
            ]
            for item in found
        ]
        st.html(details(view.text("lead_lag.table"), html.table(headings, body)))


def _class_name(item: LoadClass) -> str:
    return f"{item.load}+" if item.load >= contact_load.MAX_LOAD else str(item.load)


def _class_words(view: View, item: LoadClass) -> str:
    return view.text(
        "contact_load.class_hover",
        touches=_class_name(item),
        share=share(view, item.count_optouts, item.count_person_weeks),
    )


def _safe_classes(view: View, found: tuple[LoadClass, ...]) -> int | None:
    """Number of classes within the least safe frequency; None where it differs or is unknown."""
    safe = {
        item.safe_touches_per_week
        for item in ask(view.version, contact_load.safe_frequencies) or ()
        if item.safe_touches_per_week is not None
    }
    if len(safe) != 1:
        return None
    (limit,) = safe
    return sum(item.load <= limit for item in found)


def trend(view: View) -> None:
    """Share of the touched people over their safe frequency, week by week."""
    with st.container(key="panel_load_weeks", height="stretch"):
        st.html(
            html.panel_title(view.text("contact_load.weeks"), view.text("contact_load.weeks_note"))
        )
        found = _whole_weeks(view, ask(view.version, contact_load.weeks, view.state.selected))
        if not found:
            rows.empty(
                missing(view, contact_load.WEEK_MART)
                if found is None
                else view.text("unknown.rows")
            )
            return
        days = [item.week_start for item in found]
        over = tuple(item.ratio for item in found)
        left = tuple(
            item.count_optouts / item.count_persons if item.count_persons else None
            for item in found
        )
        drawn = [
            series.Series(
                view.text("contact_load.over_share"),
                over,
                tuple(share(view, item.count_over, item.count_known) for item in found),
                series.FAMILY_COLOURS["commercial"],
            ),
            series.Series(
                view.text("contact_load.left_share"),
                left,
                tuple(share(view, item.count_optouts, item.count_persons) for item in found),
                series.BAD_COLOUR,
            ),
        ]
        known = [value for item in drawn for value in item.values if value is not None]
        st.plotly_chart(
            series.lines(days, drawn, week_ticks(view, days, known, "ratio"), height=270),
            config=CHART_CONFIG,
            key="load_weeks_chart",
            alt=view.text("contact_load.weeks"),
        )


def safe_frequency(view: View) -> None:
    """What people of each segment bear, and what happens beyond it."""
    with st.container(key="panel_safe"):
        title = view.text("contact_load.safe")
        found = ask(view.version, contact_load.safe_frequencies)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(html.panel_title(title, view.text("contact_load.safe_note")), width="stretch")
            if found:
                downloads(
                    view,
                    "safe_frequency",
                    title,
                    filter_words(view),
                    lambda: contact_load.export(connection_of(view.version), "safe"),
                )
        if not found:
            rows.empty(
                missing(view, contact_load.SAFE_MART)
                if found is None
                else view.text("unknown.rows")
            )
            return
        headings = [
            (view.text("account.segment"), ""),
            (view.text("contact_load.head_safe"), "num"),
            (view.text("contact_load.head_below"), "num"),
            (view.text("contact_load.head_above"), "num"),
            (view.text("contact_load.head_optouts"), "num"),
        ]
        body = []
        for item in found:
            safe = html.Cell(points(item.safe_touches_per_week, 0), classes="num")
            if item.safe_touches_per_week is None or item.is_enough_data is False:
                code = item.unknown_reason or ""
                why = view.text_or(f"unknown_reason.{code}", view.text("contact_load.too_few"))
                safe = html.Cell(why, classes="num muted")
            body.append(
                [
                    html.Cell(
                        words(view, item.segment_name_en, item.segment_name_zh)
                        or segment_name(view, item.segment)
                    ),
                    safe,
                    html.Cell(
                        _ratio(
                            view,
                            item.optout_ratio_below,
                            item.count_optouts_below,
                            item.count_person_weeks_below,
                        ),
                        classes="num",
                    ),
                    html.Cell(
                        _ratio(
                            view,
                            item.optout_ratio_above,
                            item.count_optouts_above,
                            item.count_person_weeks_above,
                        ),
                        classes="num",
                    ),
                    html.Cell(
                        share(view, item.count_optouts, item.count_person_weeks),
                        classes="num small"
                        if is_few(view, item.count_person_weeks)
                        else "num muted",
                    ),
                ]
            )
        st.html(html.table(headings, body))


def segment_name(view: View, segment: str | None) -> str:
    """A segment as people call it: a size, an industry or a tier."""
    if not segment:
        return view.text("filter.unknown_value")
    named = view.code_label("segment", segment)
    return named if named != segment else view.text_or(f"segment.{segment}", segment)


def _ratio(view: View, value: float | None, part: int | None, whole: int | None) -> str:
    """A share with what it rests on, where the mart tells it."""
    if value is None:
        return formats.DASH
    return share(view, part, whole) if whole else formats.percent(value)


def _week() -> str | None:
    return st.query_params.get("week")


def _order() -> str:
    wanted = st.query_params.get("sort")
    return wanted if wanted in contact_load.ORDERS else contact_load.ORDERS[0]


def _all_chosen() -> None:
    url.write("all", "1" if st.session_state["load_all"] else None)


def people(view: View) -> None:
    """The people of a week, those over their safe frequency first; each opens its customer."""
    with st.container(key="panel_load_people"):
        over = dict(ask(view.version, contact_load.week_choices, view.state.selected))
        weeks = tuple(over)
        title = view.text("contact_load.people")
        if not weeks:
            st.html(html.panel_title(title))
            rows.empty(missing(view, contact_load.WEEK_MART))
            return
        wanted = _week()
        last = view.version.info.as_of - timedelta(days=6)
        ended = [day for day in weeks if day <= last] or list(weeks)
        # The newest week in which there is somebody to spare.
        shown = next((day for day in ended if over[day]), ended[0])
        week = next((day for day in weeks if day.isoformat() == wanted), shown)
        only_over, order = st.query_params.get("all") != "1", _order()
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(html.panel_title(title, view.text("contact_load.people_note")), width="stretch")
            _people_controls(view, over, week, only_over, order)
            downloads(
                view,
                "over_contact",
                title,
                filter_words(view),
                lambda: contact_load.export(
                    connection_of(view.version), "people", view.state.selected, week
                ),
            )
        body, foot = st.container(key="list_load"), st.container()
        asked = (view.state.selected, week, only_over, order)
        first = ask(view.version, contact_load.people, *asked, 1, PEOPLE_PER_PAGE)
        if first is None or not first.count_all:
            with body:
                rows.empty(
                    missing(view, contact_load.WEEK_MART)
                    if first is None
                    else view.text("contact_load.nobody")
                )
            return
        with foot:
            page = rows.pages(view, "load_page", first.count_all, PEOPLE_PER_PAGE)
        found = ask(view.version, contact_load.people, *asked, page, PEOPLE_PER_PAGE)
        assert found is not None  # the same question was answered above
        with body:
            for number, item in enumerate(found.rows):
                person = _person_html(view, item)
                if item.customer_id:
                    name = item.customer_name or item.customer_id
                    rows.link_row(
                        f"load_{number}",
                        person,
                        view.text("account.open", name=name),
                        "account",
                        customer=item.customer_id,
                    )
                else:
                    st.html(person)


def _people_controls(
    view: View, over: Mapping[date, int], week: date, only_over: bool, order: str
) -> None:
    names = {day.isoformat(): day for day in over}
    url.show_in_widget("load_week", week.isoformat())
    st.selectbox(
        view.text("contact_load.week"),
        list(names),
        key="load_week",
        format_func=lambda name: view.text(
            "contact_load.week_over",
            day=formats.day(names[name], view.language),
            count=formats.number(over[names[name]]),
        ),
        on_change=url.write_from_widget,
        args=("week", "load_week"),
        label_visibility="collapsed",
        width=190,
    )
    url.show_in_widget("load_order", order)
    st.selectbox(
        view.text("passport.sort"),
        contact_load.ORDERS,
        key="load_order",
        format_func=lambda name: view.text(f"contact_load.order_{name}"),
        on_change=url.write_from_widget,
        args=("sort", "load_order", contact_load.ORDERS[0]),
        label_visibility="collapsed",
        width=150,
    )
    url.show_in_widget("load_all", not only_over)
    st.toggle(view.text("contact_load.everybody"), key="load_all", on_change=_all_chosen)


def _person_html(view: View, item: PersonWeek) -> str:
    flags = []
    if item.has_opted_out:
        flags.append(("error", view.text("contact_load.opted_out")))
    if item.has_bad_review:
        flags.append(("warn", view.text("contact_load.bad_review")))
    if item.is_over_safe_frequency:
        flags.append(("warn", view.text("contact_load.over")))
    elif item.is_over_safe_frequency is None:
        flags.append(("unknown", view.text("contact_load.limit_unknown")))
    states = " ".join(
        f'<span class="state">{html.dot(state)}{html.escape(said)}</span>' for state, said in flags
    )
    count = view.text(
        "contact_load.touches",
        outbound=formats.number(item.count_outbound_touches or 0),
        count=formats.number(item.count_touches or 0),
    )
    customer = " · ".join(
        part
        for part in (
            item.customer_name or item.customer_id or "",
            segment_name(view, item.segment) if item.segment else "",
        )
        if part
    )
    return (
        f'<div class="person"><span><b>{html.escape(item.person_name or item.person_id)}</b>'
        f"<small>{html.escape(customer)}</small></span>"
        f'<span>{states}</span><span class="num">{html.escape(count)}</span></div>'
    )
