"""Rows of a REST interface on disk: each once, in its newest version, and typed without loss."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any

from dagster_project.connectors.values import common_type, type_of_value

BATCH_ROWS = 5_000


def content_hash(value: Any) -> int:
    """A hash of a decoded JSON value that does not depend on the order of its keys."""
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=True)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())


def json_text(value: Any) -> str:
    """A decoded JSON value as JSON again, with the digits that its numbers came with."""
    if isinstance(value, dict):
        inner = ", ".join(
            f"{json.dumps(str(key), ensure_ascii=False)}: {json_text(item)}"
            for key, item in value.items()
        )
        return "{" + inner + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(json_text, value)) + "]"
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def landed(value: Any, frozen: str | None) -> Any:
    """A decoded JSON value as it is landed, in a column of the type ``frozen`` where that is known.

    A fraction becomes a floating-point number where that is the same number, and stays a decimal
    where it is not. A text that is no Unicode keeps its bad part as an escape.
    """
    if isinstance(value, Decimal):
        number = float(value)
        if Decimal(repr(number)) == value:
            return number
        # No type but text holds it beside numbers: such a row is set apart, not rounded.
        return str(value) if frozen == "number" else value
    if isinstance(value, float):
        return str(value)  # NaN and Infinity are no JSON; they are kept as they were written
    if isinstance(value, dict | list):
        value = json_text(value)
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value


class RowStore:
    """Rows of one table in one reading. A row that comes again takes the place of the first.

    Rows are told apart by ``key`` (names of fields). Without a key every row is kept.
    """

    def __init__(self, path: Path, key: Sequence[str]) -> None:
        self._path = path
        self._file = path.open("w+b")
        self._key = list(key)
        self._newest: dict[int, int] = {}
        self._contents: dict[int, int] = {}
        self._buffer: list[tuple[int, dict[str, Any]]] = []
        self._sequence = 0
        self.repeated = 0

    def __len__(self) -> int:
        """Rows of different keys."""
        return len(self._newest) if self._key else self._sequence

    def identity(self, row: dict[str, Any], content: int) -> int:
        """What is the same for all versions of a row."""
        values = [row.get(name) for name in self._key]
        # Rows without a key are not each other's versions; the load sets them apart.
        return content if None in values else content_hash(values)

    def add(self, row: dict[str, Any], content: int) -> None:
        """Take one row; ``content`` is its :func:`content_hash`."""
        if self._key:
            identity = self.identity(row, content)
            if self._contents.get(identity) == content:
                self.repeated += 1
                return
            self.repeated += identity in self._newest
            self._newest[identity] = self._sequence
            self._contents[identity] = content
        self._buffer.append((self._sequence, row))
        self._sequence += 1
        if len(self._buffer) >= BATCH_ROWS:
            self._flush()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self._flush()
        kept = set(self._newest.values()) if self._key else None
        self._file.seek(0)
        while True:
            try:
                batch = pickle.load(self._file)
            except EOFError:
                return
            place = self._file.tell()
            for sequence, row in batch:
                if kept is None or sequence in kept:
                    yield row
            self._file.seek(place)

    def clear(self) -> None:
        """Forget every row: the reading begins anew."""
        self._buffer.clear()
        self._newest.clear()
        self._contents.clear()
        self._sequence = self.repeated = 0
        self._file.seek(0)
        self._file.truncate()

    def close(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _flush(self) -> None:
        if self._buffer:
            self._file.seek(0, 2)
            pickle.dump(self._buffer, self._file, protocol=pickle.HIGHEST_PROTOCOL)
            self._buffer = []


def types_of(
    rows: Iterator[dict[str, Any]], frozen: Mapping[str, str], declared: Mapping[str, str]
) -> dict[str, str]:
    """Landed type of each column of ``rows``, in the order in which columns turn up.

    A column that was landed before keeps its type, then one that is declared; a column without any
    value is left out.
    """
    columns: dict[str, None] = {}
    seen: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.items():
            columns[name] = None
            if name in frozen or name in declared:
                continue
            kind = type_of_value(landed(value, None))
            if kind:
                seen.setdefault(name, set()).add(kind)
    types: dict[str, str] = {}
    for name in columns:
        kind = frozen.get(name) or declared.get(name) or common_type(seen.get(name, set()))
        if kind:
            types[name] = kind
    return types
