"""What goes wrong at a source, told in English and Chinese, without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class Words:
    """One sentence in both languages of the product."""

    en: str
    zh: str


class SourceError(Exception):
    """A source or its data cannot be loaded as configured; it is reported, not raised to callers.

    ``is_transient`` says that the same load may succeed later without a change (network, lock).
    """

    def __init__(self, message: Words, remedy: Words, *, is_transient: bool = False) -> None:
        super().__init__(f"{message.en} {remedy.en}")
        self.message = message
        self.remedy = remedy
        self.is_transient = is_transient


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
