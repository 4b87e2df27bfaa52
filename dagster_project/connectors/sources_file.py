"""The sources file: one TOML file lists every source system and its tables.

Each kind of source has its own model, so that a key that means nothing for a kind is refused
instead of being ignored. All problems of a file are reported together.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    StringConstraints,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from dagster_project.connectors.problems import SourceError
from dagster_project.connectors.snowplow import ENRICHED_FIELDS
from dagster_project.settings import Settings, secret

RESERVED_SYSTEMS = frozenset({"ops"})
RESERVED_COLUMNS = ("_load_id", "_loaded_at", "_source_file", "_source_row", "_is_deleted")
FILE_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".xlsx": "xlsx",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, StringConstraints(min_length=1)]


def _as_sequence(value: object) -> object:
    return [value] if isinstance(value, str) else value


Columns = Annotated[tuple[Text, ...], BeforeValidator(_as_sequence)]


class SourcesFileError(ValueError):
    """The sources file cannot be used; the message lists every problem and its remedy."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Label(_Model):
    """Name of a system as people see it."""

    en: Text
    zh: Text


class Table(_Model):
    """One table of a source, landed as ``raw/<system>/<name>/``."""

    name: Name
    load: Literal["incremental", "snapshot", "append"] = "snapshot"
    primary_key: Columns = ()
    shrink_ratio: float = Field(
        default=0.8,
        ge=0,
        le=1,
        description="A snapshot with fewer rows than this share of the last is held back; 0 = off.",
    )
    columns: Literal["evolve", "freeze"] = "evolve"

    @property
    def is_snapshot(self) -> bool:
        return self.load == "snapshot"


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

    @model_validator(mode="after")
    def _check(self) -> SqlTable:
        if self.load == "incremental" and not self.cursor:
            raise ValueError('load = "incremental" needs `cursor`; add it or load a snapshot')
        if self.load != "incremental" and self.cursor:
            raise ValueError('`cursor` is only read with load = "incremental"; add that')
        if self.query and (self.table or self.schema_name):
            raise ValueError("give either `query` or `table`/`schema`, not both")
        return self


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


class Source(_Model):
    """One source system. The concrete class is one of the kinds below."""

    system: Name
    kind: Literal["sql", "files", "access_log"]
    mapping_set: Name = Field(default="", validate_default=False)
    label: Label = Field(default=None, validate_default=False)  # type: ignore[assignment]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    time_zone: str = Field(default="UTC", description="IANA zone of timestamps without one.")
    schedule: Literal["hourly", "daily", "weekly", "manual"] = "daily"
    tables: tuple[Table, ...] = Field(alias="table", min_length=1)

    # The file this source stands in; messages name it.
    _file: Path | None = PrivateAttr(default=None)

    @property
    def file(self) -> Path | None:
        """The sources file, or None for a source made in code."""
        return self._file

    @field_validator("system")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value in RESERVED_SYSTEMS:
            raise ValueError(f'"{value}" is reserved for the pipeline\'s own tables; rename it')
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(
                f'"{value}" is no IANA time zone; write for example "Asia/Shanghai" or "UTC"'
            ) from error
        return value

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("system"), str):
            system = values["system"]
            values = {"mapping_set": system, "label": {"en": system, "zh": system}, **values}
        return values

    @model_validator(mode="after")
    def _unique_tables(self) -> Source:
        repeated = [n for n, count in Counter(t.name for t in self.tables).items() if count > 1]
        if repeated:
            raise ValueError(f"table names must differ; rename one of: {', '.join(repeated)}")
        return self


class SqlSource(Source):
    """An SQL database reached by an SQLAlchemy URL."""

    kind: Literal["sql"]
    url: Text | None = None
    url_env: Text | None = Field(
        default=None, description="Environment variable that holds the URL with its password."
    )
    tables: tuple[SqlTable, ...] = Field(alias="table", min_length=1)

    @model_validator(mode="after")
    def _one_url(self) -> SqlSource:
        if bool(self.url) == bool(self.url_env):
            raise ValueError(
                "give either `url` (without a password) or `url_env` (the name of an "
                "environment variable that holds the URL)"
            )
        if self.url and re.search(r"://[^/@:]*:[^/@]+@", self.url):
            raise ValueError(
                "`url` holds a password; put the URL into an environment variable and name it "
                "in `url_env`"
            )
        return self


class _PlacedSource(Source):
    location: Text = Field(description="A folder: a path or any fsspec URL.")
    options: dict[str, str | int | bool] = Field(
        default_factory=dict, description="Options of the fsspec file system."
    )
    options_env: dict[str, str] = Field(
        default_factory=dict,
        description="Option name → environment variable that holds it (keys, passwords).",
    )


class FilesSource(_PlacedSource):
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


class AccessLogSource(_PlacedSource):
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


def _kind(value: Any) -> str | None:
    return value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)


AnySource = Annotated[
    Annotated[SqlSource, Tag("sql")]
    | Annotated[FilesSource, Tag("files")]
    | Annotated[AccessLogSource, Tag("access_log")],
    Discriminator(
        _kind,
        custom_error_type="kind",
        custom_error_message='`kind` must be "sql", "files" or "access_log"',
    ),
]


