"""Settings of a Tryton database; its tables are in tables.toml."""

from __future__ import annotations

from typing import Literal

from dagster_project.connectors.sql_presets import PresetSource


class TrytonSource(PresetSource):
    """A Tryton database (PostgreSQL)."""

    kind: Literal["tryton"]  # type: ignore[assignment]
