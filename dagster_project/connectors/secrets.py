"""Secrets of sources: read from where a sources file says, and masked wherever text is kept.

A key ``<name>_env`` names an environment variable, a key ``<name>_file`` a file (a relative path is
one beside the sources file). Where ``<name>`` holds fields, so do they: ``headers_env = { X-Key =
"SHOP_KEY" }``. The sources file itself holds no secret. Every value that was read is
remembered in this process, so that :func:`masked` finds it in whatever a library says.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from pydantic import BaseModel

from dagster_project.connectors.problems import SourceError, Words, without_secrets
from dagster_project.connectors.receipts import Receipt, RejectedRow
from dagster_project.connectors.source_models import Source, named_variables
from dagster_project.settings import secret

# A shorter text would be masked inside ordinary words.
SHORTEST = 6
# Of a key file each line counts, as libraries quote the line that they cannot read.
SHORTEST_LINE = 16

_URL = re.compile(r"^[\w+.-]+://(?P<user>[^/\s:@]*):(?P<password>.*)@[^@]*$", re.DOTALL)
# User and password as a header packs them, or a token that this process has not read itself.
_HEADER = re.compile(r"\b(Basic|Bearer)(\s+|%20|\+)[\w+/=.~%-]{16,}")
_remembered: set[str] = set()
# What a receipt calls the table and the load: others look it up by these words, and a password may
# well be the name of its system.
_NAMES = frozenset({"system", "table_name", "load_id", "kind", "mode", "status", "schedule"})


def read_secret(source: Source, name: str, settings: BaseModel | None = None) -> str | None:
    """The secret that ``<name>_env`` or ``<name>_file`` of ``settings`` names.

    Args:
        settings: a model within the source's settings; by default the source itself.

    Returns:
        The value without a line end behind it; None where neither key is set.

    Raises:
        SourceError: the variable is not set, or the file cannot be read or is empty.
    """
    holder = source if settings is None else settings
    variable = getattr(holder, f"{name}_env", None)
    if variable:
        return named_secret(source, f"{name}_env", variable)
    file = getattr(holder, f"{name}_file", None)
    if file:
        value = _content(source, f"{name}_file", file)
        remember(value)
        return value
    return None


def read_secrets(source: Source, name: str, settings: BaseModel | None = None) -> dict[str, str]:
    """The secrets that ``<name>_env`` and ``<name>_file`` of ``settings`` name, each by its field.

    Raises:
        SourceError: as :func:`read_secret`.
    """
    holder = source if settings is None else settings
    found = {
        field: named_secret(source, f"{name}_env.{field}", variable)
        for field, variable in getattr(holder, f"{name}_env").items()
    }
    for field, file in getattr(holder, f"{name}_file").items():
        found[field] = _content(source, f"{name}_file.{field}", file)
        remember(found[field])
    return found


def need_secret(source: Source, name: str, settings: BaseModel | None = None) -> str:
    """As :func:`read_secret`, where there is no going on without it.

    Raises:
        SourceError: neither key is set, or what it names is not there.
    """
    value = read_secret(source, name, settings)
    if value is None:
        raise SourceError(
            Words(
                f"{source.system}: neither `{name}_env` nor `{name}_file` is set.",
                f"{source.system}：未设置 {name}_env 或 {name}_file。",
            ),
            Words(
                f"Put the secret into an environment variable and name it in `{name}_env`, or "
                f"into a file and name it in `{name}_file`.",
                f"请把密钥放入环境变量并写入 {name}_env，或放入文件并写入 {name}_file。",
            ),
        )
    return value


def named_secret(source: Source, key: str, variable: str) -> str:
    """Value of the environment variable that ``key`` of the sources file names.

    Raises:
        SourceError: it is not set.
    """
    value = secret(variable)
    if not value:
        raise SourceError(
            Words(
                f"{source.system}: the environment variable {variable} is not set.",
                f"{source.system}：环境变量 {variable} 未设置。",
            ),
            Words(
                f"Set {variable}; `{key}` in the sources file names it.",
                f"请设置 {variable}（源文件中的 {key} 指定了它）。",
            ),
        )
    remember(value)
    return value


def remember(value: str) -> None:
    """Mask ``value`` from now on: also what a source handed out, such as an access token."""
    if logging.getLogRecordFactory() is logging.LogRecord:
        # Clients log whole requests, each under a name of its own.
        logging.setLogRecordFactory(_MaskedRecord)
    _remembered.update(_forms(value))


def masked(text: str, source: Source | None = None) -> str:
    """``text`` without any secret that was read, or that ``source`` names and that can be read."""
    own = {form for value in _values(source) for form in _forms(value)} if source else set()
    return _HEADER.sub(r"\1 ***", without_secrets(text, _remembered | own))


def masked_receipt(receipt: Receipt, source: Source) -> Receipt:
    """``receipt`` with its texts masked; names stay, as they are those of the sources file."""
    texts = {
        name: value for name, value in receipt if isinstance(value, str) and name not in _NAMES
    }
    clean = {name: masked(value, source) for name, value in texts.items()}
    return receipt.model_copy(update=clean) if clean != texts else receipt


def masked_reject(row: RejectedRow) -> RejectedRow:
    """``row`` with its reason masked; the row itself stays as it came."""
    return row.model_copy(
        update={"reason_en": masked(row.reason_en), "reason_zh": masked(row.reason_zh)}
    )


def named_files(settings: BaseModel, path: str = "") -> Iterator[tuple[str, str]]:
    """Pairs of key and file, for every ``…_file`` key that is set and could be an ``…_env`` key.

    Files that hold no secret, such as certificates to trust, have no such twin.
    """
    known = type(settings).model_fields
    for name, value in settings:
        has_twin = f"{name.removesuffix('_file')}_env" in known
        if name.endswith("_file") and isinstance(value, str | Path) and value and has_twin:
            yield f"{path}{name}", str(value)
        elif name.endswith("_file") and isinstance(value, dict):
            yield from ((f"{path}{name}.{field}", str(file)) for field, file in value.items())
        elif isinstance(value, BaseModel):
            yield from named_files(value, f"{path}{name}.")


def problems_of(source: Source) -> list[SourceError]:
    """What of the secrets that ``source`` names is not there."""
    found = []
    for key, variable in named_variables(source):
        try:
            named_secret(source, key, variable)
        except SourceError as problem:
            found.append(problem)
    for key, file in named_files(source):
        try:
            remember(_content(source, key, file))
        except SourceError as problem:
            found.append(problem)
    return found


class _MaskedRecord(logging.LogRecord):
    """What any logger of this process says, masked."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.exc_info and self.exc_info[1] is not None:
            # Formatters take this text where there is one.
            self.exc_text = masked("".join(traceback.format_exception(self.exc_info[1])).rstrip())

    def getMessage(self) -> str:  # noqa: N802 - the name that logging calls
        return masked(super().getMessage())


