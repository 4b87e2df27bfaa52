"""Settings of a HubSpot account and its tables."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from dagster_project.connectors.api import ApiTable
from dagster_project.connectors.source_models import Columns, Source, Text


class HubSpotTable(ApiTable):
    """What one table holds.

    ``objects``: records of a CRM object type, live and archived, one column per property.
    ``history``: every value that one property has had. ``associations``: pairs of records of
    ``object`` and ``to``. ``owners``, ``stages``: users; stages of the pipelines of ``object``.
    """

    resource: Literal["objects", "history", "associations", "owners", "stages"] = "objects"
    object: Text | None = Field(default=None, description="CRM object type, such as deals.")
    to: Text | None = Field(default=None, description="Object type at the other end.")
    keep: Literal["all", "primary", "first"] = Field(
        default="all",
        description="Of the associations of a record all; the one that HubSpot labels Primary; "
        "the one with the lowest id.",
    )
    properties: Columns = Field(
        default=(), description="Properties to read; default: all of the object type."
    )
    history_of: Text | None = Field(default=None, description="Property whose history is read.")
    overlap_seconds: int = Field(
        default=900, ge=0, description="Read again this far back: the search shows changes late."
    )

    @model_validator(mode="after")
    def _check(self) -> HubSpotTable:
        if self.resource != "owners" and not self.object:
            raise ValueError('`object` names the CRM object type; write for example "deals"')
        if self.resource == "associations" and not self.to:
            raise ValueError('`to` names the object type at the other end, such as "companies"')
        if self.resource == "history" and not self.history_of:
            raise ValueError('`history_of` names a property, such as "dealstage"')
        has_cursor = self.resource in ("objects", "history")
        if has_cursor and self.load == "incremental" and not self.cursor_field:
            raise ValueError(
                '`cursor` names the property with the last change: "hs_lastmodifieddate", of '
                'contacts "lastmodifieddate"'
            )
        if not has_cursor and self.load != "snapshot":
            raise ValueError(f'{self.resource} are read whole; set load = "snapshot"')
        return self


class HubSpotSource(Source):
    """A HubSpot account, read with the access token of a private app."""

    kind: Literal["hubspot"]
    base_url: Text = "https://api.hubapi.com"
    access_token_env: Text | None = Field(
        default=None, description="Environment variable with the private app's access token."
    )
    access_token_file: Path | None = None
    tables: tuple[HubSpotTable, ...] = Field(alias="table", min_length=1)

    @model_validator(mode="after")
    def _has_token(self) -> HubSpotSource:
        if bool(self.access_token_env) == bool(self.access_token_file):
            raise ValueError("give either `access_token_env` or `access_token_file`")
        return self
