"""Settings of a database of Odoo; its tables are in tables.toml."""

from __future__ import annotations

from typing import Literal

from dagster_project.connectors.sql_presets import PresetSource


class OdooDatabaseSource(PresetSource):
    """A database of Odoo (PostgreSQL)."""

    kind: Literal["odoo_database"]  # type: ignore[assignment]
