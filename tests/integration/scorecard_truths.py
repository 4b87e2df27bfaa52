"""What the demo company planted about its change, beside what scorecard and proof marts found."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import duckdb

from dagster_project.publishing import current_version, open_version
from dagster_project.settings import Settings
from streamlit_app.data.catalogue import load_metrics
from streamlit_app.data.filters import Period
from streamlit_app.data.metrics import Surroundings, evaluate
from tests.integration.demo_run import published

LAG_WEEKS, LEAD_RATIO = 8, 2.3
"""The planted story; dagster_project/demo_company/change.py."""


def _open(settings: Settings) -> duckdb.DuckDBPyConnection:
    version = current_version(settings)
    assert version is not None, "nothing is published"
    return open_version(settings, version.version_id)


def values_that_differ(settings: Settings) -> list[str]:
    """Weekly values that are not what the page shows for the same days; also unknown ones."""
    found: list[str] = []
    compared: set[str] = set()
    with _open(settings) as connection:
        around = Surroundings(connection)
        metrics = {metric.metric_id: metric for metric in load_metrics(connection)}
        rows = connection.execute(
            """
            select metric_id, window_start, window_end, value, unknown_reason
            from mart_scorecard_metric_week
            where date_diff('week', week_start, date '2026-06-22') % 13 = 0
            order by all
            """
        ).fetchall()
        for metric_id, start, end, value, reason in rows:
            if reason in ("definition", "silent", "no_scale"):
                continue  # the page has a figure, the scorecard a reason not to use it
            compared.add(metric_id)
            result = evaluate(
                connection,
                metrics[metric_id],
                (),
                Period("custom", start, end + timedelta(days=1)),
                around,
            )
            shown = next(
                (item.value for item in result.values if item.currency in (None, "CNY")), None
            )
            if reason == "before_first_row" and result.unknown == "period":
                shown = None
            if (value is None) != (shown is None) or (
                value is not None and shown is not None and abs(value - shown) > 1e-9 * abs(shown)
            ):
                found.append(f"{metric_id} {start}: scorecard {value}, page {shown}")
    if len(compared) < 14:
        found.append(f"only {len(compared)} metrics were compared")
    return found


def lead_that_differs(settings: Settings) -> list[str]:
    """The planted lead: found, with its lag to a week and its size within its interval."""
    (row,) = published(
        settings,
        "select lag_weeks, verdict, size_ratio, size_low, size_high, best_lag_low_weeks, "
        "best_lag_high_weeks from mart_lead_lag where is_best",
    )
    lag, verdict, size, size_low, size_high, lag_low, lag_high = row
    found = []
    if verdict != "leads":
        return [f"verdict {verdict}"]
    if abs(lag - LAG_WEEKS) > 1 or not lag_low <= LAG_WEEKS <= lag_high:
        found.append(f"lag {lag} ({lag_low} to {lag_high}), planted {LAG_WEEKS}")
    if abs(size - LEAD_RATIO) > 0.5 or not size_low <= LEAD_RATIO <= size_high:
        found.append(f"size {size} ({size_low} to {size_high}), planted {LEAD_RATIO}")
    return found


def scorecard_that_differs(settings: Settings) -> list[str]:
    """The story in the families: where they began, where they ended, and what is unknown."""
    weeks: dict[tuple[str, date], tuple[Any, ...]] = {
        (family, week): (points, coverage)
        for family, week, points, coverage in published(
            settings,
            "select family, week_start, attainment_points, coverage_ratio "
            "from mart_scorecard_family_week",
        )
    }
    found = []
    for family, first_most, last_least in (("organisational", 35, 80), ("commercial", 20, 35)):
        first = weeks[family, date(2025, 3, 3)][0]
        last = weeks[family, date(2026, 6, 22)][0]
        if first > first_most or last < last_least:
            found.append(f"{family}: from {first} to {last}")
    if weeks["organisational", date(2026, 6, 22)][1] != 1:
        found.append("an organisational metric is unknown")
    return found


def backtests_that_differ(settings: Settings) -> list[str]:
    """No score holds later rows; intent and depth say something, health keeps silent."""
    rows = {
        score: (lift, refused, reason)
        for score, lift, refused, reason in published(
            settings,
            "select score_id, has_lift, count_scores_refused, unknown_reason "
            "from mart_score_backtest_summary where segment = 'all'",
        )
    }
    found = [f"{score}: {row[1]} scores refused" for score, row in rows.items() if row[1]]
    if set(rows) != {"intent", "depth", "breadth", "health"}:
        found.append(f"scores {sorted(rows)}")
    found += [f"{score}: no lift" for score in ("intent", "depth") if rows[score][0] is not True]
    if rows["health"][0] is not None or rows["health"][2] != "too_few":
        found.append(f"health: {rows['health']}")
    return found


def roadmap_that_differs(settings: Settings) -> list[str]:
    """Each track has one current step, and each answer follows from its criteria."""
    found = [
        f"track {track}: {count} current steps"
        for track, count in published(
            settings,
            "select track, count(*) filter (where is_current) from mart_roadmap_step group by 1",
        )
        if count != 1
    ]
    for step, entry, exit_met, met, missed, count in published(
        settings,
        """
        select step_id, any_value(entry_met), any_value(exit_met),
            count(*) filter (where is_met and criterion_kind = 'exit'),
            count(*) filter (where not is_met and criterion_kind = 'exit'),
            count(*) filter (where criterion_kind = 'exit')
        from mart_roadmap_step join mart_roadmap_criterion using (step_id) group by 1
        """,
    ):
        expected = False if missed else (True if met == count else None)
        if exit_met is not expected or entry is None:
            found.append(f"step {step}: entry {entry}, exit {exit_met}, {met} of {count} met")
    if len(published(settings, "select 1 from mart_roadmap_step")) != 13:
        found.append("not the four steps and the nine")
    return found


def figures_that_differ(settings: Settings) -> list[str]:
    """What must add up in a company of any size; empty where it does."""
    return [*values_that_differ(settings), *roadmap_that_differs(settings)]


def story_that_differs(settings: Settings) -> list[str]:
    """What takes the rows of the small company to be seen; empty where it is as planted."""
    return [
        *lead_that_differs(settings),
        *scorecard_that_differs(settings),
        *backtests_that_differ(settings),
    ]
