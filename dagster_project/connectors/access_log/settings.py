"""Settings of the access logs of web servers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from dagster_project.connectors.problems import SourceError
from dagster_project.connectors.source_models import Name, PlacedSource, Table, Text


class AccessLogTable(Table):
    """Log files of one web server (or several of the same format)."""

    load: Literal["append"] = "append"
    glob: Text
    format: Text = Field(
        default="combined",
        description="common, combined, vhost_combined, nginx_json, w3c, iis, cloudfront, elb, alb, "
        "or the server's own LogFormat / log_format line.",
    )
    encoding: Text = "utf-8"
    fields: dict[Name, Text] = Field(
        default_factory=dict, description="nginx_json: column → key, where keys are not usual."
    )
    visitor_cookie: Text | None = Field(
        default=None, description="Of several logged cookies the one that tells visitors apart."
    )
    oldest_days: int = Field(
        default=10958,
        ge=0,
        description="Lines older than this before `as_of` are refused; 0 = off.",
    )
    newest_days: int = Field(
        default=366, ge=0, description="Lines newer than this after `as_of` are refused; 0 = off."
    )
    max_unfit_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="A file with a larger share of lines of another format is held back; 1 = off.",
    )
    anonymise_addresses: bool = Field(
        default=False, description="Addresses and host names of clients are shortened."
    )
    retention_days: int | None = Field(
        default=None, ge=1, description="Lines older than this before `as_of` are removed."
    )

    @property
    def time_column(self) -> str:
        """Column with the time of a line."""
        return "requested_at"

    @model_validator(mode="after")
    def _known_format(self) -> AccessLogTable:
        from dagster_project.connectors.access_log.formats import compile_format

        try:
            compile_format(
                self.format, "`format`", json_fields=self.fields, cookie=self.visitor_cookie
            )
        except SourceError as problem:
            message, remedy = problem.message, problem.remedy
            raise ValueError(f"{message.en} {remedy.en} / {message.zh}{remedy.zh}") from problem
        return self


class AccessLogSource(PlacedSource):
    """Web-server logs.

    The settings of a log may stand at the source; they are then the defaults of its tables, and a
    source without tables gets one that is named ``requests``.
    """

    kind: Literal["access_log"]
    tables: tuple[AccessLogTable, ...] = Field(alias="table", min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _one_table(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        own = set(AccessLogTable.model_fields) - {"name"}
        defaults = {k: v for k, v in values.items() if k in own}
        rest = {k: v for k, v in values.items() if k not in defaults}
        tables = rest.get("table", [{"name": "requests"}])
        if isinstance(tables, list):
            rest["table"] = [{**defaults, **t} if isinstance(t, dict) else t for t in tables]
        return rest
