"""Rows that open something: the whole row is a button, for mouse and keyboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from streamlit_app.components import html, url
from streamlit_app.components.view import View
from streamlit_app.i18n import formats


def row(
    key: str, body: str, label: str, on_click: Callable[..., None], args: Sequence[Any] = ()
) -> None:
    """HTML with a button over it, whose name a screen reader says."""
    with st.container(key=f"row_{key}"):
        st.html(body)
        st.button(label, key=f"open_{key}", on_click=on_click, args=tuple(args))


def link_row(key: str, body: str, label: str, page: str, **parameters: str) -> None:
    """HTML with a link over it to another page, which opens it in one run.

    Args:
        page: module of the page in ``app_pages``.
        parameters: what the other page opens.
    """
    with st.container(key=f"row_{key}"):
        st.html(body)
        st.page_link(
            f"app_pages/{page}.py",
            label=label,
            query_params={
                **url.link_parameters(),
                **{name: [value] for name, value in parameters.items()},
            },
        )


def empty(words: str) -> None:
    st.html(f'<div class="empty">{html.escape(words)}</div>')


def pages(view: View, key: str, count_all: int, page_size: int) -> int:
    """Page numbers where there is more than one page, and which rows are shown; the page."""
    total = max(1, -(-count_all // page_size))
    # What was chosen may lie behind the end after a filter has been set.
    if st.session_state.get(key, 1) > total:
        st.session_state[key] = 1
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        # In a row of its own content a pagination hides pages for which there is room.
        width = 110 + 44 * min(total, 7)
        page = int(st.pagination(total, key=key, width=width)) if total > 1 else 1
        first = (page - 1) * page_size
        st.caption(
            view.text(
                "passport.shown",
                first=formats.number(first + 1),
                last=formats.number(min(first + page_size, count_all)),
                count=formats.number(count_all),
            )
        )
    return page
