"""Figures are pure functions of their frames."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from streamlit_app.charts import figures, relationships

DAYS = (date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1))
TICKS = figures.Ticks(DAYS, ("Apr", "May", "Jun"), (0.0, 50.0), ("0", "50"))


def trend_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "day": DAYS,
            "value": [10.0, None, 30.0],
            "value_text": ["10", "—", "30"],
            "previous": [5.0, 6.0, None],
            "previous_text": ["5", "6", "—"],
        }
    )


def test_trend_draws_both_periods_and_keeps_gaps() -> None:
    figure = figures.trend(trend_frame(), "This period", "Before", TICKS)
    before, now = figure.data
    assert (before.name, now.name) == ("Before", "This period")
    assert before.line.dash == "dot"
    assert pd.isna(now.y[1]) and not now.connectgaps
    assert list(now.customdata) == ["10", "—", "30"]
    assert list(figure.layout.yaxis.ticktext) == ["0", "50"]


def test_trend_without_a_period_before_has_one_line() -> None:
    frame = trend_frame().drop(columns=["previous", "previous_text"])
    assert len(figures.trend(frame, "Now", "Before", TICKS).data) == 1
    frame["previous"] = None
    assert len(figures.trend(frame, "Now", "Before", TICKS).data) == 1


def test_distribution_shows_its_figures() -> None:
    figure = figures.distribution(["a", "b"], [3, 1], ["75%", "25%"])
    (bars,) = figure.data
    assert (list(bars.x), list(bars.text)) == ([3, 1], ["75%", "25%"])


def test_status_classes_are_stacked_with_their_names() -> None:
    frame = pd.DataFrame(
        {
            "bucket": [DAYS[0], DAYS[0], DAYS[1]],
            "status_class": ["2xx", "5xx", "2xx"],
            "count_requests": [90, 2, 80],
        }
    )
    figure = figures.stacked_status(frame, {"2xx": "delivered"}, TICKS)
    assert figure.layout.barmode == "stack"
    assert [bar.name for bar in figure.data] == ["delivered", "5xx"]
    assert sum(sum(bar.y) for bar in figure.data) == 172


@pytest.mark.parametrize(
    ("low", "high", "steps"),
    [
        (0, 0, (0.0,)),
        (3, 97, (0.0, 50.0)),
        (0, 100, (0.0, 50.0, 100.0)),
        (0, 1, (0.0, 0.5, 1.0)),
        (-20, 90, (-50.0, 0.0, 50.0)),
        (0, 0.042, (0.0, 0.02, 0.04)),
    ],
)
def test_axis_marks_are_round_and_hold_zero(
    low: float, high: float, steps: tuple[float, ...]
) -> None:
    assert figures.value_steps(low, high) == pytest.approx(steps)


def test_marks_are_spread_over_many_days() -> None:
    days = [date(2026, 1, 1 + index) for index in range(30)]
    assert len(figures.spread(days, 6)) == 6
    assert figures.spread(days[:3], 6) == tuple(days[:3])
    assert figures.spread([], 6) == ()


def test_names_in_a_network_take_no_more_room_than_they_have() -> None:
    names = ("厦门正阳和医疗器械有限公司", "Umbra Precision Parts Limited", "短名", "Acme")
    nodes = [relationships.Node(name, name, name) for name in names]
    (texts,) = relationships.network(names[0], nodes, [], {}).data
    assert list(texts.text) == ["厦门正阳和医疗…", "Umbra Precision…", "短名", "Acme"]
