"""Days of the web models that somebody asked to compute again.

A request is a small file: it waits for the next dbt build, whichever run that belongs to, and goes
when that build has succeeded. So nothing is forgotten when a run breaks down.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from dagster_project.publishing import current_version
from dagster_project.settings import Settings

FIRST_MODEL = "int_web__changed_days"
"""The model that decides which days are computed."""

_WEB_DAYS = "mart_web_day"
# Clocks that were never set show 1970; nobody asks for those days one by one.
_EARLIEST = date(1990, 1, 1)


@dataclass(frozen=True)
class Request:
    """Days from ``first`` to ``last``, and the files that ask for them."""

    first: date
    last: date
    files: tuple[Path, ...] = ()

    def touches(self, other: Request) -> bool:
        """Whether both together leave no day between them."""
        day = timedelta(days=1)
        return self.first <= other.last + day and other.first <= self.last + day

    def joined(self, other: Request) -> Request:
        return Request(
            min(self.first, other.first), max(self.last, other.last), self.files + other.files
        )

    def done(self) -> None:
        """The days have been computed."""
        for file in self.files:
            file.unlink(missing_ok=True)

    def variables(self) -> dict[str, str]:
        """What dbt must be told."""
        return {"backfill_from": self.first.isoformat(), "backfill_to": self.last.isoformat()}


def ask(settings: Settings, first: date, last: date, run_id: str) -> None:
    """Ask for days to be computed again; a repeated step of a run asks once.

    Raises:
        ValueError: the range has no day.
    """
    if last < first:
        raise ValueError(f"no day from {first} to {last}: the first day must not be the later one")
    folder = _folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{first}_{last}_{run_id}.json"
    partial = file.with_suffix(".partial")
    partial.write_text(
        json.dumps({"first": first.isoformat(), "last": last.isoformat()}), encoding="utf-8"
    )
    partial.replace(file)


def next_request(settings: Settings) -> Request | None:
    """The earliest days asked for, with those that adjoin them; None where nothing is asked.

    Days between two requests are not computed: the later one waits for the next build.
    """
    requests = []
    for file in sorted(_folder(settings).glob("*.json")):
        record = json.loads(file.read_text(encoding="utf-8"))
        first, last = date.fromisoformat(record["first"]), date.fromisoformat(record["last"])
        requests.append(Request(first, last, (file,)))
    if not requests:
        return None
    requests.sort(key=lambda request: (request.first, request.last))
    found = requests[0]
    for request in requests[1:]:
        if found.touches(request):
            found = found.joined(request)
    return found


def first_day(settings: Settings) -> date | None:
    """The first day of the web logs in the version shown; None before there is one."""
    shown = current_version(settings)
    table = shown.tables.get(_WEB_DAYS) if shown is not None else None
    if table is None:
        return None
    files = [str(settings.published / file.path) for file in table.files]
    with duckdb.connect(":memory:") as connection:
        row = connection.execute(
            "select min(period_date) from read_parquet(?) where period_date >= ?",
            [files, _EARLIEST],
        ).fetchone()
    found: date | None = row[0] if row else None
    return found


def _folder(settings: Settings) -> Path:
    return settings.home / "requests" / "web_days"
