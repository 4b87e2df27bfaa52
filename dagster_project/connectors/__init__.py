"""Connectors: bring what source systems hold into the raw lake. They never import Dagster.

``load_source`` and ``load_table`` are imported on first use, because dlt takes over a second to
import and most readers of a sources file never load anything.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster_project.connectors.kinds import Window
    from dagster_project.connectors.receipts import Receipt
    from dagster_project.connectors.sources_file import Source, Table
    from dagster_project.settings import Settings

__all__ = ["load_source", "load_table"]


def load_source(
    source: Source,
    settings: Settings,
    *,
    tables: Collection[str] | None = None,
    accept_shrink: bool = False,
    confirm: bool = False,
    full: bool = False,
    window: Window | None = None,
    dry_run: bool = False,
) -> list[Receipt]:
    """Load tables of one source, all or those named; see :func:`connectors.load.load_source`."""
    from dagster_project.connectors.load import load_source as load_now

    return load_now(
        source,
        settings,
        tables=tables,
        accept_shrink=accept_shrink,
        confirm=confirm,
        full=full,
        window=window,
        dry_run=dry_run,
    )


def load_table(
    source: Source,
    table: Table | str,
    settings: Settings,
    *,
    accept_shrink: bool = False,
    full: bool = False,
) -> Receipt:
    """Load one table; see :func:`load_source`."""
    name = table if isinstance(table, str) else table.name
    return load_source(source, settings, tables=[name], accept_shrink=accept_shrink, full=full)[0]
