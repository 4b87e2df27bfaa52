"""ERPNext is read like every business system with a known database."""

from dagster_project.connectors.sql_presets import check, open_source

__all__ = ["check", "open_source"]
