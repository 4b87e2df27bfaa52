"""Receipts of loads and the rows that a load rejected, as Parquet tables of system ``ops``."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field

from dagster_project.settings import Settings

TIMESTAMP = pa.timestamp("us")
RAW_TEXT_LIMIT = 2000

RECEIPTS_SCHEMA = pa.schema(
    [
        ("system", pa.string()),
        ("table_name", pa.string()),
        ("load_id", pa.string()),
        ("kind", pa.string()),
        ("mode", pa.string()),
        ("status", pa.string()),
        ("started_at", TIMESTAMP),
        ("finished_at", TIMESTAMP),
        ("rows_asked", pa.int64()),
        ("rows_received", pa.int64()),
        ("rows_loaded", pa.int64()),
        ("rows_merged", pa.int64()),
        ("rows_rejected", pa.int64()),
        ("rejected_reasons", pa.string()),
        ("rows_deleted", pa.int64()),
        ("rows_gap", pa.int64()),
        ("rows_previous", pa.int64()),
        ("cursor_from", pa.string()),
        ("cursor_to", pa.string()),
        ("newest_at", TIMESTAMP),
        ("count_files", pa.int64()),
        ("count_bytes", pa.int64()),
        ("count_calls", pa.int64()),
        ("count_retries", pa.int64()),
        ("quota_used", pa.int64()),
        ("quota_limit", pa.int64()),
        ("coverage_seen", pa.int64()),
        ("coverage_all", pa.int64()),
        ("coverage_en", pa.string()),
        ("coverage_zh", pa.string()),
        ("schema_changes", pa.string()),
        ("message_en", pa.string()),
        ("message_zh", pa.string()),
        ("remedy_en", pa.string()),
        ("remedy_zh", pa.string()),
        ("schedule", pa.string()),
    ]
)

QUARANTINED_ROWS_SCHEMA = pa.schema(
    [
        ("system", pa.string()),
        ("table_name", pa.string()),
        ("load_id", pa.string()),
        ("source_file", pa.string()),
        ("source_row", pa.int64()),
        ("reason_code", pa.string()),
        ("reason_en", pa.string()),
        ("reason_zh", pa.string()),
        ("raw_text", pa.string()),
        ("quarantined_at", TIMESTAMP),
    ]
)

# The log of changed structures: what the receipts tell in `schema_changes`, one row per change.
SCHEMA_CHANGES_SCHEMA = pa.schema(
    [
        ("system", pa.string()),
        ("table_name", pa.string()),
        ("load_id", pa.string()),
        ("position", pa.int64()),
        ("change", pa.string()),
        ("column_name", pa.string()),
        ("type_before", pa.string()),
        ("type_after", pa.string()),
        ("policy", pa.string()),
        ("status", pa.string()),
        ("found_at", TIMESTAMP),
    ]
)

# What people did on the worklists; `dagster_project.worklists` writes them.
WORKLIST_ACTIONS_SCHEMA = pa.schema(
    [
        ("action_id", pa.string()),
        ("list", pa.string()),
        ("subject_id", pa.string()),
        ("action", pa.string()),
        ("value", pa.string()),
        ("until", pa.date32()),
        ("note", pa.string()),
        ("actor", pa.string()),
        ("acted_at", TIMESTAMP),
        ("version_id", pa.string()),
        ("sequence", pa.int64()),
    ]
)

# Rows of append tables that retention removed, by the UTC day of their events.
REMOVED_ROWS_SCHEMA = pa.schema(
    [
        ("system", pa.string()),
        ("table_name", pa.string()),
        ("load_id", pa.string()),
        ("event_date", pa.date32()),
        ("rows_removed", pa.int64()),
        ("removed_at", TIMESTAMP),
    ]
)

OPERATIONS_SCHEMAS: Mapping[str, pa.Schema] = {
    "receipts": RECEIPTS_SCHEMA,
    "quarantined_rows": QUARANTINED_ROWS_SCHEMA,
    "removed_rows": REMOVED_ROWS_SCHEMA,
    "schema_changes": SCHEMA_CHANGES_SCHEMA,
    "worklist_actions": WORKLIST_ACTIONS_SCHEMA,
}


class Receipt(BaseModel):
    """What one load of one table asked, received, rejected and landed. Times are UTC.

    ``newest_at`` is the newest business time in the data (cursor, log line) or the newest file's
    modification: the "as of" of the source. ``is_transient`` (not stored) says that a failed load
    may succeed when tried again. ``rows_received`` = rows read in this load; for snapshots with
    a key only new and changed rows are loaded. ``rows_previous`` = rows of the last snapshot.
    ``rows_deleted`` = rows that the source no longer holds, and rows that retention removed.
    ``rejected_reasons`` is a JSON object of reason codes and their numbers of rows.
    ``rows_merged`` = loaded rows that are newer versions of keys that were known.
    ``rows_asked``, ``rows_gap``, quota and coverage as :class:`connectors.extract.Extract` tells
    them; None where the source does not say.
    """

    model_config = ConfigDict(frozen=True)

    system: str
    table_name: str
    load_id: str
    kind: str
    mode: str
    status: Literal["loaded", "unchanged", "held_back", "failed"]
    started_at: datetime
    finished_at: datetime
    rows_asked: int | None = None
    rows_received: int = 0
    rows_loaded: int = 0
    rows_merged: int = 0
    rows_rejected: int = 0
    rejected_reasons: str = "{}"
    rows_deleted: int = 0
    rows_gap: int | None = None
    rows_previous: int | None = None
    cursor_from: str | None = None
    cursor_to: str | None = None
    newest_at: datetime | None = None
    count_files: int = 0
    count_bytes: int = 0
    count_calls: int = 0
    count_retries: int = 0
    quota_used: int | None = None
    quota_limit: int | None = None
    coverage_seen: int | None = None
    coverage_all: int | None = None
    coverage_en: str = ""
    coverage_zh: str = ""
    schema_changes: str = "[]"
    message_en: str = ""
    message_zh: str = ""
    remedy_en: str = ""
    remedy_zh: str = ""
    schedule: str = ""
    is_transient: bool = False

    @property
    def is_good(self) -> bool:
        return self.status in ("loaded", "unchanged")


class RejectedRow(BaseModel):
    """A row that could not be loaded; ``raw_text`` is the row as it came, in full.

    ``values`` (not stored) are those of its values that fit their columns, as they would land.
    """

    model_config = ConfigDict(frozen=True)

    source_file: str | None
    source_row: int | None
    reason_code: str
    reason_en: str
    reason_zh: str
    raw_text: str
    values: Mapping[str, Any] = Field(default_factory=dict, exclude=True, repr=False)


def naive_utc(value: datetime | None) -> datetime | None:
    """UTC without zone, as the lake stores every timestamp."""
    if value is None or value.tzinfo is None:
        return value
    return value.astimezone(UTC).replace(tzinfo=None)


def receipts_table(receipts: Iterable[Receipt]) -> pa.Table:
    """Receipts as a table of :data:`RECEIPTS_SCHEMA`."""
    rows = []
    for receipt in receipts:
        row = receipt.model_dump(exclude={"is_transient"})
        for name in ("started_at", "finished_at", "newest_at"):
            row[name] = naive_utc(row[name])
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=RECEIPTS_SCHEMA)


def schema_changes_table(receipts: Iterable[Receipt]) -> pa.Table:
    """The changes that receipts tell, as a table of :data:`SCHEMA_CHANGES_SCHEMA`.

    Each change is an object with ``change`` and, where they apply, ``column``, ``from``, ``to`` and
    ``policy``. ``status`` is that of the load: whether rows landed all the same.
    """
    rows = [
        {
            "system": receipt.system,
            "table_name": receipt.table_name,
            "load_id": receipt.load_id,
            "position": position,
            "change": change["change"],
            "column_name": change.get("column"),
            "type_before": change.get("from"),
            "type_after": change.get("to"),
            "policy": change.get("policy"),
            "status": receipt.status,
            "found_at": naive_utc(receipt.finished_at),
        }
        for receipt in receipts
        for position, change in enumerate(json.loads(receipt.schema_changes), start=1)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA_CHANGES_SCHEMA)


def read_receipts(settings: Settings, system: str, since: datetime) -> list[Receipt]:
    """Receipts of loads of ``system`` that started at ``since`` or later, oldest first."""
    found = []
    for path in _receipt_files(settings, system):
        # A file is written after the loads that it tells of have started.
        if datetime.fromtimestamp(path.stat().st_mtime, UTC) >= since:
            found += _receipts_in(path)
    return [receipt for receipt in found if receipt.started_at >= since]


def last_receipts(settings: Settings, system: str, tables: Collection[str]) -> list[Receipt]:
    """The newest receipt of each of ``tables`` of ``system`` that has one, by the table's name.

    Files are read from the newest on, until every table is found.
    """
    newest: dict[str, Receipt] = {}
    for path in reversed(_receipt_files(settings, system)):
        for receipt in _receipts_in(path):
            if receipt.table_name in tables:
                newest.setdefault(receipt.table_name, receipt)
        if len(newest) == len(tables):
            break
    return [newest[name] for name in sorted(newest)]


def _receipt_files(settings: Settings, system: str) -> list[Path]:
    """Files of receipts, oldest first: their names begin with the id of the load."""
    return sorted((settings.operations / "receipts").glob(f"*-{system}.parquet"))


def _receipts_in(path: Path) -> list[Receipt]:
    found = []
    for row in pq.read_table(path).to_pylist():
        for name in ("started_at", "finished_at", "newest_at"):
            row[name] = None if row[name] is None else row[name].replace(tzinfo=UTC)
        found.append(Receipt.model_validate({k: v for k, v in row.items() if v is not None}))
    return found


def quarantined_table(
    system: str, table: str, load_id: str, rows: Sequence[RejectedRow], now: datetime
) -> pa.Table:
    """Rejected rows of one load as a table of :data:`QUARANTINED_ROWS_SCHEMA`, text in full."""
    records: list[dict[str, Any]] = [
        {
            "system": system,
            "table_name": table,
            "load_id": load_id,
            **row.model_dump(),
            "quarantined_at": naive_utc(now),
        }
        for row in rows
    ]
    return pa.Table.from_pylist(records, schema=QUARANTINED_ROWS_SCHEMA)


def truncate_raw_text(table: pa.Table) -> pa.Table:
    """The same rows with at most :data:`RAW_TEXT_LIMIT` characters of raw text."""
    import pyarrow.compute as pc

    index = table.schema.get_field_index("raw_text")
    short = pc.utf8_slice_codeunits(table["raw_text"], 0, RAW_TEXT_LIMIT)
    return table.set_column(index, QUARANTINED_ROWS_SCHEMA.field("raw_text"), short)


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a Parquet file that appears complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    pq.write_table(table, partial, compression="zstd", use_dictionary=False)
    partial.replace(path)


def write_tables(tables: Iterable[pa.Table], path: Path) -> None:
    """Write tables of the same columns, at least one, as one file that appears complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    writer: pq.ParquetWriter | None = None
    try:
        for table in tables:
            if writer is None:
                writer = pq.ParquetWriter(
                    partial, table.schema, compression="zstd", use_dictionary=False
                )
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
    partial.replace(path)


def read_tables(paths: Iterable[Path]) -> Iterator[pa.Table]:
    """The rows of Parquet files, a row group at a time."""
    for path in paths:
        with pq.ParquetFile(path) as source:
            for group in range(source.num_row_groups):
                yield source.read_row_group(group)


def ensure_operations(settings: Settings) -> None:
    """Give every ops table whose columns are known here a file that has them all.

    Readers take the columns of all files together, so a lake of an older version gets the new ones.
    """
    for name, schema in OPERATIONS_SCHEMAS.items():
        path = settings.operations / name / "empty.parquet"
        if not path.exists() or not set(schema.names) <= set(pq.read_schema(path).names):
            write_parquet(schema.empty_table(), path)
