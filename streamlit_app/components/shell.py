"""What every page has: style, masthead, status line, banner, and the page without data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

import streamlit as st

from dagster_project.publishing.reader import publishing_status
from dagster_project.publishing.storage import Status
from dagster_project.settings import Settings
from streamlit_app.components import html, url
from streamlit_app.components.view import View
from streamlit_app.data import trust
from streamlit_app.data.version import ask
from streamlit_app.i18n import LANGUAGES, formats, text

_STYLE = Path(__file__).with_name("style.css")


def style() -> None:
    st.html(f"<style>{_STYLE.read_text(encoding='utf-8')}</style>")


def viewer_zone(settings: Settings) -> str:
    """The browser's zone, else the setting."""
    return st.context.timezone or settings.time_zone


def _language_chosen() -> None:
    url.write_from_widget("lang", "language")


def masthead(language: str, pages: Sequence[tuple[str, object]], here: object) -> None:
    """Name of the product, pages, and the language switch.

    Args:
        pages: (title, Streamlit page) in order.
        here: the page that is shown.
    """
    with st.container(key="masthead", horizontal=True, vertical_alignment="center", gap="small"):
        st.html(f'<div class="brand"><i></i>{html.escape(text("app.title", language))}</div>')
        for title, page in pages:
            with st.container(key="nav_here" if page is here else None, width="content"):
                st.page_link(
                    page,  # type: ignore[arg-type]
                    label=title,
                    query_params=url.link_parameters(),
                    width="content",
                )
        url.show_in_widget("language", language)
        st.segmented_control(
            text("app.language", language),
            LANGUAGES,
            key="language",
            format_func=lambda code: text("app.language_name", code),
            label_visibility="collapsed",
            on_change=_language_chosen,
            required=True,
        )


def _names(reasons: Sequence[object], language: str) -> str:
    items = []
    for reason in reasons:
        check = getattr(reason, f"check_{language}", "") or getattr(reason, "check_en", "")
        detail = getattr(reason, "detail_zh", "") if language == "zh" else ""
        detail = detail or getattr(reason, "detail", "")
        table = getattr(reason, "table", "")
        items.append(
            f"<li>{html.escape(check)}"
            + (f" <code>{html.escape(table)}</code>" if table else "")
            + (f' <span class="muted">{html.escape(detail)}</span>' if detail else "")
            + "</li>"
        )
    return f"<ul>{''.join(items)}</ul>" if items else ""


def banner(status: Status, language: str, zone: str) -> None:
    """Says that newer data were held back, or that a person went back to an earlier version."""
    if status.state == "published":
        return
    since = formats.moment(status.since, zone, language)
    head = text(f"banner.{status.state}", language, since=since)
    st.html(
        f'<div class="banner" role="status"><b>{html.escape(head)}</b>'
        f"{_names(status.reasons, language)}</div>"
    )


def status_line(view: View) -> None:
    """As-of day, version, freshness of the sources and checks, in one line."""
    info = view.version.info
    fresh = ask(view.version, trust.freshness)
    counts = Counter(str(row["freshness_status"]) for row in fresh.rows)
    worst = next((s for s in ("error", "warn", "unknown", "fresh") if counts.get(s)), "unknown")
    parts = [
        (
            "",
            view.text("status.as_of"),
            formats.day(info.as_of, view.language),
        ),
        (
            "",
            view.text("status.published"),
            formats.moment(info.published_at, view.zone, view.language),
        ),
        (
            worst,
            view.text("status.sources"),
            " · ".join(
                f"{counts[state]} {view.text(f'state.{state}')}"
                for state in ("fresh", "warn", "error", "unknown")
                if counts.get(state)
            )
            or view.text("status.unknown"),
        ),
    ]
    failed = info.checks.get("failed_error", 0) + info.checks.get("failed_warn", 0)
    not_run = info.checks.get("not_run", 0)
    if info.checks:
        passed = info.checks.get("passed", 0)
        words = [view.text("status.passed", count=formats.number(passed))]
        if failed:
            words.append(view.text("status.failed", count=formats.number(failed)))
        if not_run:
            words.append(view.text("status.not_run", count=formats.number(not_run)))
        state = "failed" if info.checks.get("failed_error") else "warn" if failed else "passed"
        if not passed and not failed:
            state = "not_run"
        parts.append((state, view.text("status.checks"), " · ".join(words)))
    else:
        parts.append(("not_run", view.text("status.checks"), view.text("status.unknown")))
    parts.append(("", view.text("status.version"), info.version_id.split("-")[0]))
    parts.append(("", view.text("status.zone"), view.zone))
    title = info.published_at.astimezone(UTC).isoformat(timespec="seconds")
    st.html(
        f'<div class="status-line" title="{html.escape(info.version_id)} · {html.escape(title)}">'
        + "".join(
            f"<span>{html.dot(state) if state else ''}{html.escape(name)} "
            f"<b>{html.escape(value)}</b></span>"
            for state, name, value in parts
        )
        + "</div>"
    )


def problem(message: str, language: str) -> None:
    """A page that cannot be shown says why, in the words of the error."""
    st.html(
        f'<div class="banner" role="alert"><b>{html.escape(text("app.problem", language))}</b> '
        f"{html.escape(message)}</div>"
    )


def welcome(settings: Settings, language: str, zone: str) -> None:
    """The page before the first publish: what to run, and why nothing is there if a run failed."""
    status = publishing_status(settings)
    st.html(
        f'<div class="welcome"><h1>{html.escape(text("welcome.title", language))}</h1>'
        f"<p>{html.escape(text('welcome.body', language, home=settings.home))}</p>"
        f"<p>{html.escape(text('welcome.demo', language))}</p><pre>make demo</pre>"
        f"<p>{html.escape(text('welcome.own', language))}</p>"
        f"<pre>make run SOURCES={html.escape(settings.sources_file.name)}</pre>"
        f"<p class='muted'>{html.escape(text('welcome.reload', language))}</p></div>"
    )
    if status is not None and status.state == "held_back":
        since = formats.moment(status.since, zone, language)
        st.html(
            f'<div class="banner" role="status"><b>'
            f"{html.escape(text('welcome.held_back', language, since=since))}</b>"
            f"{_names(status.reasons, language)}</div>"
        )
