"""Settings of a database of ERPNext; its tables are in tables.toml."""

from __future__ import annotations

from typing import Literal

from dagster_project.connectors.sql_presets import PresetSource


class ErpnextDatabaseSource(PresetSource):
    """A database of ERPNext (MariaDB or PostgreSQL)."""

    kind: Literal["erpnext_database"]  # type: ignore[assignment]
