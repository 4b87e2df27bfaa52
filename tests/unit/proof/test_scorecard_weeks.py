"""From weekly values to attainment and contributions: what is unknown never counts as zero."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from dagster_project.mapping.scorecard import COLUMNS
from dagster_project.settings import REPO_ROOT

WEEK = date(2026, 6, 22)
VALUE: dict[str, Any] = {
    "rule_version": 1,
    "week_start": WEEK,
    "count_known": 9,
    "count_rows": 9,
    "count_mart_rows": 90,
    "count_window_rows": 9,
    "last_date": WEEK + timedelta(days=6),
    "is_zero_when_empty": False,
    "is_own_finding": False,
}
RULE = {
    "version": 1,
    "family": "technical",
    "weight": 1.0,
    "scale": "base_to_target",
    "base": 0.0,
    "target": 1.0,
    "smoothing_weeks": 4,
    "silent_weeks": 3,
    "valid_from": date(2020, 1, 1),
}


@pytest.fixture
def scored(render: Callable[[str], str]) -> Callable[..., dict[tuple[str, date], dict[str, Any]]]:
    """Rows of the metric mart by metric and week; the sums of both marts are checked as well."""

    def build(
        rules: list[dict[str, Any]], values: list[dict[str, Any]]
    ) -> dict[tuple[str, date], dict[str, Any]]:
        connection = duckdb.connect()
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        connection.execute(f"create table int_scorecard__metric_values ({columns})")
        for value in values:
            row = {**VALUE, **value}
            row |= {"window_start": row["week_start"] - timedelta(days=21)}
            row |= {"window_end": row["week_start"] + timedelta(days=6)}
            listed = [row.get(name) for name in COLUMNS]
            marks = ", ".join("?" * len(listed))
            connection.execute(f"insert into int_scorecard__metric_values values ({marks})", listed)
        connection.execute(
            """
            create table scorecard_metric (metric_id varchar, version bigint, family varchar,
                weight double, scale varchar, base double, target double, benchmark_2023 double,
                benchmark_2026 double, smoothing_weeks bigint, silent_weeks bigint,
                currency varchar, valid_from date, reason varchar);
            create table metric_catalogue (metric_id varchar, direction varchar);
            create table int_rules__thresholds as
                select 'scorecard_weight_' || family as threshold_id, weight as threshold_value
                from (values ('technical', 1.0), ('organisational', 1.0), ('commercial', 2.0))
                    as families(family, weight)
            """
        )
        for rule in rules:
            row = {**RULE, **rule}
            direction = row.pop("direction", "up")
            names = ", ".join(row)
            marks = ", ".join("?" * len(row))
            connection.execute(
                f"insert into scorecard_metric ({names}) values ({marks})", list(row.values())
            )
            if row["version"] == 1:
                connection.execute(
                    "insert into metric_catalogue values (?, ?)", [row["metric_id"], direction]
                )
        for name in ("mart_scorecard_metric_week", "mart_scorecard_family_week"):
            connection.execute(f"create table {name} as {render(f'marts/scorecard/{name}.sql')}")
        check = REPO_ROOT / "dbt/tests/singular/assert_scorecard_contributions_add_up.sql"
        assert connection.execute(render(str(check))).fetchall() == []
        cursor = connection.execute("select * from mart_scorecard_metric_week")
        names_found = [column[0] for column in cursor.description or []]
        found = [dict(zip(names_found, row, strict=True)) for row in cursor.fetchall()]
        families = connection.execute(
            "select family, week_start, attainment_points, coverage_ratio, change_points "
            "from mart_scorecard_family_week"
        ).fetchall()
        result = {(row["metric_id"], row["week_start"]): row for row in found}
        for family, week, points, coverage, change in families:
            result[family, week] = {"points": points, "coverage": coverage, "change": change}
        return result

    return build


Scored = Callable[..., dict[tuple[str, date], dict[str, Any]]]


def test_contributions_add_up_and_the_unknown_stands_apart(scored: Scored) -> None:
    rows = scored(
        [
            {"metric_id": "a", "weight": 3},
            {"metric_id": "b", "weight": 1},
            {"metric_id": "c", "weight": 4},
            {"metric_id": "d", "family": "commercial"},
            {"metric_id": "e", "family": "organisational"},
        ],
        [
            {"metric_id": "a", "metric_value": 0.5},
            {"metric_id": "b", "metric_value": 1.5},
            {"metric_id": "c", "metric_value": None},
            {"metric_id": "d", "metric_value": 0.25},
            {"metric_id": "e", "metric_value": None, "count_mart_rows": 0},
        ],
    )
    assert rows["technical", WEEK] == {"points": 62.5, "coverage": 0.5, "change": None}
    assert rows["a", WEEK]["family_contribution_points"] == pytest.approx(37.5)
    assert rows["b", WEEK]["family_contribution_points"] == pytest.approx(25)
    assert rows["organisational", WEEK]["points"] is None
    # The whole: technical counts once, commercial twice, and nobody knows the organisation.
    assert rows["all", WEEK]["points"] == pytest.approx((62.5 + 2 * 25) / 3)
    assert rows["all", WEEK]["coverage"] == pytest.approx((0.5 + 0 + 2) / 4)
    assert rows["c", WEEK]["is_unknown"] and rows["c", WEEK]["family_contribution_points"] is None
    assert rows["c", WEEK]["unknown_reason"] == "undecided"
    assert rows["e", WEEK]["unknown_reason"] == "no_source"


@pytest.mark.parametrize(
    ("rule", "value", "attained"),
    [
        ({"base": 0.32, "target": 0.962}, 0.641, 0.5),
        ({"base": 47, "target": 11.4, "direction": "down"}, 29.2, 0.5),
        ({"base": 47, "target": 11.4, "direction": "down"}, 90, 0),
        ({"scale": "logarithmic", "base": 100, "target": 1, "direction": "down"}, 10, 0.5),
        ({"scale": "logarithmic", "base": 100, "target": 1, "direction": "down"}, 0, 1),
        ({"scale": "share_of_target", "base": None, "target": 8}, 2, 0.25),
        ({"scale": "share_of_target", "base": None, "target": 8, "direction": "down"}, 32, 0.25),
        ({"scale": "share_of_target", "base": None, "target": 8, "direction": "down"}, 0, 1),
        ({"base": 50, "target": 0, "direction": "down"}, 10, 0.8),
        ({"scale": "share_of_target", "base": None, "target": 0, "direction": "down"}, 0, 1),
        ({"scale": "share_of_target", "base": None, "target": 0, "direction": "down"}, 5, 0),
        ({"scale": "share_of_target", "base": None, "target": 0}, 5, None),
        ({"base": 1, "target": 1}, 1, None),
        ({"scale": "logarithmic", "base": 10, "target": 0}, 5, None),
    ],
)
def test_the_way_to_the_target(
    scored: Scored, rule: dict[str, Any], value: float, attained: float | None
) -> None:
    """Also targets of zero and ways of no length: unknown with its reason, never an error."""
    rows = scored(
        [{"metric_id": "m", **rule}, {"metric_id": "other"}],
        [{"metric_id": "m", "metric_value": value}, {"metric_id": "other", "metric_value": 1}],
    )
    row = rows["m", WEEK]
    if attained is None:
        assert (row["attainment_ratio"], row["unknown_reason"]) == (None, "no_scale")
        assert row["value"] == value
    else:
        assert row["attainment_ratio"] == pytest.approx(attained)
        assert row["unknown_reason"] is None


def test_a_source_that_stops_for_three_weeks_becomes_unknown_and_comes_back(
    scored: Scored,
) -> None:
    """Its last value is not shown as if it were new, and its silence is not a zero."""
    last = WEEK - timedelta(weeks=6) + timedelta(days=6)
    values = []
    for week in range(7):
        start = WEEK - timedelta(weeks=6 - week)
        seen = last if 0 < week < 5 else start + timedelta(days=6)
        values.append(
            {"metric_id": "m", "week_start": start, "metric_value": 0.5, "last_date": seen}
        )
    rows = scored([{"metric_id": "m", "smoothing_weeks": 8}], values)
    reasons = [rows["m", WEEK - timedelta(weeks=6 - week)]["unknown_reason"] for week in range(7)]
    assert reasons == [None, None, None, "silent", "silent", None, None]
    assert last.isoformat() in rows["m", WEEK - timedelta(weeks=2)]["unknown_reason_en"]


def test_equal_values_move_nothing(scored: Scored) -> None:
    weeks = [WEEK - timedelta(weeks=number) for number in range(5)]
    rows = scored(
        [{"metric_id": "m"}],
        [{"metric_id": "m", "week_start": week, "metric_value": 0.5} for week in weeks],
    )
    assert {rows["technical", week]["points"] for week in weeks} == {50}
    assert [rows["m", week]["contribution_change_points"] for week in weeks] == [0, 0, 0, 0, None]


def test_another_version_is_marked_where_it_begins(scored: Scored) -> None:
    weeks = [WEEK - timedelta(weeks=1), WEEK]
    rows = scored(
        [{"metric_id": "m"}, {"metric_id": "m", "version": 2, "target": 2.0}],
        [
            {"metric_id": "m", "week_start": week, "rule_version": version, "metric_value": 1.0}
            for version, week in enumerate(weeks, start=1)
        ],
    )
    assert [rows["m", week]["metric_version"] for week in weeks] == ["1", "2"]
    assert [rows["m", week]["is_definition_change"] for week in weeks] == [False, True]
    assert [rows["m", week]["attainment_ratio"] for week in weeks] == [1, 0.5]
    assert rows["technical", WEEK]["change"] == pytest.approx(-50)


def test_nothing_of_an_own_finding_is_a_zero(scored: Scored) -> None:
    rows = scored(
        [{"metric_id": "m", "base": 10, "target": 0, "direction": "down"}],
        [
            {
                "metric_id": "m",
                "metric_value": None,
                "count_mart_rows": 0,
                "last_date": None,
                "is_zero_when_empty": True,
                "is_own_finding": True,
            }
        ],
    )
    assert (rows["m", WEEK]["value"], rows["m", WEEK]["attainment_ratio"]) == (0, 1)
