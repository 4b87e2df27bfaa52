"""What checks have counted, remembered per landed file and per month of a mart.

A landed file never changes, and a month of a mart not before another build writes it, so what was
counted there holds: a run reads only what has come since. Everything is counted anew when a rule,
or the engine, has changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.publishing.written_months import WrittenMonths, is_in_month
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
            _write(self._record, {"engine": duckdb.__version__, "files": files, "found": found})
        return sum(entry[1] for entry in files.values()), found

    def paths(self, names: Sequence[str]) -> list[str]:
        """Where the files of these names are."""
        return [str(self._folder / name) for name in sorted(names)]

    def _read(self, conditions: Sequence[str]) -> dict[str, Any]:
        record = _read(self._record)
        is_same = record is not None and set(record["found"]) == set(conditions)
        return record if record is not None and is_same else {"files": {}, "found": {}}


class MeasuredMonths:
    """The measures of one suite in one mart, each of which is the sum of those of its months."""

    def __init__(self, settings: Settings, suite: str, table: str) -> None:
        # No source system can have this name.
        folder = settings.home / "lake" / "measured" / "_marts"
        self._record = folder / f"{table}.{suite}.json"

    def measure(
        self,
        connection: duckdb.DuckDBPyConnection,
        relation: str,
        written: WrittenMonths,
        measures: Sequence[str],
        *,
        anew: bool,
    ) -> dict[str, int] | None:
        """By measure the sum over all months; None where one is no number of rows.

        Args:
            anew: take nothing from memory.

        Raises:
            duckdb.Error: a measure cannot be evaluated; nothing is remembered then.
        """
        record = None if anew else _read(self._record)
        known = {} if record is None else record["months"]
        months: dict[str, dict[str, Any]] = {}
        columns = ", ".join(f"({measure})" for measure in measures)
        for month, now in written.months.items():
            state = {"build": now.build, "rows": now.rows}
            entry: dict[str, Any] = known.get(str(month), {"state": None})
            # Rows that were added or removed by hand are another number of rows.
            if entry["state"] != state or not entry["found"].keys() >= set(measures):
                where = is_in_month(f'"{written.column}"', month)
                ((*values,),) = connection.execute(
                    f"select {columns} from {relation} where {where}"
                ).fetchall()
                if not all(isinstance(value, int) for value in values):
                    return None
                entry = {"state": state, "found": dict(zip(measures, values, strict=True))}
            months[str(month)] = entry
        if months != known:
            _write(self._record, {"engine": duckdb.__version__, "months": months})
        return {
            measure: sum(entry["found"][measure] for entry in months.values())
            for measure in measures
        }


def _read(path: Path) -> dict[str, Any] | None:
    """What this engine has counted; None where that is nothing."""
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return record if record.get("engine") == duckdb.__version__ else None


def _write(path: Path, record: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(record), encoding="utf-8")
    partial.replace(path)
