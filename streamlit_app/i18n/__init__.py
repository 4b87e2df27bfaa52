"""User-facing text in English and Chinese; the two TOML files have the same keys."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "zh")


def _flatten(table: dict[str, Any], prefix: str = "") -> dict[str, str]:
    texts: dict[str, str] = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            texts.update(_flatten(value, f"{name}."))
        else:
            texts[name] = str(value)
    return texts


@cache
def catalogue(language: str) -> dict[str, str]:
    """All texts of a language by dotted key."""
    path = Path(__file__).with_name(f"{language}.toml")
    return _flatten(tomllib.loads(path.read_text(encoding="utf-8")))


def text(key: str, language: str, **values: object) -> str:
    """The text of a key with ``{name}`` placeholders filled in.

    Raises:
        KeyError: no such key; a test keeps both languages complete.
    """
    return catalogue(language)[key].format(**values)


def text_or(key: str, language: str, default: str) -> str:
    """The text of a key made from data (a unit, a status), or the data itself."""
    return catalogue(language).get(key, default)
