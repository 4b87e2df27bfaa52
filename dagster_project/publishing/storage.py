"""Places, durable writes, locks and records of the published folder.

Light: the standard library and the settings only, because the dashboard imports it on every start.

```
published/current.json                      which version is shown, and which ones were before it
published/status.json                       published, held back or rolled back, and why
published/versions/<version_id>/manifest.json
published/objects/<2 letters>/<fingerprint>.parquet   immutable, shared by versions
published/leases/<version_id>               its time of change = when the version was last opened
published/staging/                          files being written; emptied by the next publish
```
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from dagster_project.settings import Settings

MANIFEST_FORMAT = 1
_VERSION_ID = re.compile(r"v\d{6,}-\d{8}T\d{6}Z")
State = Literal["published", "held_back", "rolled_back"]


class PublishingError(RuntimeError):
    """Publishing or reading could not be done; the message names the thing and the remedy."""


class VersionNotFoundError(PublishingError):
    """The version was never published or has been pruned."""


@dataclass(frozen=True)
class HoldBackReason:
    """Why a version is not shown: one failed check (or command) in both languages."""

    check_en: str
    check_zh: str
    table: str = ""
    detail: str = ""
    detail_zh: str = ""


@dataclass(frozen=True)
class Status:
    """What happened last to the published data.

    Attributes:
        state: ``published``; ``held_back`` (a run failed its checks, the last good version stays);
            ``rolled_back`` (a command went back to an earlier version).
        since: UTC; for ``held_back`` the first of the runs held back in a row.
        run_id: the run that was published or held back; None for a rollback.
        reasons: empty for ``published``.
        shown_version_id: the version that was current when this was written. A status about
            another version is out of date: :func:`read_status` then ignores it, so that a crash
            between switching the version and writing the status cannot show a wrong one.
    """

    state: State
    since: datetime
    run_id: str | None = None
    reasons: tuple[HoldBackReason, ...] = ()
    shown_version_id: str | None = None


@dataclass(frozen=True)
class PublishedFile:
    """One immutable Parquet file; ``path`` is relative to the published folder.

    ``state``: of the month that it was written from, equal only if its rows are; None if unknown.
    """

    path: str
    rows: int
    bytes: int
    partition: str | None = None
    state: str | None = None


@dataclass(frozen=True)
class PublishedTable:
    """One table of a version.

    Attributes:
        layer: ``mart``, ``rule`` (a seed) or ``ops`` (what the pipeline says about itself).
        columns: ``{"name", "type"}`` in order, DuckDB type names.
        fingerprint: equal exactly if columns and rows (in any order) are equal.
        partitioned_by: the date column whose months split the table, or None.
    """

    files: tuple[PublishedFile, ...]
    rows: int
    columns: tuple[dict[str, str], ...]
    fingerprint: str
    layer: str
    partitioned_by: str | None = None


@dataclass(frozen=True)
class SourceAsOf:
    """Freshness of one landed table: newest business time in it, and when it was last loaded."""

    system: str
    table: str
    newest_at: datetime | None
    loaded_at: datetime | None
    last_status: str


@dataclass(frozen=True)
class Manifest:
    """A published version: everything a reader needs to know."""

    version_id: str
    published_at: datetime
    as_of: date
    run_id: str
    tables: dict[str, PublishedTable]
    sources: tuple[SourceAsOf, ...] = ()
    checks: dict[str, int] = field(default_factory=dict)
    format: int = MANIFEST_FORMAT


@dataclass(frozen=True)
class Current:
    """Which version is shown, and how it came about.

    Attributes:
        history: the versions shown before it, newest first; ``rollback`` goes to the first.
        rolled_back: versions taken back since the last publish; pruned by the next one.
    """

    version_id: str
    switched_at: datetime
    history: tuple[str, ...] = ()
    rolled_back: tuple[str, ...] = ()


@dataclass(frozen=True)
class Places:
    """Paths below ``home/published``."""

    root: Path

    @property
    def current(self) -> Path:
        return self.root / "current.json"

    @property
    def status(self) -> Path:
        return self.root / "status.json"

    @property
    def versions(self) -> Path:
        return self.root / "versions"

    @property
    def objects(self) -> Path:
        return self.root / "objects"

    @property
    def leases(self) -> Path:
        return self.root / "leases"

    @property
    def staging(self) -> Path:
        return self.root / "staging"

    def manifest(self, version_id: str) -> Path:
        """Raises VersionNotFoundError for a text that is no version id (it may come from a URL)."""
        if not _VERSION_ID.fullmatch(version_id):
            raise VersionNotFoundError(
                f"{version_id!r} is not a version id. Use the current version."
            )
        return self.versions / version_id / "manifest.json"

    def create(self) -> None:
        for folder in (self.versions, self.objects, self.leases, self.staging):
            folder.mkdir(parents=True, exist_ok=True)


def places(settings: Settings) -> Places:
    return Places(settings.published)


# Durable writes ------------------------------------------------------------------------------


def sync_path(path: Path) -> None:
    """Force a file, or a folder's list of names, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def move_durably(source: Path, target: Path) -> None:
    """Rename so that after a power cut the target is the old or the new one, never a part."""
    source.replace(target)
    sync_path(target.parent)


