"""Settings of a Frappe site; its tables are in tables.toml."""

from __future__ import annotations

from typing import Literal

from dagster_project.connectors.rest_api.settings import RestSource


class FrappeSource(RestSource):
    """ERPNext and other Frappe sites over their REST interface."""

    kind: Literal["frappe"]  # type: ignore[assignment]
