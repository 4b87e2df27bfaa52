"""One page run: choose language, version and state once, then draw the page."""

from __future__ import annotations

import streamlit as st

from dagster_project.publishing.storage import PublishingError
from dagster_project.settings import Settings, SettingsError, load_settings
from streamlit_app.components import filter_bar, shell, url
from streamlit_app.components.view import View, set_view
from streamlit_app.data.catalogue import (
    CatalogueError,
    load_code_labels,
    load_metrics,
    load_thresholds,
)
from streamlit_app.data.filters import page_filters, parse_state
from streamlit_app.data.metrics import MetricError
from streamlit_app.data.version import ask, choose_version
from streamlit_app.i18n import text

PAGES = (
    "migration_health",
    "overview",
    "relationships",
    "account",
    "over_contact",
    "intent",
    "worklists",
    "sources",
    "data_trust",
)
"""Modules of the pages in the order of the masthead; the first is the one that opens."""


def run() -> None:
    """Draw the page that the URL names, from the version that is current at this moment."""
    try:
        _run(load_settings())
    except (CatalogueError, MetricError, PublishingError, SettingsError) as error:
        # These name place and remedy; a reader should see them instead of a blank page.
        shell.problem(str(error), url.language("en"))


def _run(settings: Settings) -> None:
    version = choose_version(settings)
    today = settings.as_of if version is None else version.info.as_of
    language = url.language(settings.language)
    st.set_page_config(
        page_title=text("app.title", language), layout="wide", initial_sidebar_state="collapsed"
    )
    shell.style()
    pages = [
        st.Page(
            f"app_pages/{name}.py",
            title=text(f"page.{name}", language),
            url_path="" if index == 0 else name.replace("_", "-"),
            default=index == 0,
        )
        for index, name in enumerate(PAGES)
    ]
    page = st.navigation(pages, position="hidden")
    shell.masthead(language, [(item.title, item) for item in pages], page)
    zone = shell.viewer_zone(settings)
    if version is None or today is None:
        shell.welcome(settings, language, zone)
        return
    name = page.url_path.replace("-", "_") or PAGES[0]
    state = parse_state(
        url.parameters(),
        today,
        settings.language,
        filter_bar.default_period(version, today),
        page_filters(name),
    )
    shell.banner(version.info.status, language, zone)
    set_view(
        View(
            settings=settings,
            version=version,
            state=state,
            zone=zone,
            metrics=ask(version, load_metrics),
            small_sample_rows=ask(version, load_thresholds, today).get("small_sample_rows"),
            labels=ask(version, load_code_labels),
            page=name,
        )
    )
    page.run()
