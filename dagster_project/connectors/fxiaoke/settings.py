"""Settings of a Fxiaoke enterprise; its tables are in tables.toml."""

from __future__ import annotations

from typing import Literal

from dagster_project.connectors.rest_api.settings import RestSource


class FxiaokeSource(RestSource):
    """Fxiaoke (纷享销客) over its open interface."""

    kind: Literal["fxiaoke"]  # type: ignore[assignment]
