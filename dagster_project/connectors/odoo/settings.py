"""Settings of an Odoo database and its models, read over JSON-RPC."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from dagster_project.connectors.api import ApiTable
from dagster_project.connectors.plain_secrets import refuse_secret_in_url
from dagster_project.connectors.source_models import Columns, Source, Text


class OdooTable(ApiTable):
    """One model, with its archived (inactive) records."""

    model: Text = Field(description="Technical name, such as crm.lead.")
    fields: Columns = Field(
        default=(), description="Fields to read; default: all that are stored in the database."
    )
    primary_key: Columns = ("id",)
    cursor: Columns = ("write_date",)

    @model_validator(mode="after")
    def _check(self) -> OdooTable:
        if self.load == "incremental" and not self.cursor_field:
            raise ValueError('`cursor` names the time of the last change, such as "write_date"')
        return self


class OdooSource(Source):
    """An Odoo database, read as one of its users with a password or, better, an API key."""

    kind: Literal["odoo"]
    url: Text = Field(description="Such as https://acme.odoo.com")
    database: Text
    user: Text | None = None
    user_env: Text | None = None
    api_key_env: Text | None = Field(
        default=None, description="Environment variable with the API key or the password."
    )
    api_key_file: Path | None = None
    page_rows: int = Field(default=1000, ge=1, le=10_000)
    tables: tuple[OdooTable, ...] = Field(alias="table", min_length=1)

    @model_validator(mode="after")
    def _check(self) -> OdooSource:
        if bool(self.api_key_env) == bool(self.api_key_file):
            raise ValueError("give either `api_key_env` or `api_key_file`")
        if bool(self.user) == bool(self.user_env):
            raise ValueError("give either `user` or `user_env`")
        if not self.url.startswith(("https://", "http://")):
            raise ValueError("`url` begins with https://")
        refuse_secret_in_url("url", self.url, "use `user` and `api_key_env`")
        return self
