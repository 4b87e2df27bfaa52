"""Settings of Frappe CRM; its tables are in tables.toml."""

from __future__ import annotations

from typing import Literal

from dagster_project.connectors.rest_api.settings import RestSource


class FrappeCrmSource(RestSource):
    """Frappe CRM, the app beside ERPNext, over the REST interface of its site."""

    kind: Literal["frappe_crm"]  # type: ignore[assignment]
