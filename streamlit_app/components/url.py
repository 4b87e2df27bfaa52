"""The page's state in the URL: read at the top of a run, written by the callbacks of widgets."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from streamlit_app.i18n import LANGUAGES

OPENED = (
    *("passport", "account", "hit", "lead", "search", "page"),
    *("family", "trap", "step", "score", "near", "focus", "customer", "quadrant", "noise"),
    *("month", "top", "list", "week", "all", "sort"),
)
"""Parameters that belong to one page only."""


def parameters() -> dict[str, list[str]]:
    """All query parameters, repeated ones as lists."""
    return {name: st.query_params.get_all(name) for name in st.query_params}


def language(default: str) -> str:
    """The language that the URL names, else the default."""
    wanted = st.query_params.get("lang")
    return wanted if wanted in LANGUAGES else default


def write(name: str, value: str | Sequence[str] | None) -> None:
    """Set one parameter; None or nothing selected removes it, so that links stay short."""
    if not value:
        if name in st.query_params:
            del st.query_params[name]
    else:
        st.query_params[name] = value if isinstance(value, str) else list(value)


def link_parameters() -> dict[str, list[str]]:
    """What a link to another page takes along: all but what is opened on this one."""
    return {name: values for name, values in parameters().items() if name not in OPENED}


def write_from_widget(name: str, key: str, default: str | None = None) -> None:
    """Callback: the value of the widget ``key`` becomes the parameter ``name``."""
    value = st.session_state.get(key)
    write(name, None if value == default else value)


def show_in_widget(key: str, value: object) -> None:
    """Make a widget show what the URL says, also after the browser's Back."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value
