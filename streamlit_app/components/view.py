"""What one page run works with, chosen once at its top."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from dagster_project.settings import Settings
from streamlit_app.data.catalogue import Metric
from streamlit_app.data.filters import PageState, Period
from streamlit_app.data.version import Version
from streamlit_app.i18n import catalogue, text, text_or


@dataclass(frozen=True)
class View:
    """Settings, the one published version, language and zone of the viewer, and the URL's state."""

    settings: Settings
    version: Version
    state: PageState
    zone: str
    metrics: tuple[Metric, ...]
    small_sample_rows: float | None
    labels: dict[tuple[str, str], tuple[str, str]]
    page: str = "overview"

    @property
    def language(self) -> str:
        return self.state.language

    def unfiltered(self) -> View:
        """The same view over all rows and all time, for a page without filters."""
        state = replace(self.state, period=Period("all", None, None), selected=())
        return replace(self, state=state)

    def all_time(self) -> View:
        """The same view over all time, for a page about what is open now."""
        return replace(self, state=replace(self.state, period=Period("all", None, None)))

    def text(self, key: str, **values: object) -> str:
        return text(key, self.language, **values)

    def text_template(self, key: str) -> str:
        """A text with its placeholders."""
        return catalogue(self.language)[key]

    def text_or(self, key: str, default: str) -> str:
        return text_or(key, self.language, default)

    def metric(self, metric_id: str | None) -> Metric | None:
        return next((item for item in self.metrics if item.metric_id == metric_id), None)

    def code_label(self, code_list: str | None, code: str) -> str:
        """Name of a code in the viewer's language, else the code."""
        names = self.labels.get((code_list or "", code))
        return code if names is None else names[self.language == "zh"]


_KEY = "page_view"


def set_view(view: View) -> None:
    """Hand the view of this run to the page that runs next."""
    st.session_state[_KEY] = view


def current_view() -> View:
    """The view that the entry point has chosen for this run."""
    view = st.session_state[_KEY]
    assert isinstance(view, View)
    return view
