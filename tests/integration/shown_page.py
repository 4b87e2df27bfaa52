"""What the overview page shows of a published version, read off the page itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
import streamlit as st

from tests.unit.streamlit_app.test_pages import open_page, page_html

_TILE = re.compile(r'<div class="tile-name">([^<]+)</div><div class="tile-value" title="([^"]+)">')
_UNKNOWN = re.compile(r'<div class="tile-name">([^<]+)</div><div class="tile-value unknown">')
_STAGE = re.compile(r'<span>([^<]+)</span><span class="track[^"]*" title="([^"]+)"')


@dataclass(frozen=True)
class ShownPage:
    """Figures by the name of their tile, opportunities by the name of their stage.

    ``unknown`` are the names of the tiles that say why they have no figure.
    """

    figures: dict[str, Decimal]
    unknown: frozenset[str]
    stages: dict[str, int]


def overview_page(
    monkeypatch: pytest.MonkeyPatch, home: Path, *, source: str, language: str
) -> ShownPage:
    """The overview of one source over all time."""
    st.cache_data.clear()
    st.cache_resource.clear()
    app = open_page(monkeypatch, home, source=source, lang=language, period="all")
    body = page_html(app)
    return ShownPage(
        {name: _number(title) for name, title in _TILE.findall(body)},
        frozenset(_UNKNOWN.findall(body)),
        {name: int(_number(title)) for name, title in _STAGE.findall(body)},
    )


def _number(text: str) -> Decimal:
    """A number as a person reads it: digits and point, without sign of currency or unit."""
    return Decimal("".join(re.findall(r"[\d.]", text)))
