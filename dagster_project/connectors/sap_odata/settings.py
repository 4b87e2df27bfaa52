"""Settings of an SAP system; its tables are in tables.toml."""

from __future__ import annotations

from typing import Literal

from dagster_project.connectors.rest_api.settings import RestSource


class SapOdataSource(RestSource):
    """SAP S/4HANA over its OData services."""

    kind: Literal["sap_odata"]  # type: ignore[assignment]
