"""Numbers, money, durations and times as people read them, in both languages."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from streamlit_app.i18n import text, text_or

DASH = "—"
_SCALES = {
    "en": ((1e9, "B"), (1e6, "M"), (1e3, "k")),
    "zh": ((1e8, "亿"), (1e4, "万")),
}
_CURRENCY_SIGNS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}
_BYTES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def _scaled(value: float, steps: tuple[tuple[float, str], ...]) -> tuple[str, str] | None:
    for size, sign in steps:
        # 999.96 thousand would be written as "1,000k".
        if abs(value) >= size * 0.99995:
            scaled = value / size
            digits = 2 if abs(scaled) < 9.995 else 1 if abs(scaled) < 99.95 else 0
            return f"{scaled:,.{digits}f}", sign
    return None


def number(value: float, digits: int | None = None) -> str:
    """All digits with thousands separators: whole numbers whole, others to two places."""
    if digits is None:
        digits = 0 if float(value).is_integer() else 2
    shown = f"{value:,.{digits}f}"
    return shown.replace("-", "−")


def compact(value: float, language: str) -> str:
    """Up to four digits in full, then k / M / B or 万 / 亿."""
    if abs(value) < 9999.5:
        whole = float(value).is_integer() or abs(value) >= 1000
        return number(value, 0 if whole else 1)
    scaled = _scaled(value, _SCALES[language])
    assert scaled is not None  # every scale starts below ten thousand
    return "".join(scaled).replace("-", "−")


def percent(ratio: float, digits: int = 1) -> str:
    """A share of one as percent."""
    return f"{ratio * 100:.{digits}f}%".replace("-", "−")


def _duration(value: float, unit: str) -> tuple[str, str]:
    """Value and the unit in which it is readable."""
    if value == 0:
        return "0", unit
    minutes = value * {"minutes": 1, "hours": 60, "days": 1440}[unit]
    if abs(minutes) < 120:
        return number(minutes, 0 if abs(minutes) >= 100 else 1), "minutes"
    if abs(minutes) < 48 * 60:
        return number(minutes / 60, 1), "hours"
    days = minutes / 1440
    return number(days, 0 if abs(days) >= 100 else 1), "days"


def parts(
    value: float | None, unit: str, language: str, currency: str | None = None
) -> tuple[str, str, str]:
    """(sign before, number, unit after) of a value as a tile shows it."""
    if value is None:
        return "", DASH, ""
    if unit in ("ratio", "percent", "share"):
        return "", percent(value)[:-1], "%"
    if unit in ("minutes", "hours", "days"):
        shown, shown_unit = _duration(value, unit)
        return "", shown, text(f"unit.{shown_unit}", language)
    if unit == "bytes":
        scaled = _scaled(value, _BYTES)
        return ("", scaled[0], scaled[1]) if scaled else ("", number(value, 0), "B")
    if unit in ("currency", "amount", "money"):
        if currency is None:
            return "", compact(value, language), text("unit.currency_unknown", language)
        sign = _CURRENCY_SIGNS.get(currency)
        return (sign or f"{currency} "), compact(value, language), ""
    return "", compact(value, language), text_or(f"unit.{unit}", language, "")


def shown(value: float | None, unit: str, language: str, currency: str | None = None) -> str:
    """A value in one string, for tables and tooltips of charts."""
    before, middle, after = parts(value, unit, language, currency)
    if not after:
        return f"{before}{middle}"
    gap = "" if after in ("%",) or (language == "zh" and not after.isascii()) else " "
    return f"{before}{middle}{gap}{after}"


def axis(value: float, unit: str, language: str, currency: str | None = None) -> str:
    """A round value beside an axis."""
    if unit == "ratio":
        return percent(value, 0 if math.isclose(value * 100, round(value * 100)) else 1)
    # Marks are round: "2.00M" would only be noise.
    return re.sub(
        r"(\d)(?:\.0+|(\.\d*?[1-9])0+)(?=\D*$)", r"\1\2", shown(value, unit, language, currency)
    )


def exact(value: float | None, unit: str, language: str, currency: str | None = None) -> str:
    """A value in full, in the unit of its definition."""
    if value is None:
        return DASH
    if unit in ("ratio", "percent", "share"):
        return percent(value, 4)
    if unit in ("currency", "amount", "money"):
        return f"{currency or text('unit.currency_unknown', language)} {number(value, 2)}"
    after = "B" if unit == "bytes" else text_or(f"unit.{unit}", language, "")
    return f"{number(value)} {after}".strip()


def change(current: float, previous: float, unit: str, language: str) -> str | None:
    """Change against the period before: points for shares, percent for the rest.

    None where a percentage has no meaning (nothing before).
    """
    if unit in ("ratio", "percent", "share"):
        points = (current - previous) * 100
        return text("unit.points_change", language, value=_signed(points, 1))
    if previous == 0:
        return None
    relative = (current - previous) / abs(previous) * 100
    if abs(relative) >= 1000:
        return text("unit.times_change", language, value=number(current / previous, 0))
    return f"{_signed(relative, 1 if abs(relative) < 100 else 0)}%"


def _signed(value: float, digits: int) -> str:
    rounded = round(value, digits)
    if rounded == 0:
        return f"{0:.{digits}f}"
    return f"{rounded:+.{digits}f}".replace("-", "−")


def day(value: date | None, language: str) -> str:
    if value is None:
        return DASH
    if language == "zh":
        return f"{value.year}年{value.month}月{value.day}日"
    return f"{value.day} {value:%b} {value.year}"


def bucket(value: date, grain: str, language: str) -> str:
    """Name of a trend bucket that starts on ``value``."""
    if grain == "month":
        return f"{value.year}年{value.month}月" if language == "zh" else f"{value:%b} {value.year}"
    if grain == "quarter":
        quarter = (value.month - 1) // 3 + 1
        return f"{value.year}年{quarter}季度" if language == "zh" else f"Q{quarter} {value.year}"
    return day(value, language)


def tick(value: date, grain: str, language: str) -> str:
    """Short name of a trend bucket, for an axis."""
    if grain in ("month", "quarter"):
        return bucket(value, grain, language)
    return f"{value.month}月{value.day}日" if language == "zh" else f"{value.day} {value:%b}"


def moment(value: datetime | None, zone: str, language: str) -> str:
    """A UTC time in the viewer's zone, to the minute; naive values are UTC."""
    if value is None:
        return DASH
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value
    local = aware.astimezone(ZoneInfo(zone))
    return f"{day(local.date(), language)} {local:%H:%M}"
