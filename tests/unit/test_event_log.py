"""Dagster's event log with open connections: as many as are of use, however many runs there are."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from dagster_project.event_log import OPEN_FILES, PooledSqliteEventLogStorage


def open_databases(folder: Path) -> set[Path]:
    """Databases below ``folder`` that this process has open."""
    targets = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return {path for path in targets if path.is_relative_to(folder) and path.suffix == ".db"}


def test_open_files_do_not_grow_with_the_runs(tmp_path: Path) -> None:
    storage = PooledSqliteEventLogStorage(str(tmp_path))
    for number in [*range(OPEN_FILES + 3), 0]:
        with storage.run_connection(f"run{number}") as connection:
            assert connection.execute(sa.text("select count(*) from event_logs")).scalar() == 0
    opened = open_databases(tmp_path)
    assert tmp_path / "run0.db" in opened
    assert len(opened) <= OPEN_FILES
    storage.dispose()
    assert open_databases(tmp_path) == set()
