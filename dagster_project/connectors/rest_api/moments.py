"""Cursors of a REST interface: read from rows, kept in the state, written into requests."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

# Later than any change that a source can know of.
FAR = datetime(9990, 1, 1, tzinfo=UTC)
BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_ODATA = re.compile(r"^/Date\((-?\d+)([+-]\d{4})?\)/$")
Cursor = datetime | Decimal


def parse(value: Any, form: str, zone: ZoneInfo) -> Cursor | None:
    """A cursor's value in a row: a time in UTC, or a number; None for what is neither."""
    if value is None or isinstance(value, bool):
        return None
    try:
        if form == "number":
            return Decimal(str(value))
        if form in ("unix", "unix_ms"):
            seconds = Decimal(str(value)) / (1000 if form == "unix_ms" else 1)
            return BEGIN + timedelta(microseconds=int(seconds * 1_000_000))
        text = str(value).strip()
        if form == "odata":
            match = _ODATA.match(text)
            if match:
                return BEGIN + timedelta(milliseconds=int(match[1]))
            form = "iso"
        is_iso = form == "iso"
        # The zone is put in below.
        moment = datetime.fromisoformat(text) if is_iso else datetime.strptime(text, form)  # noqa: DTZ007
    except (ArithmeticError, ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def write(value: Cursor, form: str, zone: ZoneInfo) -> str:
    """A cursor's value as a request carries it, never later than ``value``."""
    if isinstance(value, Decimal):
        return str(int(value)) if value == int(value) else str(value)
    seconds = int((value - BEGIN).total_seconds())
    if form == "unix":
        return str(seconds)
    if form == "unix_ms":
        return str(seconds * 1000)
    if form == "odata":
        return value.strftime("%Y-%m-%dT%H:%M:%S")
    if form in ("iso", "number"):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.astimezone(zone).strftime(form)


def before_clocks_go_back(value: Cursor, form: str, zone: ZoneInfo) -> Cursor:
    """The bound of a search "from ``value`` on" where times are written in local time.

    When clocks go back, an hour of local times comes twice, and changes of the second time have
    earlier local times than changes before them: the search begins that much earlier.
    """
    if isinstance(value, Decimal) or "%" not in form or "%z" in form:
        return value
    now, later = (
        moment.astimezone(zone).utcoffset() or timedelta()
        for moment in (value, value + timedelta(hours=1))
    )
    return value - max(now - later, timedelta())


def save(value: Cursor) -> dict[str, str]:
    """A cursor as the state keeps it."""
    if isinstance(value, Decimal):
        return {"kind": "number", "value": str(value)}
    return {"kind": "time", "value": value.isoformat()}


def restore(saved: dict[str, str]) -> Cursor:
    """What :func:`save` kept."""
    if saved["kind"] == "number":
        return Decimal(saved["value"])
    return datetime.fromisoformat(saved["value"])
