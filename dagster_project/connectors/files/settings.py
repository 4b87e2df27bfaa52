"""Settings of files in a folder or bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from dagster_project.connectors.snowplow import ENRICHED_FIELDS
from dagster_project.connectors.source_models import Columns, PlacedSource, Table, Text

FILE_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".xlsx": "xlsx",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}


class FileTable(Table):
    """Files that together are one table."""

    load: Literal["snapshot", "append"] = "snapshot"
    glob: Text
    format: Literal["csv", "xlsx", "jsonl", "parquet", "snowplow"] | None = Field(
        default=None, description="By default from the ending of `glob`."
    )
    encoding: Text = "utf-8"
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = Field(
        default=None, description="CSV: by default the most frequent of , ; tab | in the header."
    )
    names: tuple[Text, ...] = Field(
        default=(), description="CSV without a header line: the names of its columns, in order."
    )
    quotes: bool = Field(
        default=True, description='CSV: false where " is a character like any other.'
    )
    sheet: Text | None = Field(default=None, description="XLSX: by default the first sheet.")
    anonymise_addresses: Columns = Field(
        default=(), description="Columns with internet addresses; they are shortened."
    )
    retention_days: int | None = Field(
        default=None, ge=1, description="Rows older than this before `as_of` are removed."
    )
    time_column: Text | None = Field(
        default=None, description="Column with the time of a row's event, for `retention_days`."
    )

    @model_validator(mode="before")
    @classmethod
    def _known_form(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("format") == "snowplow":
            form = {"names": ENRICHED_FIELDS, "delimiter": "\t", "quotes": False}
            if set(form) & set(values):
                raise ValueError(
                    'format = "snowplow" says itself what `names`, `delimiter` and `quotes` are; '
                    "leave them out"
                )
            return {**values, **form}
        return values

    @model_validator(mode="after")
    def _check(self) -> FileTable:
        ending = Path(self.glob.removesuffix(".gz")).suffix.lower()
        if self.format is None and ending not in FILE_FORMATS:
            raise ValueError(
                f'`glob` = "{self.glob}" does not tell the format; add `format` = '
                '"csv", "xlsx", "jsonl", "parquet" or "snowplow"'
            )
        if self.file_format != "csv" and (self.names or not self.quotes):
            raise ValueError(
                "`names` and `quotes` are for CSV; leave them out, or correct `format`"
            )
        if self.retention_days and self.load != "append":
            raise ValueError(
                "`retention_days` removes rows for good, and a snapshot would bring them back; "
                'set load = "append", or leave it out'
            )
        return self

    @property
    def file_format(self) -> str:
        """csv, xlsx, jsonl or parquet."""
        if self.format == "snowplow":
            return "csv"
        return self.format or FILE_FORMATS[Path(self.glob.removesuffix(".gz")).suffix.lower()]


class FilesSource(PlacedSource):
    """Files in a folder or bucket. `retention_days` at the source is that of its tables."""

    kind: Literal["files"]
    tables: tuple[FileTable, ...] = Field(alias="table", min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _own_retention(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "retention_days" not in values:
            return values
        rest = {key: value for key, value in values.items() if key != "retention_days"}
        days, tables = values["retention_days"], rest.get("table")
        if isinstance(tables, list):
            rest["table"] = [
                {"retention_days": days, **table} if isinstance(table, dict) else table
                for table in tables
            ]
        return rest