def write_json(path: Path, record: object) -> None:
    """Write a JSON file atomically and durably."""
    text = json.dumps(record, ensure_ascii=False, indent=1, default=_to_json)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    move_durably(temporary, path)


def _to_json(value: object) -> str:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def read_json(path: Path) -> dict[str, Any] | None:
    """The file's record, or None if there is no such file.

    Raises:
        PublishingError: the file is not JSON.
    """
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except json.JSONDecodeError as error:
        raise PublishingError(
            f"{path} is not valid JSON ({error}). Remove it and publish again with `make run`."
        ) from error
    return record


# Locks ---------------------------------------------------------------------------------------


@contextmanager
def _locked(path: Path, kind: int, timeout_seconds: float, busy: str) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise PublishingError(busy) from None
                time.sleep(0.01)
        yield  # closing the file releases the lock, also when the process is killed


@contextmanager
def writer_lock(settings: Settings, timeout_seconds: float = 30) -> Iterator[None]:
    """One publish, hold-back or rollback at a time."""
    with _locked(
        settings.published / "writer.lock",
        fcntl.LOCK_EX,
        timeout_seconds,
        f"Another process is publishing or rolling back in {settings.published}. "
        "Wait until it ends, then repeat.",
    ):
        yield


@contextmanager
def lease_lock(settings: Settings, *, exclusive: bool) -> Iterator[None]:
    """Held for milliseconds: by readers (shared) while they find a version and note that they read
    it, by pruning (exclusive) while it decides which versions go."""
    with _locked(
        settings.published / "leases.lock",
        fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH,
        30,
        f"{settings.published / 'leases.lock'} stays locked. End the process that holds it.",
    ):
        yield


# Records -------------------------------------------------------------------------------------


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def read_current(settings: Settings) -> Current | None:
    record = read_json(places(settings).current)
    if record is None:
        return None
    return Current(
        version_id=record["version_id"],
        switched_at=datetime.fromisoformat(record["switched_at"]),
        history=tuple(record["history"]),
        rolled_back=tuple(record["rolled_back"]),
    )


def write_current(settings: Settings, current: Current) -> None:
    """The one moment at which another version becomes the shown one."""
    write_json(places(settings).current, asdict(current))


def read_status(settings: Settings, shown_version_id: str | None) -> Status | None:
    """The status, if it is about ``shown_version_id``; None otherwise."""
    record = read_json(places(settings).status)
    if record is None or record.get("shown_version_id") != shown_version_id:
        return None
    return Status(
        state=record["state"],
        since=datetime.fromisoformat(record["since"]),
        run_id=record["run_id"],
        reasons=tuple(HoldBackReason(**reason) for reason in record["reasons"]),
        shown_version_id=record["shown_version_id"],
    )


def write_status(settings: Settings, status: Status) -> None:
    held = status.since if status.state == "held_back" else None
    write_json(places(settings).status, {**asdict(status), "held_back_since": held})


def read_manifest(settings: Settings, version_id: str) -> Manifest:
    """Raises VersionNotFoundError where there is no such version (any more)."""
    record = read_json(places(settings).manifest(version_id))
    if record is None:
        raise VersionNotFoundError(
            f"Version {version_id} is not in {places(settings).versions}: it was never published "
            "or has been pruned. Use the current version."
        )
    if record["format"] != MANIFEST_FORMAT:
        raise PublishingError(
            f"Version {version_id} was written by another release of this software (format "
            f"{record['format']}, expected {MANIFEST_FORMAT}). Publish again with `make run`."
        )
    tables = {
        name: PublishedTable(
            files=tuple(PublishedFile(**file) for file in table["files"]),
            rows=table["rows"],
            columns=tuple(table["columns"]),
            fingerprint=table["fingerprint"],
            layer=table["layer"],
            partitioned_by=table["partitioned_by"],
        )
        for name, table in record["tables"].items()
    }
    sources = tuple(
        SourceAsOf(
            system=source["system"],
            table=source["table"],
            newest_at=_time(source["newest_at"]),
            loaded_at=_time(source["loaded_at"]),
            last_status=source["last_status"],
        )
        for source in record["sources"]
    )
    return Manifest(
        version_id=record["version_id"],
        published_at=datetime.fromisoformat(record["published_at"]),
        as_of=date.fromisoformat(record["as_of"]),
        run_id=record["run_id"],
        tables=tables,
        sources=sources,
        checks=record["checks"],
    )
