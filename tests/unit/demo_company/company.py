"""A written demo company as tests see it: its sources and its answer key, never its code."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Company:
    """The written sources and the answer key."""

    home: Path
    key: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.home / "demo"

    def rows(self, database: str, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query on one of the SQLite systems (crm, erp, platform)."""
        connection = sqlite3.connect(f"file:{self.folder / database}.sqlite?mode=ro", uri=True)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def lines(self, pattern: str) -> Iterator[dict[str, Any]]:
        """Objects of JSON-lines files; lines that are no JSON are left out."""
        for path in sorted(self.folder.glob(pattern)):
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    yield json.loads(line)
                except json.JSONDecodeError:
                    continue

    def truth(self, name: str) -> dict[str, Any]:
        truth: dict[str, Any] = self.key["truths"][name]
        return truth

    def fault(self, name: str) -> dict[str, Any]:
        fault: dict[str, Any] = self.key["faults"][name]
        return fault


def read_company(home: Path) -> Company:
    key = json.loads((home / "demo_answer_key.json").read_text(encoding="utf-8"))
    return Company(home, key)


def digests(home: Path) -> dict[str, str]:
    """Digest of every file below a folder."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file()
    }
