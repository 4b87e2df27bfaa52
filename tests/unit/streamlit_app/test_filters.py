"""Periods and the URL."""

from __future__ import annotations

from datetime import date

import pytest

from streamlit_app.data.filters import Period, make_period, parse_state

AS_OF = date(2026, 6, 30)


@pytest.mark.parametrize(
    ("period_id", "as_of", "start", "days"),
    [
        ("4w", AS_OF, date(2026, 6, 3), 28),
        ("13w", AS_OF, date(2026, 4, 1), 91),
        ("qtd", date(2026, 5, 2), date(2026, 4, 1), 32),
        ("ytd", AS_OF, date(2026, 1, 1), 181),
        ("12m", AS_OF, date(2025, 7, 1), 365),
        ("12m", date(2024, 2, 28), date(2023, 2, 28), 366),
    ],
)
def test_presets_end_with_the_as_of_day(
    period_id: str, as_of: date, start: date, days: int
) -> None:
    period = make_period(period_id, as_of)
    assert (period.start, period.days) == (start, days)
    assert period.end is not None and (period.end - as_of).days == 1


def test_the_period_before_ends_where_this_one_starts() -> None:
    year = make_period("12m", AS_OF).previous()
    assert year == Period("previous", date(2024, 7, 1), date(2025, 7, 1))
    assert make_period("all", AS_OF).previous() is None


@pytest.mark.parametrize(
    ("start", "end", "grain"),
    [
        (date(2026, 6, 1), date(2026, 7, 1), "day"),
        (date(2026, 4, 1), date(2026, 7, 1), "week"),
        (date(2025, 7, 1), date(2026, 7, 1), "month"),
        (date(2010, 1, 1), date(2026, 7, 1), "quarter"),
    ],
)
def test_grain_follows_the_length(start: date, end: date, grain: str) -> None:
    assert Period("custom", start, end).grain(None, None) == grain
    assert Period("all", None, None).grain(start, end) == grain


def test_state_is_read_from_the_url() -> None:
    state = parse_state(
        {
            "lang": ["zh"],
            "period": ["custom"],
            "from": ["2026-01-01"],
            "to": ["2026-01-31"],
            "team": ["North", "华东", "North"],
            "by": ["channel"],
            "passport": ["won_amount"],
        },
        AS_OF,
    )
    assert state.language == "zh"
    assert state.period == Period("custom", date(2026, 1, 1), date(2026, 2, 1))
    assert state.values("team") == ("North", "华东")
    assert state.values("region") == ()
    assert (state.breakdown, state.passport) == ("channel", "won_amount")


@pytest.mark.parametrize(
    "parameters",
    [
        {"lang": ["fr"]},
        {"period": ["fortnight"]},
        {"by": ["shoe size"]},
        {"team": [""]},
        {"nonsense": ["1"]},
    ],
)
def test_what_the_url_cannot_mean_is_ignored(parameters: dict[str, list[str]]) -> None:
    assert parse_state(parameters, AS_OF) == parse_state({}, AS_OF)


@pytest.mark.parametrize(
    ("start", "end"), [("2026-02-30", "2026-03-01"), ("2026-03-01", "2026-02-01"), ("", "")]
)
def test_impossible_custom_days_mean_all_time(start: str, end: str) -> None:
    state = parse_state({"period": ["custom"], "from": [start], "to": [end]}, AS_OF)
    assert (state.period.start, state.period.end) == (None, None)
