"""Settings of an SQL database and its tables."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, model_validator

from dagster_project.connectors.source_models import Columns, Source, Table, Text


class SqlTable(Table):
    """A table or query of an SQL database."""

    load: Literal["incremental", "snapshot"] = "snapshot"
    table: Text | None = Field(default=None, description="Name in the source; default: `name`.")
    schema_name: Text | None = Field(default=None, alias="schema")
    query: Text | None = Field(default=None, description="A select statement instead of a table.")
    cursor: Columns = Field(default=(), description="The first of these that is not NULL.")
    anonymise_addresses: Columns = Field(
        default=(), description="Columns with internet addresses; they are shortened."
    )
    overlap_seconds: int = Field(
        default=120, ge=0, description="Read again this far behind the cursor: late commits."
    )
    overlap_numbers: int = Field(
        default=1000, ge=0, description="The same for a cursor that is a whole number."
    )

    deleted_query: Text | None = Field(
        default=None,
        description="A select of the keys of rows that were deleted once, as a history table has "
        "them; keys that the table still holds do not count.",
    )

    @model_validator(mode="after")
    def _check(self) -> SqlTable:
        if (self.deletes == "history") != bool(self.deleted_query):
            raise ValueError(
                '`deletes = "history"` and `deleted_query` need each other; add the other'
            )
        if self.deletes == "archived":
            raise ValueError(
                '`deletes = "archived"` is for sources that list what was deleted; set "sweep", '
                '"flag", "history" or "none"'
            )
        if self.deletes in ("flag", "history") and self.load != "incremental":
            raise ValueError(
                "a snapshot shows by itself what was deleted; leave out `deletes`, or set "
                'load = "incremental"'
            )
        if self.deletes == "history" and not self.primary_key:
            raise ValueError("`deleted_query` lists keys; name them in `primary_key`")
        if self.load == "incremental" and not self.cursor:
            raise ValueError('load = "incremental" needs `cursor`; add it or load a snapshot')
        if self.load != "incremental" and self.cursor:
            raise ValueError('`cursor` is only read with load = "incremental"; add that')
        if self.query and (self.table or self.schema_name):
            raise ValueError("give either `query` or `table`/`schema`, not both")
        return self


class SqlSource(Source):
    """An SQL database reached by an SQLAlchemy URL."""

    kind: Literal["sql"]
    url: Text | None = None
    url_env: Text | None = Field(
        default=None, description="Environment variable that holds the URL with its password."
    )
    url_file: Text | None = Field(
        default=None, description="File that holds the URL with its password."
    )
    tables: tuple[SqlTable, ...] = Field(alias="table", min_length=1)

    @model_validator(mode="after")
    def _one_url(self) -> SqlSource:
        if sum(map(bool, (self.url, self.url_env, self.url_file))) != 1:
            raise ValueError(
                "give either `url` (without a password) or `url_env` (the name of an "
                "environment variable that holds the URL) or `url_file` (a file that holds it)"
            )
        if self.url and re.search(r"://[^/@:]*:[^/@]+@", self.url):
            raise ValueError(
                "`url` holds a password; put the URL into an environment variable and name it "
                "in `url_env`, or into a file and name it in `url_file`"
            )
        return self
