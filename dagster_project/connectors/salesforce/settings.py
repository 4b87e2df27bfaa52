"""Settings of a Salesforce org and its objects."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from dagster_project.connectors.api import ApiTable
from dagster_project.connectors.source_models import Columns, Source, Text


class SalesforceTable(ApiTable):
    """One object (sObject), with its deleted and archived rows."""

    object: Text = Field(description="API name, such as Opportunity.")
    fields: Columns = Field(default=(), description="Fields to read; default: all that are shown.")
    primary_key: Columns = ("Id",)

    @model_validator(mode="after")
    def _check(self) -> SalesforceTable:
        if self.load == "incremental" and not self.cursor_field:
            raise ValueError(
                '`cursor` names the time of the last change: "SystemModstamp", of history objects '
                '"CreatedDate"; or set load = "snapshot"'
            )
        return self


class SalesforceSource(Source):
    """A Salesforce org.

    Signed in by the OAuth 2.0 client credentials of a connected app (`consumer_key`,
    `consumer_secret`), or with an access token made elsewhere, which ends without renewal.
    """

    kind: Literal["salesforce"]
    instance_url: Text = Field(description="My Domain, such as https://acme.my.salesforce.com")
    api_version: Text = "59.0"
    consumer_key_env: Text | None = None
    consumer_key_file: Path | None = None
    consumer_secret_env: Text | None = None
    consumer_secret_file: Path | None = None
    access_token_env: Text | None = None
    access_token_file: Path | None = None
    ca_file: Path | None = Field(
        default=None, description="Certificates to trust instead of the usual ones."
    )
    tables: tuple[SalesforceTable, ...] = Field(alias="table", min_length=1)

    @property
    def has_client(self) -> bool:
        """Whether it signs in as a connected app."""
        return bool(self.consumer_key_env or self.consumer_key_file)

    @model_validator(mode="after")
    def _check(self) -> SalesforceSource:
        token = bool(self.access_token_env or self.access_token_file)
        secret = bool(self.consumer_secret_env or self.consumer_secret_file)
        if self.has_client != secret or self.has_client == token:
            raise ValueError(
                "give `consumer_key_env` and `consumer_secret_env` of a connected app, or "
                "`access_token_env`; each may end in _file instead"
            )
        if not self.instance_url.startswith("https://"):
            raise ValueError("`instance_url` begins with https://; write your org's My Domain")
        return self
