"""Questions of the page *Migration health*: scorecard, traps, lead and lag, roadmap, backtest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import duckdb

from streamlit_app.data.catalogue import column_types
from streamlit_app.data.filters import Period
from streamlit_app.data.metrics import literal
from streamlit_app.data.typed_rows import Page, Table, read, read_page, table

FAMILY_MART = "mart_scorecard_family_week"
METRIC_MART = "mart_scorecard_metric_week"
LEAD_LAG_MART = "mart_lead_lag"
STEP_MART = "mart_roadmap_step"
CRITERION_MART = "mart_roadmap_criterion"
TRAP_MART = "mart_trap"
TRAP_EVIDENCE_MART = "mart_trap_evidence"
BACKTEST_MART = "mart_score_backtest"
BACKTEST_SUMMARY_MART = "mart_score_backtest_summary"

FAMILIES = ("technical", "organisational", "commercial")
WHOLE = "all"
WEEKS = 12


@dataclass(frozen=True)
class FamilyWeek:
    """Attainment of a family (or of the whole, ``all``) in a week; 0–100, None where unknown."""

    family: str
    week_start: date
    attainment_points: float | None
    coverage_ratio: float | None
    change_points: float | None
    count_metrics_known: int | None
    count_metrics: int | None


@dataclass(frozen=True)
class MetricWeek:
    """One metric of the scorecard in a week."""

    metric_id: str
    family: str
    week_start: date
    value: float | None
    numerator: float | None
    denominator: float | None
    count_rows: int | None
    target: float | None
    benchmark_2023: float | None
    benchmark_2026: float | None
    attainment_ratio: float | None
    weight_ratio: float | None
    family_contribution_points: float | None
    total_contribution_points: float | None
    contribution_change_points: float | None
    is_unknown: bool | None
    unknown_reason: str | None
    unknown_reason_en: str | None
    unknown_reason_zh: str | None
    metric_version: str | None
    is_definition_change: bool | None
    window_start: date | None
    window_end: date | None

    @property
    def period(self) -> Period:
        """The days that the value looks back on, else its week."""
        start = self.window_start or self.week_start
        # Windows are inclusive, weeks end with their Sunday.
        end = self.window_end or self.week_start + timedelta(days=6)
        return Period("custom", start, end + timedelta(days=1))


@dataclass(frozen=True)
class Scorecard:
    """The last weeks of the scorecard, the oldest first."""

    weeks: tuple[date, ...]
    families: tuple[FamilyWeek, ...]
    metrics: tuple[MetricWeek, ...]

    @property
    def last_week(self) -> date:
        return self.weeks[-1]

    def family(self, family: str) -> tuple[FamilyWeek | None, ...]:
        """One entry per week; None where the mart has none."""
        found = {item.week_start: item for item in self.families if item.family == family}
        return tuple(found.get(week) for week in self.weeks)

    def metric(self, metric_id: str) -> tuple[MetricWeek | None, ...]:
        found = {item.week_start: item for item in self.metrics if item.metric_id == metric_id}
        return tuple(found.get(week) for week in self.weeks)

    def now(self, family: str | None = None) -> tuple[MetricWeek, ...]:
        """Metrics in the newest week, of one family or of all."""
        return tuple(
            item
            for item in self.metrics
            if item.week_start == self.last_week and family in (None, item.family)
        )

    def definition_changes(self) -> tuple[MetricWeek, ...]:
        return tuple(item for item in self.metrics if item.is_definition_change)


def scorecard(connection: duckdb.DuckDBPyConnection, weeks: int = WEEKS) -> Scorecard | None:
    """The last ``weeks`` weeks; None where the scorecard is not published or has no week."""
    families = read(
        connection,
        FAMILY_MART,
        FamilyWeek,
        ("family", "week_start", "attainment_points"),
        [_since(FAMILY_MART, weeks)],
        "week_start, family",
    )
    metrics = read(
        connection,
        METRIC_MART,
        MetricWeek,
        ("metric_id", "family", "week_start"),
        [_since(METRIC_MART, weeks)],
        "week_start, family, weight_ratio desc nulls last, metric_id",
    )
    if not families or metrics is None:
        return None
    last = max(item.week_start for item in families)
    shown = tuple(last - timedelta(weeks=weeks - 1 - index) for index in range(weeks))
    first = min(item.week_start for item in families)
    return Scorecard(tuple(week for week in shown if week >= first), families, metrics)


def _since(mart: str, weeks: int) -> str:
    days = 7 * (weeks - 1)
    return f"week_start >= (select max(week_start) from {mart}) - {days}"


@dataclass(frozen=True)
class LeadLag:
    """Association of organisational attainment with commercial change ``lag_weeks`` later."""

    lag_weeks: int
    association: float | None
    association_low: float | None
    association_high: float | None
    count_weeks: int | None
    size_ratio: float | None
    size_low: float | None
    size_high: float | None
    best_lag_low_weeks: float | None
    best_lag_high_weeks: float | None
    chance_probability: float | None
    is_best: bool | None
    verdict: str | None
    explanation_en: str | None
    explanation_zh: str | None


def lead_lag(connection: duckdb.DuckDBPyConnection) -> tuple[LeadLag, ...] | None:
    """One row per lag."""
    return read(connection, LEAD_LAG_MART, LeadLag, ("lag_weeks", "verdict"), order="lag_weeks")


@dataclass(frozen=True)
class Step:
    """A step of the roadmap; entry and exit None where a criterion is unknown."""

    step_id: str
    track: str | None
    phase: str | None
    step_order: int | None
    name_en: str | None
    name_zh: str | None
    phase_name_en: str | None
    phase_name_zh: str | None
    entry_met: bool | None
    exit_met: bool | None
    is_current: bool | None
    count_criteria_met: int | None
    count_criteria: int | None
    criteria_en: str | None
    criteria_zh: str | None


def roadmap(connection: duckdb.DuckDBPyConnection) -> tuple[Step, ...] | None:
    """Steps in order."""
    return read(connection, STEP_MART, Step, ("step_id",), order="track, step_order, step_id")


@dataclass(frozen=True)
class Criterion:
    """One condition of a step: the metric must stand so to the limit."""

    step_id: str
    criterion_kind: str | None
    metric_id: str | None
    measure: str | None
    comparison: str | None
    limit_value: float | None
    duration_weeks: int | None
    actual_value: float | None
    count_weeks_met: int | None
    is_met: bool | None
    description_en: str | None
    description_zh: str | None
    unknown_reason: str | None
    unknown_reason_en: str | None
    unknown_reason_zh: str | None


def criteria(connection: duckdb.DuckDBPyConnection, step_id: str) -> tuple[Criterion, ...] | None:
    """Criteria of a step, those of its entry first."""
    return read(
        connection,
        CRITERION_MART,
        Criterion,
        ("step_id", "is_met"),
        [f"step_id = {literal(step_id)}"],
        "criterion_kind, metric_id, limit_value",
    )


@dataclass(frozen=True)
class Trap:
    """A detector; ``is_triggered`` None where it cannot tell, with the reason."""

    trap_id: str
    name_en: str | None
    name_zh: str | None
    question_en: str | None
    question_zh: str | None
    remedy_en: str | None
    remedy_zh: str | None
    count_cases: int | None
    count_examined: int | None
    case_ratio: float | None
    threshold_value: float | None
    is_triggered: bool | None
    unknown_reason: str | None
    unknown_reason_en: str | None
    unknown_reason_zh: str | None
    first_case_at: datetime | None
    last_case_at: datetime | None
    count_cases_recent: int | None
    count_examined_recent: int | None
    recent_days: float | None
    display_order: int | None


def traps(connection: duckdb.DuckDBPyConnection) -> tuple[Trap, ...] | None:
    """Detectors: those that have found something first, then the unknown ones."""
    return read(
        connection,
        TRAP_MART,
        Trap,
        ("trap_id", "count_cases", "is_triggered"),
        order="case when is_triggered then 0 when is_triggered is null then 1 else 2 end, "
        "display_order, trap_id",
    )


@dataclass(frozen=True)
class TrapCase:
    """A row that a detector has found, and where it lies."""

    trap_evidence_id: str
    trap_id: str
    subject_type: str | None
    subject_id: str | None
    subject_name: str | None
    occurred_at: datetime | None
    evidence_en: str | None
    evidence_zh: str | None
    row_object: str | None
    row_id: str | None


def trap_cases(
    connection: duckdb.DuckDBPyConnection, trap_id: str, page: int, page_size: int
) -> Page[TrapCase] | None:
    """One page of evidence, the newest first."""
    return read_page(
        connection,
        TRAP_EVIDENCE_MART,
        TrapCase,
        ("trap_id", "trap_evidence_id"),
        [f"trap_id = {literal(trap_id)}"],
        "occurred_at desc nulls last, trap_evidence_id",
        page,
        page_size,
    )


@dataclass(frozen=True)
class HitRate:
    """What a score said about what happened; ``has_lift`` None where the sample is too small."""

    score_id: str
    segment: str | None
    outcome: str | None
    outcome_name_en: str | None
    outcome_name_zh: str | None
    horizon_days: int | None
    top_n: int | None
    precision_at_n: float | None
    base_ratio: float | None
    lift_top_decile: float | None
    lift_low: float | None
    lift_high: float | None
    calibration_error: float | None
    count_subjects: int | None
    count_outcomes: int | None
    has_lift: bool | None
    unknown_reason: str | None
    unknown_reason_en: str | None
    unknown_reason_zh: str | None
    first_day: date | None
    last_day: date | None


def hit_rates(connection: duckdb.DuckDBPyConnection) -> tuple[HitRate, ...] | None:
    """One row per score and segment; the segment of all subjects first."""
    return read(
        connection,
        BACKTEST_SUMMARY_MART,
        HitRate,
        ("score_id", "has_lift"),
        order="score_id, case when segment is null or segment = 'all' then 0 else 1 end, segment, "
        "outcome",
    )


@dataclass(frozen=True)
class Decile:
    """Subjects of a score from the highest tenth (1) to the lowest, and what became of them."""

    score_id: str
    segment: str | None
    outcome: str | None
    decile: int
    count_subjects: int | None
    count_outcomes: int | None
    outcome_ratio: float | None
    lift: float | None
    mean_score: float | None
    expected_ratio: float | None


def deciles(connection: duckdb.DuckDBPyConnection, score_id: str) -> tuple[Decile, ...] | None:
    """Tenths of all subjects of a score, the one with the highest scores first."""
    return read(
        connection,
        BACKTEST_MART,
        Decile,
        ("score_id", "decile"),
        [f"score_id = {literal(score_id)}", _whole_segment(connection)],
        "outcome, mean_score desc nulls last, decile",
    )


def _whole_segment(connection: duckdb.DuckDBPyConnection) -> str:
    if "segment" not in column_types(connection, BACKTEST_MART):
        return "true"
    return "(segment is null or segment = 'all')"


def export(connection: duckdb.DuckDBPyConnection, what: str, key: str = "") -> Table:
    """All rows of a table of the page, for a file.

    Args:
        what: ``scorecard`` (every metric and week), ``trap`` (evidence of the trap ``key``),
            ``roadmap`` (all criteria) or ``hits`` (tenths of the score ``key``).
    """
    if what == "scorecard":
        return table(connection, METRIC_MART, (), "week_start desc, family, metric_id")
    if what == "roadmap":
        return table(connection, CRITERION_MART)
    mart, column = {
        "trap": (TRAP_EVIDENCE_MART, "trap_id"),
        "hits": (BACKTEST_MART, "score_id"),
    }[what]
    return table(connection, mart, [f"{column} = {literal(key)}"])


@dataclass(frozen=True)
class Move:
    """What one metric added to the change of the whole since the week before.

    ``became`` is ``known`` or ``unknown`` where that is what has changed, else None.
    """

    metric_id: str
    points: Decimal
    value: float | None
    value_before: float | None
    became: str | None
    is_definition_change: bool


def moves(card: Scorecard) -> tuple[Move, ...]:
    """Changes of the contributions to the whole, the largest first; empty before two weeks.

    They add up to the change of the whole exactly, because contributions add up to the whole.
    """
    if len(card.weeks) < 2:
        return ()
    before = {item.metric_id: item for item in card.metrics if item.week_start == card.weeks[-2]}
    if not before:
        return ()
    found = []
    for item in card.now():
        earlier = before.get(item.metric_id)
        was_known = earlier is not None and earlier.total_contribution_points is not None
        is_known = item.total_contribution_points is not None
        points = _exact(item) - (_exact(earlier) if earlier is not None else Decimal(0))
        if not points and was_known == is_known:
            continue
        found.append(
            Move(
                item.metric_id,
                points,
                item.value,
                earlier.value if earlier is not None else None,
                None if was_known == is_known else "known" if is_known else "unknown",
                bool(item.is_definition_change),
            )
        )
    return tuple(sorted(found, key=lambda move: (-abs(move.points), move.metric_id)))


def _exact(item: MetricWeek) -> Decimal:
    # Sums of binary fractions differ in their last digits from one week to the next.
    return round(Decimal(str(item.total_contribution_points or 0)), 8)
