"""Questions of the data-trust page, and the next steps that follow from the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import duckdb

from streamlit_app.data.catalogue import column_types, table_names

Row = dict[str, Any]
Severity = Literal["error", "warn", "note"]
LIST_LIMIT = 500
"""Rows that a list of the page shows; every list says how many there are in all."""


@dataclass(frozen=True)
class Listing:
    """Rows of one question, the number of all of them, and whether the table is published."""

    rows: tuple[Row, ...]
    count_all: int
    is_known: bool = True


_ABSENT = Listing((), 0, is_known=False)


def listing(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    sql: str,
    parameters: dict[str, Any] | None = None,
    limit: int = LIST_LIMIT,
) -> Listing:
    """Rows of ``sql``, at most ``limit``; not known where ``table`` is not published."""
    if table not in table_names(connection):
        return _ABSENT
    counted = connection.execute(f"select count(*) from ({sql}) as listed", parameters).fetchone()
    cursor = connection.execute(f"{sql}\nlimit {int(limit)}", parameters)
    names = [column[0] for column in cursor.description or []]
    rows = tuple(dict(zip(names, row, strict=True)) for row in cursor.fetchall())
    return Listing(rows, int(counted[0]) if counted else 0)


def freshness(connection: duckdb.DuckDBPyConnection) -> Listing:
    """One row per source table, the oldest state first."""
    return listing(
        connection,
        "mart_data_freshness",
        """
        select
            source_system, source_table, freshness_status, newest_at, age_hours, schedule,
            last_load_status, last_load_at, last_good_load_at, rows_loaded, rows_rejected
        from mart_data_freshness
        order by
            case freshness_status
                when 'error' then 0 when 'warn' then 1 when 'unknown' then 2 else 3
            end,
            source_system, source_table
        """,
    )


def last_receipts(connection: duckdb.DuckDBPyConnection) -> Listing:
    """The newest load of every source table."""
    return listing(
        connection,
        "mart_load_receipt",
        """
        select
            source_system, source_table, load_status, load_mode, finished_at, rows_received,
            rows_loaded, rows_rejected, rows_deleted, rows_previous, schema_changes, message_en,
            message_zh, remedy_en, remedy_zh
        from mart_load_receipt
        qualify row_number() over (
            partition by source_system, source_table order by started_at desc, load_id desc
        ) = 1
        order by
            case load_status when 'failed' then 0 when 'held_back' then 1 else 2 end,
            source_system, source_table
        """,
    )


def checks(connection: duckdb.DuckDBPyConnection, run_id: str) -> Listing:
    """Check results of one run, what failed first."""
    return listing(
        connection,
        "ops_check_results",
        """
        select
            status, severity, layer, table_name, column_name, description_en, description_zh,
            count_failed, detail, detail_zh, checker, checked_at, check_id
        from ops_check_results
        where run_id = $run_id
        order by
            case status when 'failed' then 0 when 'not_run' then 1 else 2 end,
            severity, table_name, column_name, check_id
        """,
        {"run_id": run_id},
        limit=2000,
    )


def quarantine_reasons(connection: duckdb.DuckDBPyConnection) -> Listing:
    """Rejected rows by table and reason, with one sample each."""
    return listing(
        connection,
        "mart_quarantined_row",
        """
        select
            source_system, source_table, reason_code, max(reason_en) as reason_en,
            max(reason_zh) as reason_zh, count(*) as count_rows,
            max(quarantined_at) as newest_at
        from mart_quarantined_row
        group by source_system, source_table, reason_code
        order by count_rows desc, source_system, source_table, reason_code
        """,
    )


def quarantine_samples(connection: duckdb.DuckDBPyConnection, per_reason: int = 5) -> Listing:
    """The newest few rejected rows of every table and reason, with file and line."""
    return listing(
        connection,
        "mart_quarantined_row",
        f"""
        select
            source_system, source_table, reason_code, source_file, source_row, raw_text,
            quarantined_at
        from mart_quarantined_row
        qualify row_number() over (
            partition by source_system, source_table, reason_code
            order by quarantined_at desc, source_file, source_row
        ) <= {int(per_reason)}
        order by source_system, source_table, reason_code, source_file, source_row
        """,
    )


def unmapped_codes(connection: duckdb.DuckDBPyConnection) -> Listing:
    """Codes of sources without a mapping row, then those that only an alias resolves."""
    return listing(
        connection,
        "mart_code_usage",
        """
        select *
        from mart_code_usage
        where code_status <> 'mapped'
        order by case code_status when 'unmapped' then 0 else 1 end, count_rows desc, source_code
        """,
    )


def unmapped_fields(connection: duckdb.DuckDBPyConnection) -> Listing:
    """Columns of sources that no mapping row reads."""
    return listing(
        connection, "mart_unmapped_field", "select * from mart_unmapped_field order by all"
    )


def unmatched_references(connection: duckdb.DuckDBPyConnection) -> Listing:
    """Values that name an object which nobody delivers."""
    return listing(
        connection,
        "mart_unmatched_reference",
        """
        select
            source_system, object_name, field_name, referenced_object, missing_value, count_rows
        from mart_unmatched_reference
        order by count_rows desc, source_system, object_name, field_name, missing_value
        """,
    )


def unconverted_values(connection: duckdb.DuckDBPyConnection) -> Listing:
    """Values that could not be read as the type of their field."""
    types = column_types(connection, "mart_unconverted_value")
    order = "count_rows desc" if "count_rows" in types else "all"
    return listing(
        connection,
        "mart_unconverted_value",
        f"select * from mart_unconverted_value order by {order}",
    )


def visitor_link_reviews(connection: duckdb.DuckDBPyConnection) -> Listing:
    """Links of visitors to people and accounts that a person has to decide, the newest first."""
    return listing(
        connection,
        "mart_visitor_link_review",
        """
        select
            source_system, visitor_id, visitor_address, count_sessions, candidates, evidence,
            last_evidence_at, reason_en, reason_zh, remedy_en, remedy_zh
        from mart_visitor_link_review
        order by last_evidence_at desc nulls last, visitor_link_review_id
        """,
    )


def versions(connection: duckdb.DuckDBPyConnection) -> Listing:
    """Kept versions at the time of publishing, newest first."""
    return listing(
        connection,
        "ops_versions",
        "select version_id, published_at, as_of, state, tables, rows, run_id from ops_versions "
        "order by published_at desc, version_id desc",
    )


@dataclass(frozen=True)
class Step:
    """Something a person should do: text ``trust.next.<kind>`` filled with ``values``."""

    kind: str
    severity: Severity
    values: dict[str, Any] = field(default_factory=dict)


def _groups(rows: Sequence[Row], *keys: str) -> dict[tuple[str, ...], list[Row]]:
    grouped: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        grouped.setdefault(tuple(str(row.get(key)) for key in keys), []).append(row)
    return grouped


def _examples(rows: Sequence[Row], key: str, count: int = 3) -> str:
    names = [str(row.get(key)) for row in rows]
    return ", ".join(names[:count]) + (" …" if len(names) > count else "")


def _reasons(rows: Sequence[Row], key: str, count: int = 3) -> str:
    """The first reasons with their number of rows."""
    parts = [f"{str(row[key]).rstrip('.。')} ({row['count_rows']})" for row in rows]
    return "; ".join(parts[:count]) + (" …" if len(parts) > count else "")


def freshness_by_system(connection: duckdb.DuckDBPyConnection) -> Listing:
    """One row per source: its worst state, tables by state, and the span of their newest data."""
    return listing(
        connection,
        "mart_data_freshness",
        """
        select
            source_system,
            arg_max(
                freshness_status,
                case freshness_status
                    when 'error' then 3 when 'warn' then 2 when 'unknown' then 1 else 0
                end
            ) as freshness_status,
            count(*) as count_tables,
            count(*) filter (where freshness_status = 'fresh') as count_fresh,
            min(newest_at) as oldest_newest_at,
            max(newest_at) as newest_at,
            max(last_good_load_at) as last_good_load_at,
            cast(sum(rows_loaded) as bigint) as rows_loaded,
            cast(sum(rows_rejected) as bigint) as rows_rejected
        from mart_data_freshness
        group by source_system
        order by source_system
        """,
    )


def quarantine_steps(quarantined: Listing) -> list[Step]:
    """One step per source table with rows that were set aside."""
    return [
        Step(
            "quarantine",
            "warn",
            {
                "source_system": system,
                "source_table": table,
                "count_rows": sum(int(row["count_rows"]) for row in rows),
                "reasons_en": _reasons(rows, "reason_en"),
                "reasons_zh": _reasons(rows, "reason_zh"),
            },
        )
        for (system, table), rows in _groups(
            quarantined.rows, "source_system", "source_table"
        ).items()
    ]


def next_steps(
    reasons: Sequence[Row],
    fresh: Listing,
    receipts: Listing,
    checked: Listing,
    quarantined: Listing,
    codes: Listing,
    fields: Listing,
    references: Listing,
    unconverted: Listing,
) -> tuple[Step, ...]:
    """What follows from the answers, the gravest first; empty where there is nothing to do.

    Args:
        reasons: why the newest run was held back (``check_en``, ``check_zh``, ``table``, …).
    """
    steps = [Step("held_back", "error", dict(row)) for row in reasons]
    for row in receipts.rows:
        if row["load_status"] in ("failed", "held_back"):
            severity: Severity = "error" if row["load_status"] == "failed" else "warn"
            steps.append(Step(f"load_{row['load_status']}", severity, dict(row)))
    for row in checked.rows:
        if row["status"] == "failed":
            severity = "error" if row["severity"] == "error" else "warn"
            steps.append(Step("check_failed", severity, dict(row)))
    for (status, system), rows in _groups(fresh.rows, "freshness_status", "source_system").items():
        if status in ("error", "warn"):
            severity = "error" if status == "error" else "warn"
            steps.append(
                Step(
                    "not_fresh",
                    severity,
                    {
                        "source_system": system,
                        "tables": _examples(rows, "source_table"),
                        "count": len(rows),
                    },
                )
            )
    steps += quarantine_steps(quarantined)
    unmapped = [row for row in codes.rows if row["code_status"] == "unmapped"]
    for (system, code_list), rows in _groups(unmapped, "source_system", "code_list").items():
        values = {
            "source_system": system,
            "code_list": code_list,
            "file": "stage_mapping" if code_list == "funnel_stage" else "code_mapping",
            "count": len(rows),
            "examples": _examples(rows, "source_code"),
        }
        steps.append(Step("unmapped_codes", "warn", values))
    for (system, object_name, field_name), rows in _groups(
        references.rows, "source_system", "object_name", "field_name"
    ).items():
        values = {
            "source_system": system,
            "object_name": object_name,
            "field_name": field_name,
            "count": len(rows),
            "count_rows": sum(int(row["count_rows"] or 0) for row in rows),
            "examples": _examples(rows, "missing_value"),
        }
        steps.append(Step("unmatched", "warn", values))
    for (system,), rows in _groups(unconverted.rows, "source_system").items():
        steps.append(Step("unconverted", "warn", {"source_system": system, "count": len(rows)}))
    if fields.rows:
        systems = _groups(fields.rows, "source_system").items()
        per_system = ", ".join(f"{system} {len(rows)}" for (system,), rows in systems)
        values = {"count": fields.count_all, "per_system": per_system}
        steps.append(Step("unmapped_fields", "note", values))
    not_run = sum(1 for row in checked.rows if row["status"] == "not_run")
    if not_run:
        steps.append(Step("checks_not_run", "note", {"count": not_run}))
    rank = {"error": 0, "warn": 1, "note": 2}
    return tuple(sorted(steps, key=lambda step: rank[step.severity]))
