"""When sources are loaded: minute, hour and weekday (UTC) of each frequency of the sources file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

CRON: Mapping[str, str] = {
    "hourly": "5 * * * *",
    "daily": "15 2 * * *",
    "weekly": "30 3 * * 1",
}


def next_due(schedule: str, after: datetime) -> datetime | None:
    """The first time after ``after`` (UTC) at which ``schedule`` loads; None where nobody does."""
    cron = CRON.get(schedule)
    if cron is None:
        return None
    minute, hour, _, _, weekday = cron.split()
    due = after.replace(minute=int(minute), second=0, microsecond=0)
    while not (
        due > after and hour in ("*", str(due.hour)) and weekday in ("*", str(due.isoweekday() % 7))
    ):
        due += timedelta(hours=1)
    return due
