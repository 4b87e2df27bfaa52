"""Settings of BottleCRM; its tables are in tables.toml."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from dagster_project.connectors.rest_api.settings import RestSource


class BottleCrmSource(RestSource):
    """BottleCRM over its REST interface."""

    kind: Literal["bottlecrm"]  # type: ignore[assignment]

    @model_validator(mode="after")
    def _organisation(self) -> BottleCrmSource:
        if "org" not in {name.lower() for name in (*self.headers, *self.headers_env)}:
            raise ValueError(
                "BottleCRM shows nothing, and no error, to a reader without an organisation: "
                'write headers = { org = "…" } with its id'
            )
        return self
