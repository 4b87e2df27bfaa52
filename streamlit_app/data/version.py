"""The published version that a page run reads, and the cache of answers it gives.

A page run chooses its version once and passes it on; no question is asked without one. Answers are
small aggregates, cached by version id, so that a new version never shows an old answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import duckdb
import streamlit as st

from dagster_project.publishing.reader import (
    VersionInfo,
    current_version,
    open_version,
    renew_lease,
)
from dagster_project.settings import Settings

_Parameters = ParamSpec("_Parameters")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Version:
    """One published version and the settings it was found by."""

    settings: Settings
    info: VersionInfo

    @property
    def version_id(self) -> str:
        return self.info.version_id


def choose_version(settings: Settings) -> Version | None:
    """The version that is current now; None where nothing has been published yet."""
    info = current_version(settings)
    return None if info is None else Version(settings, info)


@dataclass
class _Opened:
    connection: duckdb.DuckDBPyConnection
    leased_at: float


@st.cache_resource(
    show_spinner=False, max_entries=3, on_release=lambda opened: opened.connection.close()
)
def _open(version_id: str, home: str, _settings: Settings) -> _Opened:
    return _Opened(open_version(_settings, version_id), time.monotonic())


def connection_of(version: Version) -> duckdb.DuckDBPyConnection:
    """A cursor of its own for the caller; one connection must not serve two threads at once.

    Raises:
        VersionNotFound: the version was pruned after its lease had run out.
    """
    opened = _open(version.version_id, str(version.settings.home), version.settings)
    lease_seconds = version.settings.lease_minutes * 60
    if time.monotonic() - opened.leased_at > lease_seconds / 4:
        renew_lease(version.settings, version.version_id)
        opened.leased_at = time.monotonic()
    return opened.connection.cursor()


@st.cache_data(show_spinner=False, max_entries=2000)
def _answer(
    version_id: str,
    home: str,
    question: str,
    arguments: str,
    _ask: Callable[[], Any],
) -> Any:
    return _ask()


def ask(
    version: Version,
    question: Callable[Concatenate[duckdb.DuckDBPyConnection, _Parameters], _Answer],
    *arguments: _Parameters.args,
    **named: _Parameters.kwargs,
) -> _Answer:
    """Ask a function of the data layer; the answer is cached for this version and arguments.

    Arguments must be plain values or frozen dataclasses: their ``repr`` is the cache key.
    """
    return cast(
        _Answer,
        _answer(
            version.version_id,
            str(version.settings.home),
            f"{question.__module__}.{question.__qualname__}",
            repr((arguments, sorted(named.items()))),
            lambda: question(connection_of(version), *arguments, **named),
        ),
    )
