"""Settings of BottleCRM; its tables are in tables.toml."""

from __future__ import annotations

from typing import Literal

from dagster_project.connectors.rest_api.settings import RestSource


class BottleCrmSource(RestSource):
    """BottleCRM over its REST interface; the organisation is that of the token."""

    kind: Literal["bottlecrm"]  # type: ignore[assignment]
