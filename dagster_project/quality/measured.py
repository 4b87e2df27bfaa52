"""Counts of rows that break a rule, remembered per landed file.

A landed file never changes, so what was counted in it holds for ever: a run reads only the files
that have come since. Everything is counted anew when a rule, or the engine, has changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import duckdb

from dagster_project.settings import Settings

FILE_COLUMN = "_measured_file"


class Measured:
    """The counts of one suite's rules in one landed table."""

    def __init__(self, settings: Settings, system: str, suite: str, table: str) -> None:
        self._folder = settings.raw / system / table
        self._record = settings.home / "lake" / "measured" / system / f"{table}.{suite}.json"

    def count(
        self, connection: duckdb.DuckDBPyConnection, conditions: Sequence[str]
    ) -> tuple[int, dict[str, dict[str, int]]]:
        """Rows of the table, and by condition those that meet it in each file that has any.

        Raises:
            duckdb.Error: a condition cannot be evaluated; nothing is remembered then.
        """
        present = {path.name: path.stat().st_size for path in self._folder.glob("*.parquet")}
        known = self._read(conditions)
        files: dict[str, list[int]] = {
            name: entry for name, entry in known["files"].items() if present.get(name) == entry[0]
        }
        found: dict[str, dict[str, int]] = {
            condition: {n: c for n, c in known["found"].get(condition, {}).items() if n in files}
            for condition in conditions
        }
        new = sorted(present.keys() - files.keys())
        if new:
            columns = "".join(f", count(*) filter (where ({text}))" for text in conditions)
            rows = connection.execute(
                f"select parse_filename({FILE_COLUMN}), count(*){columns} "
                f"from read_parquet(?, union_by_name = true, filename = '{FILE_COLUMN}') "
                "group by 1",
                [[str(self._folder / name) for name in new]],
            ).fetchall()
            files |= {name: [present[name], 0] for name in new}
            for name, count_rows, *counts in rows:
                files[name][1] = count_rows
                for condition, count in zip(conditions, counts, strict=True):
                    if count:
                        found[condition][name] = count
        if new or len(files) != len(known["files"]):
            self._write({"engine": duckdb.__version__, "files": files, "found": found})
        return sum(entry[1] for entry in files.values()), found

    def paths(self, names: Sequence[str]) -> list[str]:
        """Where the files of these names are."""
        return [str(self._folder / name) for name in sorted(names)]

    def _read(self, conditions: Sequence[str]) -> dict[str, Any]:
        nothing: dict[str, Any] = {"files": {}, "found": {}}
        try:
            record: dict[str, Any] = json.loads(self._record.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return nothing
        is_same = record.get("engine") == duckdb.__version__ and set(record["found"]) == set(
            conditions
        )
        return record if is_same else nothing

    def _write(self, record: dict[str, Any]) -> None:
        self._record.parent.mkdir(parents=True, exist_ok=True)
        partial = self._record.with_name(f".{self._record.name}.{os.getpid()}.partial")
        partial.write_text(json.dumps(record), encoding="utf-8")
        partial.replace(self._record)
