"""Settings of a WeCom (企业微信) company, read through its customer contact interface."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from dagster_project.connectors.source_models import Source, Table, Text


class WeComTable(Table):
    """What one table holds.

    ``customers``: external contacts (客户), each once. ``follows``: who of us follows whom, since
    when, with remark and tags. ``ids``: every id under which a customer is known, to find it again
    in other systems. ``members``: our members with the customer contact feature.
    """

    resource: Literal["customers", "follows", "ids", "members"]
    load: Literal["snapshot"] = "snapshot"


class WeComSource(Source):
    """A company, read with the secret of its own customer contact application."""

    kind: Literal["wecom"]
    base_url: Text = "https://qyapi.weixin.qq.com"
    corp_id: Text
    secret_env: Text | None = Field(
        default=None,
        description="Environment variable with the secret of customer contact, or of an own "
        "application that is listed under 可调用接口的应用.",
    )
    secret_file: Path | None = None
    directory_secret_env: Text | None = Field(
        default=None,
        description="Secret that may list all members (通讯录同步), to tell how many are seen.",
    )
    directory_secret_file: Path | None = None
    tables: tuple[WeComTable, ...] = Field(alias="table", min_length=1)

    @property
    def has_directory(self) -> bool:
        """Whether all members can be counted."""
        return bool(self.directory_secret_env or self.directory_secret_file)

    @model_validator(mode="after")
    def _check(self) -> WeComSource:
        if bool(self.secret_env) == bool(self.secret_file):
            raise ValueError("give either `secret_env` or `secret_file`")
        return self
