"""Seconds since the epoch (UTC) written the way each system writes time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8))


def local_text(second: int) -> str:
    """Naive Shanghai time, as the CRM stores it: ``2025-01-31 09:30:00``."""
    return datetime.fromtimestamp(second, SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def utc_text(second: int) -> str:
    """Naive UTC time, as the ERP and the platform store it."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")


def offset_text(second: int) -> str:
    """Time with its offset, as chat and mail export it: ``2025-01-31T09:30:00+08:00``."""
    return datetime.fromtimestamp(second, SHANGHAI).isoformat()


def zulu_text(second: int) -> str:
    """``2025-01-31T01:30:00Z``, as the community and the policy feed write it."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def compact_date(second: int) -> str:
    """A business day, as the ERP stores it: ``20250131``."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y%m%d")


def dotted_date(second: int) -> str:
    """A day as the project office writes it: ``31.01.2025``."""
    return datetime.fromtimestamp(second, UTC).strftime("%d.%m.%Y")


def iso_date(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d")


def month_of(second: int) -> str:
    """UTC month: ``2025-01``."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m")
