"""Pieces that the pages about health and relationships share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

import streamlit as st

from streamlit_app.charts import figures
from streamlit_app.components import html, url
from streamlit_app.components.downloads import Table, downloads
from streamlit_app.components.view import View
from streamlit_app.data import intent
from streamlit_app.data.version import ask
from streamlit_app.i18n import formats


def missing(view: View, mart: str) -> str:
    """Why there is nothing: an older version, a mart of another shape, or a filter."""
    if mart in ask(view.version, intent.published):
        return view.text("not_here.filter")
    return view.text("not_here.version", mart=mart)


def is_here(view: View, mart: str) -> bool:
    return mart in ask(view.version, intent.published)


def words(view: View, english: str | None, chinese: str | None) -> str:
    """The text in the viewer's language, else the other one."""
    first, second = (chinese, english) if view.language == "zh" else (english, chinese)
    return first or second or ""


def reason(
    view: View, code: str | None, english: str | None = None, chinese: str | None = None
) -> str:
    """Why something is unknown, in words; a code without words is shown as it is."""
    given = words(view, english, chinese)
    if given:
        return view.text("unknown.because", reason=given)
    if code:
        return view.text("unknown.because", reason=view.text_or(f"unknown_reason.{code}", code))
    return view.text("unknown.rows")


def points(value: float | None, digits: int = 1) -> str:
    return formats.DASH if value is None else formats.number(round(float(value), digits), digits)


def signed(value: float | None, digits: int = 1) -> str:
    """A change with its arrow; what is shown as no change has none."""
    if value is None:
        return formats.DASH
    rounded = round(float(value), digits)
    if rounded == 0:
        return f"{0:.{digits}f}"
    return f"{'▲' if rounded > 0 else '▼'} {formats.number(abs(rounded), digits)}"


def tone(value: float | None, digits: int = 1) -> str:
    """CSS class of a change for which up is better."""
    rounded = 0.0 if value is None else round(float(value), digits)
    return "" if rounded == 0 else "good" if rounded > 0 else "bad"


def share(view: View, part: float | None, whole: float | None, digits: int = 1) -> str:
    """A ratio with its numerator and denominator; says so where it rests on few."""
    if part is None or not whole:
        return formats.DASH
    said = f"{formats.percent(part / whole, digits)} ({fraction(part, whole)})"
    return f"{said} · {view.text('tile.small')}" if is_few(view, whole) else said


def fraction(part: float | None, whole: float | None) -> str:
    if part is None or whole is None:
        return formats.DASH
    return f"{formats.number(part)} ÷ {formats.number(whole)}"


def is_few(view: View, count: float | None) -> bool:
    return (
        count is not None and view.small_sample_rows is not None and count < view.small_sample_rows
    )


def week_ticks(
    view: View, days: Sequence[date], values: Iterable[float | None], unit: str = "count"
) -> figures.Ticks:
    """Marks of a chart over weeks."""
    shown = figures.spread(days, 6)
    known = [value for value in values if value is not None] or [0.0]
    steps = figures.value_steps(min(known), max(known))
    return figures.Ticks(
        shown,
        tuple(formats.tick(day, "week", view.language) for day in shown),
        steps,
        tuple(formats.axis(value, unit, view.language) for value in steps),
    )


def panel_head(
    view: View,
    title: str,
    note: str = "",
    name: str = "",
    table: Callable[[], Table] | None = None,
    selection: str = "",
) -> None:
    """Title of a panel; with ``table`` also its files, called ``name``."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(html.panel_title(title, note), width="stretch")
        if table is not None:
            downloads(
                view,
                name,
                title,
                selection or formats.day(view.version.info.as_of, view.language),
                table,
            )


@st.cache_resource(show_spinner=False, max_entries=100)
def _figure(version_id: str, home: str, name: str, language: str, _build: Callable[[], Any]) -> Any:
    return _build()


def figure(view: View, name: str, build: Callable[[], Any]) -> Any:
    """A figure that depends on nothing but version and language, built once for all readers.

    Building one takes more time than the rest of a warm page; nobody may change what is returned.
    """
    version = view.version
    return _figure(version.version_id, str(version.settings.home), name, view.language, build)


def open_at(name: str, value: str) -> None:
    """Callback: the URL names what is opened, so that a link opens it too."""
    url.write("passport", None)
    url.write(name, value)


def drawer(
    view: View, name: str, title: str, content: Callable[[View], None], width: int = 860
) -> None:
    """A drawer that the URL parameter ``name`` has opened; closing it clears the parameter."""

    def inside() -> None:
        # A press inside a drawer runs the drawer alone; what it opens lies over the whole page.
        if opened(view, name) is None:
            st.rerun()
        content(view)

    st.dialog(
        title,
        width=width,
        position="right",
        on_dismiss=lambda: url.write(name, None),
    )(inside)()


def opened(view: View, name: str) -> str | None:
    """What the URL opens on this page; nothing while a passport lies over it."""
    if view.metric(st.query_params.get("passport")) is not None:
        return None
    return st.query_params.get(name) or None


def details(summary: str, body: str) -> str:
    """Something to unfold, by mouse or keyboard, without asking the server."""
    return f"<details><summary>{html.escape(summary)}</summary>{body}</details>"
