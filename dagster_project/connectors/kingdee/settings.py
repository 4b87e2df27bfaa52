"""Settings of a Kingdee K/3 Cloud (金蝶云星空) data centre and its business objects."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from dagster_project.connectors.api import ApiTable
from dagster_project.connectors.plain_secrets import refuse_secret_in_url
from dagster_project.connectors.source_models import Columns, Source, Text

FIELD_TYPE = re.compile(r"text|integer|number|boolean|timestamp|date|decimal\((\d|1\d)\)")


def column_of(field: str) -> str:
    """``FCustId.FNumber`` → ``FCustId_FNumber``: a column's name has no full stop."""
    return field.replace(".", "_")


class KingdeeTable(ApiTable):
    """Rows of one form (business object), or of one of its entries.

    A query names its fields and gets rows without names or types, so both are given here:
    ``fields = { FBillNo = "text", FQty = "decimal(10)" }``. A field of an entry makes one row per
    line of the entry; its key is then the entry's id (``FSaleOrderEntry_FEntryID``).
    """

    form_id: Text = Field(description="Form id, such as SAL_SaleOrder.")
    fields: dict[str, str] = Field(min_length=1)
    key: Text = Field(description="Field with the id of a row, a number: pages follow it.")
    filter: Text | None = Field(default=None, description="Condition for all queries.")
    cursor: Columns = ("FModifyDate",)

    @field_validator("fields")
    @classmethod
    def _types(cls, value: dict[str, str]) -> dict[str, str]:
        for name, kind in value.items():
            if not FIELD_TYPE.fullmatch(kind):
                raise ValueError(
                    f'{name}: "{kind}" is no type; write text, integer, number, boolean, '
                    "timestamp, date or decimal(10)"
                )
        return value

    @model_validator(mode="after")
    def _check(self) -> KingdeeTable:
        if self.fields.get(self.key) != "integer":
            raise ValueError(f'`fields` needs {self.key} = "integer": pages follow it')
        if self.load == "incremental" and self.fields.get(self.cursor_field or "") != "timestamp":
            raise ValueError(
                f'`fields` needs {self.cursor_field} = "timestamp"; or set load = "snapshot"'
            )
        return self


class KingdeeSource(Source):
    """A data centre (账套), read as one of its users through a third-party application."""

    kind: Literal["kingdee"]
    server_url: Text = Field(description="Such as https://acme.ik3cloud.com/k3cloud")
    account_id: Text = Field(description="Id of the data centre (账套 ID).")
    user: Text = Field(description="User that the application acts as (集成用户).")
    app_id_env: Text | None = None
    app_id_file: Path | None = None
    app_secret_env: Text | None = None
    app_secret_file: Path | None = None
    organisation_number: int = Field(
        default=0, ge=0, description="Organisation to read as; 0: the user's own."
    )
    page_rows: int = Field(
        default=2000, ge=1, le=10_000, description="2,000 is what every version gives at once."
    )
    ca_file: Path | None = Field(
        default=None, description="Certificates to trust instead of the usual ones."
    )
    time_zone: str = Field(default="Asia/Shanghai", description="Zone of the server's clock.")
    tables: tuple[KingdeeTable, ...] = Field(alias="table", min_length=1)

    @model_validator(mode="after")
    def _check(self) -> KingdeeSource:
        for name in ("app_id", "app_secret"):
            if bool(getattr(self, f"{name}_env")) == bool(getattr(self, f"{name}_file")):
                raise ValueError(f"give either `{name}_env` or `{name}_file`")
        if not self.server_url.startswith(("https://", "http://")):
            raise ValueError("`server_url` begins with https://")
        refuse_secret_in_url("server_url", self.server_url, "use `user` and `app_secret_env`")
        return self
