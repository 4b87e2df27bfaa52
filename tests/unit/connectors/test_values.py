"""Values reach their column exactly, or their row is rejected."""

# ruff: noqa: DTZ001 - the lake keeps UTC without a zone

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_project.connectors.values import (
    arrow_type,
    common_type,
    to_array,
    type_of_arrow,
    type_of_value,
)

UTC_ZONE = ZoneInfo("UTC")
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (["a", None], "text", ["a", None]),
        (
            [1, "a", True, Decimal("1.50"), {"k": "值"}],
            "text",
            ["1", "a", "true", "1.50", '{"k": "值"}'],
        ),
        ([1, 2.0, Decimal(3)], "integer", [1, 2, 3]),
        ([1, 2.5], "number", [1.0, 2.5]),
        ([1, 0, True, None], "boolean", [True, False, True, None]),
        (
            [1.1, Decimal("2.25"), 3],
            "decimal(2)",
            [Decimal("1.10"), Decimal("2.25"), Decimal("3.00")],
        ),
        (["2024-01-31", date(2024, 2, 1)], "date", [date(2024, 1, 31), date(2024, 2, 1)]),
        ([time(8, 30), "09:15"], "time", [time(8, 30), time(9, 15)]),
        ([b"\x00\xff"], "binary", [b"\x00\xff"]),
    ],
)
def test_values_that_fit(values: list[Any], kind: str, expected: list[Any]) -> None:
    array, misfits = to_array("c", values, kind, UTC_ZONE)
    assert misfits == {}
    assert array.to_pylist() == expected


@pytest.mark.parametrize(
    ("value", "kind", "found"),
    [
        ("abc", "integer", "text"),
        (1.5, "integer", "number"),
        (2**70, "integer", "text"),
        ("1", "number", "text"),
        (2**53 + 1, "number", "integer"),
        (2, "boolean", "integer"),
        (Decimal("1.005"), "decimal(2)", "decimal(3)"),
        ("yesterday", "timestamp", "text"),
        (datetime(2024, 1, 1, 12), "date", "timestamp"),
        (float("nan"), "decimal(2)", "number"),
        (Decimal("0.12345678901234567890"), "number", "decimal(20)"),
        ("2024-01-01T10:00:00.1234567Z", "timestamp", "finer time"),
        ("2024-01-01 10:00:00,123456001", "timestamp", "finer time"),
        ("10:00:00.1234561", "time", "finer time"),
        ("10:00:00+08:00", "time", "text"),
    ],
)
def test_values_that_do_not_fit_are_told(value: Any, kind: str, found: str) -> None:
    array, misfits = to_array("c", [None, value], kind, UTC_ZONE)
    assert array.to_pylist() == [None, None]
    assert (misfits[1].expected, misfits[1].found) == (kind, found)
    assert '"c"' in misfits[1].words.en
    assert "列“c”" in misfits[1].words.zh


def test_times_become_utc_by_their_own_zone_or_that_of_the_source() -> None:
    naive = datetime(2024, 1, 1, 9, 30)
    aware = datetime(2024, 1, 1, 9, 30, tzinfo=UTC)
    for values in ([naive], ["2024-01-01 09:30:00"], [naive, "2024-01-01T09:30:00"]):
        array, _ = to_array("c", values, "timestamp", SHANGHAI)
        assert set(array.to_pylist()) == {datetime(2024, 1, 1, 1, 30)}
    array, _ = to_array("c", [aware, naive], "timestamp", SHANGHAI)
    assert array.to_pylist() == [datetime(2024, 1, 1, 9, 30), datetime(2024, 1, 1, 1, 30)]
    array, _ = to_array("c", ["2024-01-01T09:30:00+08:00"], "timestamp", UTC_ZONE)
    assert array.to_pylist() == [datetime(2024, 1, 1, 1, 30)]


def test_digits_behind_the_microsecond_are_noughts_or_cut_on_demand() -> None:
    exact = datetime(2024, 1, 1, 10, 0, 0, 123_456)
    for values in (["2024-01-01T10:00:00.123456000Z"], [exact, "2024-01-01 10:00:00.1234560"]):
        array, misfits = to_array("c", values, "timestamp", UTC_ZONE)
        assert (set(array.to_pylist()), misfits) == ({exact}, {})
    fine = ["2024-01-01T18:00:00.123456999+08:00"]
    array, misfits = to_array("c", fine, "timestamp", UTC_ZONE, cut_times=True)
    assert (array.to_pylist(), misfits) == ([exact], {})
    _, misfits = to_array("c", fine, "timestamp", UTC_ZONE)
    assert 'finer_times = "cut"' in misfits[0].words.en and "细于微秒" in misfits[0].words.zh


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (set(), None),
        ({"integer"}, "integer"),
        ({"integer", "number"}, "number"),
        ({"integer", "decimal(2)", "decimal(4)"}, "decimal(4)"),
        ({"date", "timestamp"}, "timestamp"),
        ({"integer", "text"}, "text"),
        ({"decimal(2)", "number"}, "text"),
        ({"decimal(30)", "integer"}, "text"),
    ],
)
def test_common_type_holds_everything(found: set[str], expected: str | None) -> None:
    assert common_type(found) == expected


# How fast values are made is no matter of this test: a busy machine makes none for seconds.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.one_of(
            st.none(),
            st.integers(-(2**62), 2**62),
            st.floats(allow_nan=False),
            st.text(),
            st.booleans(),
            st.decimals(allow_nan=False, allow_infinity=False, places=3, max_value=10**12),
        ),
        max_size=8,
    )
)
def test_no_value_is_lost_or_changed_in_its_common_type(values: list[Any]) -> None:
    kind = common_type({k for v in values if (k := type_of_value(v))})
    if kind is None:
        return
    array, misfits = to_array("c", values, kind, UTC_ZONE)
    assert type_of_arrow(arrow_type(kind)) == kind
    for index, value in enumerate(values):
        landed = array[index].as_py()
        if index in misfits:
            # Only a whole number that a binary floating point number cannot hold.
            assert (kind == "number" and isinstance(value, int) and float(value) != value) or (
                abs(value) > 2**53
            )
        elif kind == "text" and value is not None:
            assert isinstance(landed, str)
        else:
            assert landed == value


def test_arrow_types_of_any_width_fall_on_landed_types() -> None:
    assert type_of_arrow(pa.int8()) == "integer"
    assert type_of_arrow(pa.float32()) == "number"
    assert type_of_arrow(pa.dictionary(pa.int32(), pa.string())) == "text"
    assert type_of_arrow(pa.decimal128(10, 2)) == "decimal(2)"
    assert type_of_arrow(pa.list_(pa.int8())) == "text"
    assert type_of_arrow(pa.null()) is None
