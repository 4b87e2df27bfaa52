"""The sources file: one TOML file lists every source system and its tables.

Each kind of source has its own model, so that a key that means nothing for a kind is refused
instead of being ignored. All problems of a file are reported together.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field, PlainValidator, SerializeAsAny, ValidationError, model_validator

from dagster_project.connectors.access_log.settings import AccessLogSource, AccessLogTable
from dagster_project.connectors.files.settings import FilesSource, FileTable
from dagster_project.connectors.kinds import as_source
from dagster_project.connectors.source_models import (
    RESERVED_COLUMNS,
    RESERVED_SYSTEMS,
    Label,
    Model,
    Source,
    Table,
    named_variables,
)
from dagster_project.connectors.sql_database.settings import SqlSource, SqlTable
from dagster_project.settings import Settings, secret

__all__ = [
    "RESERVED_COLUMNS",
    "RESERVED_SYSTEMS",
    "AccessLogSource",
    "AccessLogTable",
    "FileTable",
    "FilesSource",
    "Label",
    "Source",
    "SourcesFile",
    "SourcesFileError",
    "SqlSource",
    "SqlTable",
    "Table",
    "as_of_date",
    "load_sources",
    "missing_variables",
]


class SourcesFileError(ValueError):
    """The sources file cannot be used; the message lists every problem and its remedy."""


AnySource = Annotated[SerializeAsAny[Source], PlainValidator(as_source)]


class SourcesFile(Model):
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
    return [(key, name) for key, name in named_variables(source) if not secret(name)]


def _replace_places(value: Any, places: Mapping[str, str]) -> Any:
    """Put ``{home}`` and ``{here}`` into every `url`, `location` and `…_file`."""
    if not isinstance(value, dict) or not isinstance(value.get("source"), list):
        return value
    sources = []
    for source in value["source"]:
        if isinstance(source, dict):
            source = _placed(source, places)
        sources.append(source)
    return {**value, "source": sources}


def _placed(values: Mapping[str, Any], places: Mapping[str, str]) -> dict[str, Any]:
    placed = dict(values)
    for key, value in values.items():
        if isinstance(value, dict) and key.endswith("_file"):
            placed[key] = {
                field: _placed({"_file": file}, places)["_file"] for field, file in value.items()
            }
        elif isinstance(value, dict):
            placed[key] = _placed(value, places)
        elif isinstance(value, str) and (key in ("url", "location") or key.endswith("_file")):
            for place, path in places.items():
                placed[key] = placed[key].replace(f"{{{place}}}", path)
    return placed


def _describe(error: ValidationError, values: Mapping[str, Any]) -> Iterator[str]:
    """One line per problem: key path, what is wrong, remedy."""
    for problem in error.errors():
        if problem["type"] == "too_short" and problem["input"]:
            continue  # follows from a problem inside that is listed already
        where: list[str] = []
        node: Any = values
        for part in problem["loc"]:
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