class SourcesFile(_Model):
    """All sources of an installation."""

    as_of: date | None = Field(default=None, description="The day that counts as today, UTC.")
    sources: tuple[AnySource, ...] = Field(alias="source", default=())

    @model_validator(mode="after")
    def _unique_systems(self) -> SourcesFile:
        repeated = [n for n, c in Counter(s.system for s in self.sources).items() if c > 1]
        if repeated:
            raise ValueError(f"systems must differ; rename one of: {', '.join(repeated)}")
        return self

    def source(self, system: str) -> Source:
        """The source named ``system``.

        Raises:
            KeyError: no such source.
        """
        for source in self.sources:
            if source.system == system:
                return source
        raise KeyError(system)


def load_sources(settings: Settings) -> SourcesFile:
    """Read and validate the sources file.

    Environment variables that it names are read when a source is loaded, so that one missing
    secret stops one source; :func:`missing_variables` lists them beforehand.

    Raises:
        SourcesFileError: naming file, key and remedy of every problem.
    """
    path = settings.sources_file
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SourcesFileError(
            f"{path}: no such file. Create it, or name another in SMH_SOURCES. "
            f"/ 文件不存在：请创建该文件，或用 SMH_SOURCES 指定。"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SourcesFileError(
            f"{path}: cannot be read ({error}). Save it as UTF-8 text that this user may read. "
            f"/ 文件无法读取：请保存为 UTF-8 文本并检查权限。"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SourcesFileError(
            f"{path}: not valid TOML: {error}. Correct that line. / TOML 格式错误，请修改该行。"
        ) from error
    values = _replace_places(values, {"home": str(settings.home), "here": str(path.parent)})
    try:
        sources = SourcesFile.model_validate(values)
    except ValidationError as error:
        problems = list(_describe(error, values))
        lines = "\n".join(f"  {line}" for line in problems)
        raise SourcesFileError(
            f"{path}: {len(problems)} problem(s) / {len(problems)} 个问题:\n{lines}"
        ) from error
    for source in sources.sources:
        source._file = path
    return sources


def as_of_date(settings: Settings, now: datetime) -> date:
    """The day that counts as today: the setting, else the sources file's, else the day of ``now``.

    Raises:
        SourcesFileError: there is a sources file, and it is not valid.
    """
    if settings.as_of is not None:
        return settings.as_of
    if settings.sources_file.is_file():
        as_of = load_sources(settings).as_of
        if as_of is not None:
            return as_of
    return now.date()


def missing_variables(source: Source) -> list[tuple[str, str]]:
    """Pairs of key and environment variable that ``source`` names but that are not set."""
    named: dict[str, str] = {}
    if isinstance(source, SqlSource) and source.url_env:
        named["url_env"] = source.url_env
    if isinstance(source, _PlacedSource):
        named.update({f"options_env.{k}": v for k, v in source.options_env.items()})
    return [(key, variable) for key, variable in named.items() if not secret(variable)]


def _replace_places(value: Any, places: Mapping[str, str]) -> Any:
    """Put ``{home}`` and ``{here}`` into every `url` and `location`."""
    if not isinstance(value, dict) or not isinstance(value.get("source"), list):
        return value
    sources = []
    for source in value["source"]:
        if isinstance(source, dict):
            source = dict(source)
            for key in ("url", "location"):
                if isinstance(source.get(key), str):
                    for place, path in places.items():
                        source[key] = source[key].replace(f"{{{place}}}", path)
        sources.append(source)
    return {**value, "source": sources}


def _describe(error: ValidationError, values: Mapping[str, Any]) -> Iterator[str]:
    """One line per problem: key path, what is wrong, remedy."""
    for problem in error.errors():
        if problem["type"] == "too_short" and problem["input"]:
            continue  # follows from a problem inside that is listed already
        where: list[str] = []
        node: Any = values
        location = [part for part in problem["loc"] if part not in ("sql", "files", "access_log")]
        for part in location:
            try:
                node = node[part]
            except (KeyError, IndexError, TypeError):
                node = {}
            if isinstance(part, int) and where:
                name = node.get("system", node.get("name", "")) if isinstance(node, dict) else ""
                where[-1] += f"[{part + 1}]" + (f' "{name}"' if name else "")
            else:
                where.append(str(part))
        path = " > ".join(where) or "(whole file)"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "unknown key; correct its spelling or remove it / 未知的键，请更正或删除"
        elif problem["type"] == "missing":
            message = "missing; add this key / 缺少该键，请补充"
        elif problem["type"] == "string_pattern_mismatch":
            pattern = problem.get("ctx", {}).get("pattern", "")
            message = f"{problem['input']!r} does not fit {pattern}; rename it / 名称不合规则"
        elif problem["type"] in ("value_error", "kind"):
            message += " / 请按提示更正"
        else:
            message += f" (got {problem['input']!r}); correct the value / 请更正该值"
        yield f"{path}: {message}"