def _content(source: Source, key: str, file: str | Path) -> str:
    path = Path(file).expanduser()
    if not path.is_absolute() and source.file is not None:
        path = source.file.parent / path
    try:
        value = path.read_text(encoding="utf-8").strip()
        told = Words("it is empty", "文件为空")
    except FileNotFoundError:
        value, told = "", Words("there is no such file", "文件不存在")
    except (OSError, UnicodeDecodeError):
        value, told = "", Words("it cannot be read as text", "无法作为文本读取")
    if not value:
        raise SourceError(
            Words(
                f"{source.system}: `{key}` names {path}: {told.en}.",
                f"{source.system}：{key} 指定的 {path}：{told.zh}。",
            ),
            Words(
                "Write the secret there as UTF-8 text that only this user may read, or correct "
                "the key in the sources file.",
                "请把密钥以 UTF-8 文本写入该文件（仅本用户可读），或更正源文件中的该键。",
            ),
        )
    return value


def _values(source: Source) -> Iterator[str]:
    for _, variable in named_variables(source):
        if value := secret(variable):
            yield value
    for key, file in named_files(source):
        try:
            yield _content(source, key, file)
        except SourceError:
            continue


def _forms(value: str) -> Iterator[str]:
    """The texts in which a secret may turn up, but for those too short to be told apart."""
    if len(value) >= SHORTEST:
        yield value
    for line in value.splitlines():
        if len(line.strip()) >= SHORTEST_LINE:
            yield line.strip()
    if match := _URL.match(value):
        # The user may be anything; a short password of a URL is masked as part of it.
        password = match["password"]
        yield from (
            form
            for form in (password, unquote(password), quote(unquote(password), safe=""))
            if len(form) >= SHORTEST
        )
