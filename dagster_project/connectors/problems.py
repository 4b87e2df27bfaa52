"""What goes wrong at a source, told in English and Chinese, without secrets."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True)
class Words:
    """One sentence in both languages of the product."""

    en: str
    zh: str


class SourceError(Exception):
    """A source or its data cannot be loaded as configured; it is reported, not raised to callers.

    ``is_transient`` says that the same load may succeed later without a change (network, lock).
    ``changes`` of the source's structure are why, as a receipt's ``schema_changes`` tells them.
    """

    def __init__(
        self,
        message: Words,
        remedy: Words,
        *,
        is_transient: bool = False,
        changes: Iterable[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(f"{message.en} {remedy.en}")
        self.message = message
        self.remedy = remedy
        self.is_transient = is_transient
        self.changes = [dict(change) for change in changes]


_URL_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^\s]*@")


def without_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` with every secret, also its URL-quoted form, and every URL password masked."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        for form in (secret, quote(secret, safe="")):
            text = text.replace(form, "***")
    return _URL_PASSWORD.sub(r"\1***@", text)


def one_line(error: BaseException, limit: int = 400) -> str:
    """The text of a library's error on one line, at most ``limit`` characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_disk_full(error: BaseException | None) -> bool:
    """Whether ``error``, or one that it came from, says that there is no room to write."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return True
        error = error.__cause__ or error.__context__
    return False


def disk_full(place: Path, error: BaseException) -> SourceError:
    """The problem that the lake's disk has no room, or cannot be written for another reason."""
    told = one_line(error)
    return SourceError(
        Words(f"{place} cannot be written: {told}", f"无法写入 {place}：{told}"),
        Words(
            "Make room on that disk and load again; nothing was lost or loaded twice.",
            "请释放磁盘空间后重新加载；数据没有丢失，也不会重复加载。",
        ),
        is_transient=True,
    )
