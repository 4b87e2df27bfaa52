"""Reading published versions: what the dashboard and reports use.

Light: the standard library, duckdb and the settings. A reader never opens the warehouse file, holds
no lock while it reads, and sees exactly one version:

```python
version = current_version(settings)              # None before the first publish
connection = open_version(settings, version.version_id)
connection.cursor().sql("select count(*) from mart_lead")
```
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from dagster_project.publishing import storage
from dagster_project.publishing.storage import (
    Manifest,
    PublishedTable,
    SourceAsOf,
    Status,
    VersionNotFoundError,
)
from dagster_project.settings import Settings


@dataclass(frozen=True)
class VersionInfo:
    """A published version, and what the page must say about it.

    Attributes:
        published_at: UTC.
        as_of: the day that counts as today in its figures.
        status: of the version shown now: published, held back since (with reasons), rolled back.
        tables: published tables by name.
        sources: as-of of each landed table at the time of publishing.
        checks: number of results of the run by ``passed``, ``failed_error``, ``failed_warn``,
            ``not_run``.
    """

    version_id: str
    published_at: datetime
    as_of: date
    run_id: str
    status: Status
    tables: dict[str, PublishedTable]
    sources: tuple[SourceAsOf, ...]
    checks: dict[str, int]


def current_version(settings: Settings) -> VersionInfo | None:
    """The version that pages show now, or None before the first publish.

    Reading it takes one small file each for pointer, status and manifest, so it may be called on
    every page run to notice a newer version.
    """
    # The pointer can move, and its old target be pruned, between reading it and the manifest.
    for attempt in range(3):
        current = storage.read_current(settings)
        if current is None:
            return None
        try:
            manifest = storage.read_manifest(settings, current.version_id)
        except VersionNotFoundError:
            if attempt == 2:
                raise
            continue
        return _info(settings, manifest)
    raise AssertionError("unreachable")


def version_info(settings: Settings, version_id: str) -> VersionInfo:
    """A kept version by id.

    Raises:
        VersionNotFoundError: it was never published or has been pruned.
    """
    return _info(settings, storage.read_manifest(settings, version_id))


def _info(settings: Settings, manifest: Manifest) -> VersionInfo:
    status = storage.read_status(settings, manifest.version_id) or Status(
        state="published",
        since=manifest.published_at,
        run_id=manifest.run_id,
        shown_version_id=manifest.version_id,
    )
    return VersionInfo(
        version_id=manifest.version_id,
        published_at=manifest.published_at,
        as_of=manifest.as_of,
        run_id=manifest.run_id,
        status=status,
        tables=manifest.tables,
        sources=manifest.sources,
        checks=manifest.checks,
    )


def publishing_status(settings: Settings) -> Status | None:
    """What happened last, also when nothing has ever been published (then perhaps held back)."""
    current = storage.read_current(settings)
    if current is None:
        return storage.read_status(settings, None)
    version = current_version(settings)
    return None if version is None else version.status


def renew_lease(settings: Settings, version_id: str) -> None:
    """Note that the version is being read: it is not pruned for ``Settings.lease_minutes``.

    Call it at least that often while a connection of :func:`open_version` stays in use.

    Raises:
        VersionNotFoundError: it was never published or has been pruned.
    """
    places = storage.places(settings)
    if not places.manifest(version_id).exists():
        storage.read_manifest(settings, version_id)  # raises with the remedy, without a lock file
    with storage.lease_lock(settings, exclusive=False):
        storage.read_manifest(settings, version_id)
        lease = places.leases / version_id
        lease.parent.mkdir(parents=True, exist_ok=True)
        lease.touch()


def open_version(settings: Settings, version_id: str) -> duckdb.DuckDBPyConnection:
    """An in-memory database with one view per published table of the version.

    It reads published files only (no other file, no network, settings locked) and takes a lease,
    so the version stays on disk for ``Settings.lease_minutes`` after this call; see
    :func:`renew_lease`. Use ``connection.cursor()`` per thread.

    Raises:
        VersionNotFoundError: it was never published or has been pruned.
    """
    renew_lease(settings, version_id)
    manifest = storage.read_manifest(settings, version_id)
    root = settings.published
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set autoinstall_known_extensions = false")
        # Footers of immutable files need not be read again for every query.
        connection.execute("set parquet_metadata_cache = true")
        connection.execute(f"set allowed_directories = [{_literal(str(root / 'objects'))}]")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        for name, table in manifest.tables.items():
            connection.execute(view_statement(name, table, root))
    except BaseException:
        connection.close()
        raise
    return connection


def view_statement(name: str, table: PublishedTable, root: Path) -> str:
    files = ", ".join(_literal(os.fspath(root / file.path)) for file in table.files)
    return f'create view "{name}" as select * from read_parquet([{files}])'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
