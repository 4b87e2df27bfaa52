"""Settings of a REST interface: addresses, credentials, paging, increments, nested lists."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from dagster_project.connectors.plain_secrets import refuse_plain_secrets, refuse_secret_in_url
from dagster_project.connectors.source_models import Columns, Model, Name, Source, Table, Text

Scalar = str | int | float | bool
LandedType = Annotated[
    str,
    StringConstraints(
        pattern=r"^(text|integer|number|boolean|timestamp|date|time|binary|decimal\(\d{1,2}\))$"
    ),
]
SINCE, UNTIL = "{since}", "{until}"
_HEADER = "header:"
_HEADERS = "put secrets into `auth`, or `headers_env` or `headers_file` of the source"
_PARAMS = "put secrets into `auth`, or `params_env` or `params_file` of the source"
_BODY = "put secrets into `auth`, or `body_env` or `body_file` of the source"


class Paging(Model):
    """How the rest of a list is asked for.

    ``stable`` says that the order of the list never shifts while it is read: then pages are not
    compared with each other. Cursors of the server and keysets are taken as stable by default.
    """

    style: Literal["none", "page", "offset", "cursor", "link", "next_url", "keyset"] = "none"
    param: Text | None = Field(
        default=None, description="Query parameter of the page, offset, cursor or last key."
    )
    body: Text | None = Field(default=None, description="The same as a path in the request's body.")
    first: int = Field(default=1, ge=0, description="Number of the first page.")
    size: int | None = Field(default=None, ge=2, description="Rows to ask for at once.")
    size_param: Text | None = None
    size_body: Text | None = None
    next: Text | None = Field(
        default=None,
        description="Path of the next cursor or address in the answer; `header:Name` for a header.",
    )
    more: Text | None = Field(default=None, description="Path of a flag that says there is more.")
    field: Text | None = Field(default=None, description="Keyset: the field that pages go by.")
    aligned: bool = Field(
        default=False, description="The source takes offsets that are multiples of the size only."
    )
    stable: bool | None = None

    @property
    def is_stable(self) -> bool:
        if self.stable is not None:
            return self.stable
        return self.style in ("none", "cursor", "keyset")

    @property
    def overlaps(self) -> bool:
        """Whether a page begins with the last row of the one before."""
        return self.style == "offset" and not self.is_stable and not self.aligned

    @model_validator(mode="after")
    def _check(self) -> Paging:
        if self.param and self.body:
            raise ValueError("give either `param` or `body`: where the page number is put")
        if self.aligned and self.style != "offset":
            raise ValueError('`aligned` belongs to style = "offset"')
        if self.style == "offset" and not self.size:
            raise ValueError('style = "offset" needs `size`, the number of rows to ask for at once')
        if self.style in ("cursor", "next_url") and not self.next:
            raise ValueError(f'style = "{self.style}" needs `next`: where the answer tells it')
        if self.style in ("cursor", "keyset") and not (self.param or self.body):
            raise ValueError(f'style = "{self.style}" needs `param` or `body`: where it is put')
        if self.style == "keyset" and not self.field:
            raise ValueError('style = "keyset" needs `field`: the field that pages go by')
        if self.size and not (self.size_param or self.size_body or self.style == "offset"):
            raise ValueError("`size` needs `size_param` or `size_body`: where it is put")
        return self


class BearerAuth(Model):
    """A token in the header ``Authorization``."""

    type: Literal["bearer"]
    token_env: Text | None = None
    token_file: Text | None = None


class BasicAuth(Model):
    """User and password."""

    type: Literal["basic"]
    user: Text | None = None
    user_env: Text | None = None
    password_env: Text | None = None
    password_file: Text | None = None


class ApiKeyAuth(Model):
    """A key in a header or a query parameter. ``prefix`` stands before it, such as ``token ``."""

    type: Literal["api_key"]
    name: Text
    place: Literal["header", "query"] = "header"
    prefix: str = ""
    key_env: Text | None = None
    key_file: Text | None = None


class OAuth2Auth(Model):
    """OAuth2: an access token that is renewed before it expires and when the source refuses it.

    A refresh token that the server replaces is written back to ``refresh_token_file``.
    """

    type: Literal["oauth2"]
    token_url: Text
    grant: Literal["client_credentials", "refresh_token"] = "client_credentials"
    client_id: Text | None = None
    client_id_env: Text | None = None
    client_secret_env: Text | None = None
    client_secret_file: Text | None = None
    refresh_token_env: Text | None = None
    refresh_token_file: Text | None = None
    scope: Text | None = None
    send: Literal["body", "basic"] = Field(
        default="body", description="Where client id and secret are put."
    )
    extra: dict[str, str] = Field(default_factory=dict, description="More fields of the request.")
    extra_env: dict[str, str] = Field(
        default_factory=dict, description="Field of the request → environment variable."
    )
    extra_file: dict[str, str] = Field(
        default_factory=dict, description="Field of the request → file."
    )


class LoginAuth(Model):
    """A call that gives a token (and more), put into every request.

    ``put`` names where each value goes and where the answer has it:
    ``{"header:X-Token" = "data.token", "body:corpId" = "corpId"}``.
    """

    type: Literal["login"]
    url: Text
    body: dict[str, Any] = Field(default_factory=dict)
    body_env: dict[str, str] = Field(
        default_factory=dict, description="Field of the body → environment variable."
    )
    body_file: dict[str, str] = Field(default_factory=dict, description="Field of the body → file.")
    put: dict[str, str]

    @field_validator("put")
    @classmethod
    def _known_place(cls, value: dict[str, str]) -> dict[str, str]:
        for place in value:
            if not re.match(r"^(header|query|body):.+", place):
                raise ValueError(f'"{place}" is no place; write header:…, query:… or body:…')
        return value


AnyAuth = Annotated[
    BearerAuth | BasicAuth | ApiKeyAuth | OAuth2Auth | LoginAuth, Field(discriminator="type")
]


class Result(Model):
    """A code in the body with which a source reports errors under the status 200."""

    path: Text
    ok: tuple[Scalar, ...] = (0,)
    message: Text | None = Field(default=None, description="Path of the text beside the code.")
    expired: tuple[Scalar, ...] = Field(default=(), description="Codes: the token has expired.")
    busy: tuple[Scalar, ...] = Field(default=(), description="Codes: asked too often.")


class Variant(Model):
    """One of several calls that together give a table, such as open and converted leads."""

    path: Text | None = None
    params: dict[str, Scalar] = Field(default_factory=dict)
    body: dict[str, Any] = Field(default_factory=dict)
    rows: Columns = ()
    total: Text | None = None


class RestTable(Table):
    """A list of a REST interface, or a list nested in the rows of another table (``of``)."""

    load: Literal["incremental", "snapshot"] = "snapshot"
    path: Text | None = Field(default=None, description="Below the source's `url`; default: name.")
    method: Literal["GET", "POST"] = "GET"
    params: dict[str, Scalar] = Field(default_factory=dict)
    body: dict[str, Any] = Field(default_factory=dict)
    rows: Columns = Field(
        default=(),
        description="JSONPath of the rows; of several the first that is there. Empty: the answer.",
    )
    may_lack_rows: bool = Field(
        default=False, description="An answer without `rows` means that there are none."
    )
    total: Text | None = Field(
        default=None,
        description="JSONPath, or `header:Name`, of the number of rows that the source has.",
    )
    paging: Paging | None = Field(default=None, description="By default that of the source.")
    variants: tuple[Variant, ...] = Field(default=(), alias="variant")
    cursor: Columns = Field(default=(), description="The first of these fields that is not NULL.")
    cursor_format: Text = Field(
        default="iso",
        description="iso, unix, unix_ms, odata, number, or a strftime pattern in `time_zone`.",
    )
    since_format: Text | None = Field(
        default=None, description="How {since} and {until} are written; default: cursor_format."
    )
    start: Text | None = Field(
        default=None, description="{since} of the first load; without it the filter is left out."
    )
    overlap_seconds: int = Field(
        default=120, ge=0, description="Read again this far behind the cursor: late changes."
    )
    overlap_numbers: int = Field(
        default=1000, ge=0, description="The same for a cursor that is a number."
    )
    sweep: Literal["every_load", "daily", "weekly"] = Field(
        default="daily", description="How often all keys are listed, to find deleted rows."
    )
    cap: int | None = Field(
        default=None,
        ge=2,
        description="The source shows no more rows than this of one search: it is cut by time.",
    )
    of: Name | None = Field(default=None, description="The table whose rows hold or name these.")
    include: dict[Name, Text] = Field(
        default_factory=dict, description="Column → field of the row of `of`, also in `path`."
    )
    position: Name | None = Field(
        default=None, description="Column for the place in the nested list, from 1."
    )
    types: dict[str, LandedType] = Field(
        default_factory=dict, description="Column → landed type, where the values do not tell."
    )
    rename: dict[str, Text] = Field(default_factory=dict, description="Field → column.")

    @property
    def is_filtered(self) -> bool:
        """Whether the source is asked for what is new only."""
        return SINCE in json.dumps([self.params, self.body, self.path])

    @property
    def is_nested(self) -> bool:
        """Whether the rows are inside the rows of another table, not behind calls of their own."""
        return self.of is not None and self.path is None

    @model_validator(mode="after")
    def _check(self) -> RestTable:
        asked = json.dumps([self.params, self.body, self.path])
        if self.load == "incremental" and not self.of:
            if not self.cursor or not self.primary_key:
                raise ValueError(
                    'load = "incremental" needs `cursor` and `primary_key`: rows are read again '
                    "behind the cursor, and the key says which are the same"
                )
            keyset = self.paging and self.paging.style == "keyset"
            if not self.is_filtered and not keyset:
                raise ValueError(
                    'load = "incremental" needs a filter: write {since} into `params` or `body`, '
                    'or load = "snapshot"'
                )
        if self.load == "snapshot" and self.cursor:
            raise ValueError(
                '`cursor` needs load = "incremental": a snapshot is read whole each time, and rows '
                "that do not come count as deleted"
            )
        if self.cap and (SINCE not in asked or UNTIL not in asked):
            raise ValueError(
                "`cap` cuts the search by time: write {since} and {until} into `params` or `body`"
            )
        if self.cap and not self.primary_key:
            raise ValueError("`cap` needs `primary_key`: rows at a cut are read twice")
        if self.of is None and (self.include or self.position):
            raise ValueError("`include` and `position` belong to a table with `of`")
        if self.of and self.is_nested and not self.rows:
            raise ValueError("`rows` is missing: the path of the list in the rows of `of`")
        if self.of and (self.cursor or self.variants or self.cap):
            raise ValueError("`cursor`, `variant` and `cap` are those of the table in `of`")
        if (
            self.of
            and self.load == "incremental"
            and not (set(self.include) & set(self.primary_key))
        ):
            raise ValueError(
                'a nested list with load = "incremental" needs `include` with the key of the row '
                "that it stands in, and that column in `primary_key`"
            )
        return self


class RestSource(Source):
    """A REST interface. ``url`` and the settings beside it hold for all tables."""

    kind: Literal["rest"]
    url: Text = Field(description="Address that the tables' paths stand below.")
    headers: dict[str, str] = Field(default_factory=dict)
    headers_env: dict[str, str] = Field(
        default_factory=dict, description="Header → environment variable that holds it."
    )
    headers_file: dict[str, str] = Field(
        default_factory=dict, description="Header → file that holds it."
    )
    params: dict[str, Scalar] = Field(default_factory=dict)
    params_env: dict[str, str] = Field(
        default_factory=dict, description="Query parameter → environment variable that holds it."
    )
    params_file: dict[str, str] = Field(
        default_factory=dict, description="Query parameter → file that holds it."
    )
    body: dict[str, Any] = Field(default_factory=dict, description="In the body of each POST.")
    body_env: dict[str, str] = Field(
        default_factory=dict, description="Path in each POST's body → environment variable."
    )
    body_file: dict[str, str] = Field(
        default_factory=dict, description="Path in each POST's body → file that holds it."
    )
    auth: AnyAuth | None = None
    paging: Paging = Paging()
    result: Result | None = None
    hosts: tuple[Text, ...] = Field(
        default=(), description="Other hosts that a next address may name."
    )
    requests_per_minute: float | None = Field(default=None, gt=0)
    tries: int = Field(default=6, ge=1, le=20, description="Calls of one request, at most.")
    max_wait_seconds: float = Field(
        default=600, ge=0, description="A source that wants a longer pause ends the load."
    )
    timeout_seconds: float = Field(default=60, gt=0)
    ca_file: Text | None = Field(default=None, description="Certificates to trust.")
    tables: tuple[RestTable, ...] = Field(alias="table", min_length=1)

    @field_validator("url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if not re.match(r"^https?://[^/\s]+", value):
            raise ValueError("`url` is no web address; write https://host/path")
        if re.match(r"^https?://[^/]*@", value):
            raise ValueError("`url` holds a password; put it into `auth`")
        refuse_secret_in_url("url", value, _PARAMS)
        return value

    @model_validator(mode="after")
    def _no_secrets(self) -> RestSource:
        refuse_plain_secrets("headers", self.headers, _HEADERS)
        refuse_plain_secrets("params", self.params, _PARAMS)
        refuse_plain_secrets("body", self.body)
        if isinstance(self.auth, LoginAuth):
            refuse_plain_secrets("auth.body", self.auth.body)
            refuse_secret_in_url("auth.url", self.auth.url, "put it into `body_env` of `auth`")
        if isinstance(self.auth, OAuth2Auth):
            refuse_plain_secrets("auth.extra", self.auth.extra)
            refuse_secret_in_url(
                "auth.token_url", self.auth.token_url, "put it into `extra_env` of `auth`"
            )
        for table in self.tables:
            parts: tuple[RestTable | Variant, ...] = (table, *table.variants)
            for part in parts:
                refuse_plain_secrets(f"params of {table.name}", part.params, _PARAMS)
                refuse_plain_secrets(f"body of {table.name}", part.body, _BODY)
                refuse_secret_in_url(f"path of {table.name}", part.path or "", _PARAMS)
        return self

    @model_validator(mode="after")
    def _known_parents(self) -> RestSource:
        by_name: Mapping[str, RestTable] = {table.name: table for table in self.tables}
        for table in self.tables:
            if table.of is None:
                continue
            parent = by_name.get(table.of)
            if parent is None or parent.of is not None:
                raise ValueError(
                    f'`of` of {table.name} names "{table.of}"; name a table of this source that '
                    "is itself no part of another"
                )
            if table.load != parent.load:
                raise ValueError(f"{table.name} is loaded as {parent.name}: write the same `load`")
        return self

    def table(self, name: str) -> RestTable:
        return next(table for table in self.tables if table.name == name)

    def paging_of(self, table: RestTable) -> Paging:
        """The paging of ``table``: its own, else that of the source."""
        return table.paging or self.paging


def is_header(path: str) -> bool:
    """Whether a path names a header of the answer."""
    return path.startswith(_HEADER)


def header_name(path: str) -> str:
    return path.removeprefix(_HEADER)
