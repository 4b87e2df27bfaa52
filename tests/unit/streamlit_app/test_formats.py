"""How numbers and times are written."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from streamlit_app.i18n import formats


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        (0, "0", "0"),
        (7.25, "7.2", "7.2"),
        (1234, "1,234", "1,234"),
        (9999.6, "10.0k", "1.00万"),
        (12_345, "12.3k", "1.23万"),
        (999_960, "1.00M", "100万"),
        (5_450_000, "5.45M", "545万"),
        (123_456_789, "123M", "1.23亿"),
        (-12_345, "−12.3k", "−1.23万"),
    ],
)
def test_compact(value: float, english: str, chinese: str) -> None:
    assert formats.compact(value, "en") == english
    assert formats.compact(value, "zh") == chinese


@pytest.mark.parametrize(
    ("value", "unit", "currency", "english", "chinese"),
    [
        (None, "count", None, "—", "—"),
        (0.7384, "ratio", None, "73.8%", "73.8%"),
        (11.4, "minutes", None, "11.4 min", "11.4分钟"),
        (438, "minutes", None, "7.3 h", "7.3小时"),
        (4.2, "days", None, "4.2 d", "4.2天"),
        (0.5, "days", None, "12.0 h", "12.0小时"),
        (3_250_000_000, "bytes", None, "3.25 GB", "3.25 GB"),
        (925_000, "currency", "USD", "$925k", "$92.5万"),
        (925_000, "currency", "CHF", "CHF 925k", "CHF 92.5万"),
    ],
)
def test_shown(
    value: float | None, unit: str, currency: str | None, english: str, chinese: str
) -> None:
    assert formats.shown(value, unit, "en", currency) == english
    assert formats.shown(value, unit, "zh", currency) == chinese


def test_exact_keeps_the_unit_of_the_definition() -> None:
    assert formats.exact(438, "minutes", "en") == "438 min"
    assert formats.exact(59 / 117, "ratio", "en") == "50.4274%"
    assert formats.exact(1234.5, "currency", "zh", "CNY") == "CNY 1,234.50"
    assert formats.exact(10, "currency", "en", None) == "(currency unknown) 10.00"


@pytest.mark.parametrize(
    ("now", "before", "unit", "english"),
    [
        (110, 100, "count", "+10.0%"),
        (95, 100, "count", "−5.0%"),
        (5, 0, "count", None),
        (5000, 10, "count", "× 500"),
        (0.55, 0.5, "ratio", "+5.0 pts"),
        (0.5001, 0.5, "ratio", "0.0 pts"),
        (-50, -100, "count", "+50.0%"),
    ],
)
def test_change(now: float, before: float, unit: str, english: str | None) -> None:
    assert formats.change(now, before, unit, "en") == english


@pytest.mark.parametrize(
    ("value", "unit", "currency", "expected"),
    [
        (0, "currency", "CNY", "¥0"),
        (2_000_000, "currency", "CNY", "¥2M"),
        (500_000, "currency", "CNY", "¥500k"),
        (2_500_000, "count", None, "2.5M"),
        (0.2, "ratio", None, "20%"),
        (0.005, "ratio", None, "0.5%"),
        (200, "minutes", None, "3.3 h"),
    ],
)
def test_axis_marks_carry_no_empty_digits(
    value: float, unit: str, currency: str | None, expected: str
) -> None:
    assert formats.axis(value, unit, "en", currency) == expected


def test_times_are_shown_in_the_zone_of_the_viewer() -> None:
    utc = datetime(2026, 6, 30, 20, 5, tzinfo=UTC)
    assert formats.moment(utc, "Asia/Shanghai", "en") == "1 Jul 2026 04:05"
    assert formats.moment(utc.replace(tzinfo=None), "Asia/Shanghai", "zh") == "2026年7月1日 04:05"
    assert formats.moment(None, "UTC", "en") == "—"


def test_buckets_have_names() -> None:
    day = date(2026, 4, 1)
    assert [formats.bucket(day, grain, "en") for grain in ("day", "month", "quarter")] == [
        "1 Apr 2026",
        "Apr 2026",
        "Q2 2026",
    ]
    assert formats.bucket(day, "quarter", "zh") == "2026年2季度"
    assert formats.tick(day, "week", "zh") == "4月1日"
