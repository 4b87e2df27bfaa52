"""Questions of the sources page, and what to do that follows from the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from dagster_project.connectors.schedules import next_due
from streamlit_app.data import trust
from streamlit_app.data.catalogue import column_types, table_names
from streamlit_app.data.trust import Listing, Row, Severity, Step

METRIC_MARTS = ("mart_load_receipt", "mart_data_freshness", "mart_quarantined_row")
RECENT = timedelta(days=7)
"""A change of structure is something to do for so long, counted back from the newest load."""
QUOTA_SHARE = 0.8
"""Of a quota that is spent to this share the next load may not get enough."""
OVERDUE_AFTER = timedelta(hours=2)
"""A load that has not shown so long after its time has not been started."""

# A version that an older release published has none of these.
_LATER_COLUMNS = (
    "rows_asked", "rows_merged", "rows_gap", "count_retries", "quota_used", "quota_limit",
    "coverage_seen", "coverage_all", "coverage_en", "coverage_zh",
)  # fmt: skip


def tables(connection: duckdb.DuckDBPyConnection) -> Listing:
    """The newest load of every source table with the state of its data, what failed first.

    A table of the sources file that was never loaded has the status ``never_loaded`` and nothing
    else; ``is_configured`` is false for one that is no longer in that file, None where the version
    does not tell. ``next_due_at`` (UTC) is the first scheduled time after the load, else after the
    version was published; None where nobody loads by schedule.
    """
    if "mart_load_receipt" not in table_names(connection):
        return Listing((), 0, is_known=False)
    present = column_types(connection, "mart_load_receipt")
    later = ", ".join(name if name in present else f"null as {name}" for name in _LATER_COLUMNS)
    fresh = (
        "select source_system, source_table, freshness_status, newest_at, last_good_load_at "
        "from mart_data_freshness"
        if "mart_data_freshness" in table_names(connection)
        else "select source_system, source_table, null as freshness_status, null as newest_at, "
        "null as last_good_load_at from newest where false"
    )
    is_told = "ops_sources" in table_names(connection)
    configured = (
        "select source_system, source_table, kind, schedule, label_en, label_zh, "
        "true as is_configured, "
        "(select cast(max(published_at) as timestamp) from ops_versions) as published_at "
        "from ops_sources"
        if is_told
        else "select source_system, source_table, kind, schedule, null as label_en, "
        "null as label_zh, null as is_configured, null as published_at from newest where false"
    )
    listing = trust.listing(
        connection,
        "mart_load_receipt",
        f"""
        with newest as (
            select
                source_system, source_table, load_id, kind, load_mode, load_status, schedule,
                started_at, finished_at, rows_received, rows_loaded, rows_rejected, rows_deleted,
                rows_previous, count_calls, message_en, message_zh, remedy_en, remedy_zh, {later}
            from mart_load_receipt
            qualify row_number() over (
                partition by source_system, source_table order by started_at desc, load_id desc
            ) = 1
        ),
        configured as ({configured}),
        listed as (
            select
                coalesce(newest.source_system, configured.source_system) as source_system,
                coalesce(newest.source_table, configured.source_table) as source_table,
                coalesce(newest.load_status, 'never_loaded') as load_status,
                coalesce(configured.kind, newest.kind) as kind,
                coalesce(configured.schedule, newest.schedule) as schedule,
                case when {is_told} then configured.is_configured is not null end
                    as is_configured,
                configured.published_at,
                configured.label_en,
                configured.label_zh,
                newest.* exclude (source_system, source_table, load_status, kind, schedule)
            from newest
            full join configured
                on
                    newest.source_system = configured.source_system
                    and newest.source_table = configured.source_table
        )
        select listed.*, fresh.freshness_status, fresh.newest_at, fresh.last_good_load_at
        from listed
        left join ({fresh}) as fresh using (source_system, source_table)
        order by
            case load_status
                when 'failed' then 0 when 'held_back' then 1 when 'never_loaded' then 2 else 3
            end,
            coalesce(rows_gap, 0) = 0, source_system, source_table
        """,
    )
    rows = tuple({**row, "next_due_at": _next_due(row)} for row in listing.rows)
    return Listing(rows, listing.count_all, listing.is_known)


def _next_due(row: Row) -> datetime | None:
    after = row["finished_at"] or row["published_at"]
    if row["is_configured"] is False or after is None:
        return None
    return next_due(str(row["schedule"]), after)


def changes(connection: duckdb.DuckDBPyConnection) -> Listing:
    """Changes of structure that loads met, the newest first."""
    return trust.listing(
        connection,
        "mart_schema_change",
        """
        select
            source_system, source_table, found_at, schema_change, column_name, type_before,
            type_after, drift_policy, load_status
        from mart_schema_change
        order by found_at desc, schema_change_id
        """,
    )


@dataclass(frozen=True)
class SourceState:
    """One source, summed up over the newest loads of its tables.

    ``count_good`` of ``count_tables`` loads brought their rows. ``last_load_at`` is None where
    nothing was ever loaded, ``rows_gap`` where no table tells it. ``coverage`` is the least share
    that a table could see, 0–1.
    """

    source_system: str
    kind: str
    schedule: str
    count_tables: int
    count_good: int
    status: str
    last_load_at: datetime | None
    next_due_at: datetime | None
    rows_received: int
    rows_rejected: int
    rows_gap: int | None
    coverage: float | None
    quota: float | None
    label_en: str | None = None
    label_zh: str | None = None


def states(rows: Sequence[Row]) -> tuple[SourceState, ...]:
    """One state per source of :func:`tables`, by name."""
    by_system: dict[str, list[Row]] = {}
    for row in rows:
        by_system.setdefault(str(row["source_system"]), []).append(row)
    return tuple(_state(system, by_system[system]) for system in sorted(by_system))


def _state(system: str, rows: list[Row]) -> SourceState:
    statuses = [str(row["load_status"]) for row in rows]
    gaps = [int(row["rows_gap"]) for row in rows if row["rows_gap"] is not None]
    shares = [_share(row, "coverage_seen", "coverage_all") for row in rows]
    covered = [share for share in shares if share is not None]
    spent = [_share(row, "quota_used", "quota_limit") for row in rows]
    quotas = [share for share in spent if share is not None]
    due = [row["next_due_at"] for row in rows if row["next_due_at"] is not None]
    worst = next((s for s in ("failed", "held_back", "never_loaded") if s in statuses), "loaded")
    if worst == "loaded" and (any(gaps) or any(share < 1 for share in covered)):
        worst = "incomplete"
    return SourceState(
        source_system=system,
        kind=str(rows[0]["kind"]),
        schedule=str(rows[0]["schedule"]),
        count_tables=len(rows),
        count_good=sum(status in ("loaded", "unchanged") for status in statuses),
        status=worst,
        last_load_at=max(
            (row["finished_at"] for row in rows if row["finished_at"] is not None), default=None
        ),
        next_due_at=min(due) if due else None,
        rows_received=sum(int(row["rows_received"] or 0) for row in rows),
        rows_rejected=sum(int(row["rows_rejected"] or 0) for row in rows),
        rows_gap=sum(gaps) if gaps else None,
        coverage=min(covered) if covered else None,
        quota=max(quotas) if quotas else None,
        label_en=rows[0]["label_en"],
        label_zh=rows[0]["label_zh"],
    )


def _share(row: Row, part: str, whole: str) -> float | None:
    if row[part] is None or not row[whole]:
        return None
    return float(row[part]) / float(row[whole])


def next_steps(loaded: Listing, changed: Listing, rejected: Listing) -> tuple[Step, ...]:
    """What follows from the answers, the gravest first; empty where there is nothing to do."""
    steps: list[Step] = []
    for row in loaded.rows:
        status = str(row["load_status"])
        if status == "failed":
            steps.append(Step("failed", "error", dict(row)))
        elif status == "held_back":
            steps.append(Step("held_back", "warn", dict(row)))
        if row["rows_gap"]:
            steps.append(Step("gap", "warn", dict(row)))
        seen = _share(row, "coverage_seen", "coverage_all")
        if seen is not None and seen < 1:
            steps.append(Step("coverage", "warn", dict(row)))
        spent = _share(row, "quota_used", "quota_limit")
        if spent is not None and spent >= QUOTA_SHARE:
            steps.append(Step("quota", "warn", dict(row)))
    for kind, values in _by_system(loaded):
        steps.append(Step(kind, "note" if kind == "retired" else "warn", values))
    late: dict[tuple[str, Severity], list[str]] = {}
    for row in loaded.rows:
        if row["is_configured"] is not False and row["freshness_status"] in ("warn", "error"):
            key: tuple[str, Severity] = (str(row["source_system"]), row["freshness_status"])
            late.setdefault(key, []).append(str(row["source_table"]))
    for (system, severity), names in late.items():
        values = {"source_system": system, "tables": _named(names)}
        steps.append(Step("late", severity, values))
    steps += _drift_steps(loaded, changed)
    steps += trust.quarantine_steps(rejected)
    rank = {"error": 0, "warn": 1, "note": 2}
    return tuple(sorted(steps, key=lambda step: rank[step.severity]))


def is_overdue(due_at: datetime | None, now: datetime) -> bool:
    """Whether a load that was due at ``due_at`` should be there ``now`` (both UTC)."""
    return due_at is not None and due_at + OVERDUE_AFTER < now


def overdue_step(rows: Sequence[Row], now: datetime) -> Step | None:
    """What to do where loads of :func:`tables` have not come at their time; None where all have."""
    systems = sorted(
        {str(row["source_system"]) for row in rows if is_overdue(row["next_due_at"], now)}
    )
    return Step("overdue", "warn", {"systems": _named(systems)}) if systems else None


def _by_system(loaded: Listing) -> list[tuple[str, Row]]:
    """Tables that were never loaded, and those that nobody loads any more, source by source."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in loaded.rows:
        if row["load_status"] == "never_loaded":
            kind = "never_loaded_manual" if row["next_due_at"] is None else "never_loaded"
        elif row["is_configured"] is False:
            kind = "retired"
        else:
            continue
        found.setdefault((kind, str(row["source_system"])), []).append(str(row["source_table"]))
    return [
        (kind, {"source_system": system, "tables": _named(names)})
        for (kind, system), names in sorted(found.items())
    ]


def _drift_steps(loaded: Listing, changed: Listing) -> list[Step]:
    finished = [row["finished_at"] for row in loaded.rows if row["finished_at"] is not None]
    if not finished:
        return []
    since = max(finished) - RECENT
    found: dict[tuple[str, str], list[str]] = {}
    for row in changed.rows:
        if row["found_at"] is not None and row["found_at"] >= since:
            name = str(row["column_name"] or row["source_table"])
            names = found.setdefault((str(row["source_system"]), str(row["source_table"])), [])
            if name not in names:
                names.append(name)
    return [
        Step(
            "drift",
            "note",
            {"source_system": system, "source_table": table, "columns": _named(names)},
        )
        for (system, table), names in sorted(found.items())
    ]


def _named(names: Sequence[str], count: int = 5) -> str:
    return ", ".join(names[:count]) + (" …" if len(names) > count else "")
