"""Worklist actions in the lake, beside the other tables that the pipeline writes about itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.connectors.receipts import WORKLIST_ACTIONS_SCHEMA, write_parquet
from dagster_project.settings import Settings
from dagster_project.worklists.actions import Action
from dagster_project.worklists.store import open_store


def land_actions(settings: Settings) -> int:
    """Put every action of the store into ``ops/worklist_actions``; returns how many there are.

    One file, replaced as a whole and only when there is something new: whoever reads it sees all
    actions up to one moment.

    Raises:
        WorklistError: the store cannot be read; what was landed before stays.
    """
    table = actions_table(open_store(settings).actions())
    path = settings.operations / "worklist_actions" / "actions.parquet"
    if not _holds(path, table):
        write_parquet(table, path)
        # An installation that had no action yet has a file of columns only.
        (path.parent / "empty.parquet").unlink(missing_ok=True)
    return int(table.num_rows)


def actions_table(actions: Sequence[Action]) -> pa.Table:
    """Actions as a table of :data:`WORKLIST_ACTIONS_SCHEMA`, in their stored order."""
    rows = [
        {
            "action_id": action.action_id,
            "list": action.list_name,
            "subject_id": action.subject_id,
            "action": action.action,
            "value": action.value,
            "until": action.until,
            "note": action.note,
            "actor": action.actor,
            "acted_at": action.acted_at.astimezone(UTC).replace(tzinfo=None),
            "version_id": action.version_id,
            "sequence": action.sequence,
        }
        for action in actions
    ]
    return pa.Table.from_pylist(rows, schema=WORKLIST_ACTIONS_SCHEMA)


def _holds(path: Path, table: pa.Table) -> bool:
    return path.exists() and bool(pq.read_table(path).equals(table))
