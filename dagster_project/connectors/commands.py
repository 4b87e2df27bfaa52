"""What is done to a source by hand: read again, fill a span, confirm, start afresh.

Each has a dry run that reads and compares as the real one does, or lists what would be moved, and
changes nothing.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq

from dagster_project.connectors import load_source
from dagster_project.connectors.kinds import Window
from dagster_project.connectors.lake import Lake
from dagster_project.connectors.problems import SourceError, Words
from dagster_project.connectors.receipts import Receipt, last_receipts
from dagster_project.connectors.source_models import Source
from dagster_project.settings import Settings, utc_now


def resync(source: Source, table: str, settings: Settings, *, dry_run: bool) -> Receipt:
    """Read one table whole and land what differs from the lake, also what vanished.

    A table that would shrink below its limit is held back, as ever.
    """
    (receipt,) = load_source(source, settings, tables=[table], full=True, dry_run=dry_run)
    return receipt


def backfill(
    source: Source, tables: list[str] | None, window: Window, settings: Settings, *, dry_run: bool
) -> list[Receipt]:
    """Read rows whose cursor lies in ``window`` again, of incremental tables.

    Args:
        tables: those named, which must be incremental; by default every incremental table.

    Raises:
        SourceError: the source has no incremental table.
    """
    chosen = tables or [table.name for table in source.tables if table.load == "incremental"]
    if not chosen:
        raise SourceError(
            Words(
                f"{source.system}: no table is loaded by a cursor.",
                f"{source.system}：没有按游标加载的表。",
            ),
            Words(
                f"Read a table again whole: resync --system {source.system} --table …",
                f"请整表重读：resync --system {source.system} --table …",
            ),
        )
    return load_source(source, settings, tables=chosen, window=window, dry_run=dry_run)


def confirm(
    source: Source, table: str | None, settings: Settings, *, dry_run: bool
) -> list[Receipt]:
    """Load tables whose last load was held back, and land them although they have shrunk.

    What someone looked at is what is agreed to: a source that by now shows far fewer rows than it
    did then is held back again.

    Raises:
        SourceError: no table, or not the one that is named, was held back.
    """
    names = {known.name for known in source.tables if table in (None, known.name)}
    held = [
        receipt.table_name
        for receipt in last_receipts(settings, source.system, names)
        if receipt.status == "held_back"
    ]
    if not held:
        what = f"{source.system}.{table}" if table else source.system
        raise SourceError(
            Words(f"{what}: its last load was not held back.", f"{what}：最近一次加载未被暂扣。"),
            Words("There is nothing to confirm.", "无需确认。"),
        )
    return load_source(source, settings, tables=held, confirm=True, dry_run=dry_run)


@dataclass(frozen=True)
class Landed:
    """What the lake holds of one table. ``count_rows`` counts versions and tombstones too."""

    table: str
    count_rows: int
    count_files: int
    count_bytes: int


@dataclass(frozen=True)
class Reset:
    """A source's landed tables, and the folder that they were, or would be, moved to."""

    tables: tuple[Landed, ...]
    folder: Path


def reset(source: Source, settings: Settings, *, table: str | None = None, dry_run: bool) -> Reset:
    """Forget what is known of a source, so that the next load starts from the beginning.

    With ``table`` of that table only, whose columns may then have other types. What has landed is
    moved aside, not removed, because the source may not hold it any more.
    Receipts and quarantined rows stay.

    Raises:
        SourceError: a load of this source runs.
    """
    lake = Lake(settings, source.system)
    with lake.locked():
        landed = settings.raw / source.system
        folder = _aside(settings, source.system, utc_now())
        tables = tuple(one for one in _landed(landed) if table in (None, one.table))
        found = Reset(tables, folder)
        if table:
            landed, folder = landed / table, folder / table
        if dry_run:
            return found
        # In this order: rows without state are loaded from the start anyway, state without rows
        # would hide them.
        if landed.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(landed, folder)
        lake.forget(table)
    return found


def _landed(folder: Path) -> list[Landed]:
    tables = []
    for path in sorted(folder.iterdir()) if folder.exists() else ():
        files = sorted(path.glob("*.parquet"))
        if path.is_dir() and files and not path.name.startswith("_"):
            rows = sum(pq.read_metadata(file).num_rows for file in files)
            size = sum(file.stat().st_size for file in files)
            tables.append(Landed(path.name, rows, len(files), size))
    return tables


def _aside(settings: Settings, system: str, now: datetime) -> Path:
    return settings.raw.parent / "reset" / f"{system}-{now:%Y%m%dT%H%M%S.%fZ}"
