"""Period and filters; every choice is written to the URL at once."""

from __future__ import annotations

from datetime import date, timedelta

import streamlit as st

from streamlit_app.components import url
from streamlit_app.components.tiles import option_label
from streamlit_app.components.view import View
from streamlit_app.data import overview
from streamlit_app.data.filters import (
    PERIODS,
    UNKNOWN,
    Dimension,
    make_period,
    page_filters,
)
from streamlit_app.data.version import Version, ask


def _period_chosen(default: str, start: str, end: str) -> None:
    chosen = st.session_state["filter_period"]
    url.write("period", None if chosen == default else chosen)
    url.write("from", start if chosen == "custom" else None)
    url.write("to", end if chosen == "custom" else None)


def _days_chosen() -> None:
    chosen = st.session_state["filter_days"]
    if isinstance(chosen, tuple) and len(chosen) == 2:
        url.write("period", "custom")
        url.write("from", chosen[0].isoformat())
        url.write("to", chosen[1].isoformat())


def _reset(page: str) -> None:
    for item in page_filters(page):
        url.write(item.dimension_id, None)
    for name in ("period", "from", "to", "search"):
        url.write(name, None)


def _period(view: View, default: str) -> None:
    period, as_of = view.state.period, view.version.info.as_of
    start = period.start or date(as_of.year - 1, 1, 1)
    end = period.end - timedelta(days=1) if period.end else as_of
    url.show_in_widget("filter_period", period.period_id)
    st.selectbox(
        view.text("filter.period"),
        PERIODS,
        key="filter_period",
        format_func=lambda name: view.text(f"period.{name}"),
        on_change=_period_chosen,
        args=(default, start.isoformat(), end.isoformat()),
        label_visibility="collapsed",
        width=150,
    )
    if period.period_id == "custom":
        url.show_in_widget("filter_days", (start, end))
        st.date_input(
            view.text("filter.days"),
            key="filter_days",
            on_change=_days_chosen,
            label_visibility="collapsed",
            format="YYYY-MM-DD",
            width=220,
        )


def _dimension(
    view: View, item: Dimension, options: tuple[tuple[str | None, str | None], ...]
) -> None:
    names = {value or UNKNOWN: label for value, label in options}
    chosen = list(view.state.values(item.dimension_id))
    # A value that no longer occurs stays visible, or its filter could not be taken off.
    values = list(dict.fromkeys([*names, *chosen]))
    key = f"filter_{item.dimension_id}"
    url.show_in_widget(key, chosen)
    name = view.text(f"dimension.{item.dimension_id}")
    st.multiselect(
        name,
        values,
        key=key,
        format_func=lambda value: (
            option_label(view, item.code_list, value)
            if item.code_list or value == UNKNOWN
            else str(names.get(value) or value)
        ),
        placeholder=name,
        on_change=url.write_from_widget,
        args=(item.dimension_id, key),
        label_visibility="collapsed",
        wrap=False,
        width=132,
    )


def default_period(version: Version, as_of: date) -> str:
    """Thirteen weeks, or the next longer period that has data at all."""
    for period_id in ("13w", "12m"):
        start = make_period(period_id, as_of).start
        assert start is not None  # these presets have a start
        if ask(version, overview.has_rows_since, start):
            return period_id
    return "all"


def _search(view: View, search: str) -> None:
    url.show_in_widget("filter_search", search)
    st.text_input(
        view.text("filter.search"),
        key="filter_search",
        placeholder=view.text("filter.search"),
        on_change=url.write_from_widget,
        args=("search", "filter_search"),
        label_visibility="collapsed",
        icon=":material/search:",
        max_chars=80,
        width=190,
    )


def filter_bar(view: View, has_period: bool = True, search: str | None = None) -> None:
    """One row of choices; on a phone it scrolls sideways.

    Args:
        has_period: whether the page has one; lists of what is open now have none.
        search: what is searched for; None on a page without search.
    """
    default = default_period(view.version, view.version.info.as_of)
    options = ask(view.version, overview.filter_options, view.page)
    with st.container(key="filters", horizontal=True, vertical_alignment="center"):
        if has_period:
            _period(view, default)
        if search is not None:
            _search(view, search)
        for item in page_filters(view.page):
            if item.dimension_id in options:
                _dimension(view, item, options[item.dimension_id])
        is_changed = (
            bool(view.state.selected)
            or bool(search)
            or (has_period and view.state.period.period_id != default)
        )
        if is_changed:
            st.button(
                view.text("filter.reset"),
                key="reset",
                type="tertiary",
                on_click=_reset,
                args=(view.page,),
            )
