"""Publishing a version, holding one back, rolling back, pruning.

Nothing that a reader can see changes before ``current.json`` is replaced; everything written before
that moment is a new file that nobody refers to, and is removed by the next publish if this one is
killed. Unchanged parts are recognised by a fingerprint of their rows and not written again. A run
that built a part does not even read the months that no build has written since the version shown.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path

import duckdb

from dagster_project.connectors.sources_file import as_of_date
from dagster_project.publishing import operations_tables, storage
from dagster_project.publishing.dbt_artifacts import Node, Project, read_project
from dagster_project.publishing.storage import (
    Current,
    HoldBackReason,
    Manifest,
    PublishedFile,
    PublishedTable,
    PublishingError,
    SourceAsOf,
    Status,
)
from dagster_project.publishing.written_months import (
    Month,
    WrittenMonths,
    is_in_month,
    month_of,
    written_months,
)
from dagster_project.settings import Settings, utc_now

# Below this size one file is cheaper to read and to write than one for every month.
PARTITION_ROWS = 100_000
# Parquet has no 128-bit integer, and DuckDB would write a rounded double instead.
_PARQUET_TYPES = {"HUGEINT": "DECIMAL(38,0)", "UHUGEINT": "DECIMAL(38,0)"}
# Changes whenever the same rows would be written differently, so that old files are not reused.
OBJECT_FORMAT = "1"


@dataclass(frozen=True)
class PublishedVersion:
    """What :func:`publish` did.

    Attributes:
        rows: in all tables together.
        files_written, bytes_written: new files; what was unchanged is reused.
        files_reused: files that an earlier version had already written.
        pruned: versions removed because they are beyond ``Settings.keep_versions``.
    """

    version_id: str
    published_at: datetime
    run_id: str
    tables: int
    rows: int
    files_written: int
    files_reused: int
    bytes_written: int
    pruned: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class VersionEntry:
    """A kept version in :func:`list_versions`; ``state``: current, earlier or rolled_back."""

    version_id: str
    published_at: datetime
    as_of: date
    run_id: str
    tables: int
    rows: int
    state: str


@dataclass(frozen=True)
class Part:
    """What a run has built that did not build everything.

    Attributes:
        models: marts and rule tables that it built; the others stay as the shown version has them.
        systems: sources that it loaded; the others are as fresh as the shown version says.
    """

    models: frozenset[str]
    systems: frozenset[str]


@dataclass
class _Counts:
    written: int = 0
    reused: int = 0
    bytes: int = 0


def publish(
    settings: Settings,
    run_id: str,
    now: datetime,
    as_of: date | None = None,
    *,
    part: Part | None = None,
) -> PublishedVersion:
    """Publish the marts, rule tables and the pipeline's own tables as one new version.

    Args:
        run_id: the pipeline run; its check results become part of the version.
        now: UTC time of publishing.
        as_of: the day that counts as today in the figures; by default ``Settings.as_of``, else the
            sources file's, else the day of ``now``.
        part: what the run has built, where that is not everything: the rest of the version, and
            the results of the checks that the run did not repeat, are those of the version shown
            before.

    Raises:
        PublishingError: dbt has not run, the warehouse lacks a model of the manifest, another
            process is publishing, or a part is to be published before any whole version. The
            version shown before stays.
    """
    started = time.monotonic()
    project = read_project(settings)
    with storage.writer_lock(settings):
        places = storage.places(settings)
        places.create()
        _empty(places.staging)
        previous = storage.read_current(settings)
        base = None if part is None else _base(settings, previous)
        version_id = _next_version_id(settings, now, previous)
        counts = _Counts()
        with open_warehouse(settings, project) as connection:
            as_of = as_of or as_of_date(settings, now)
            sources = operations_tables.sources_as_of(connection, settings)
            kept: dict[str, PublishedTable] = {}
            if part is not None and base is not None:
                kept = {name: t for name, t in base.tables.items() if name not in part.models}
                sources = _fresh_sources(sources, base, part)
            tables: dict[str, PublishedTable] = {}
            for node in sorted([*project.marts, *project.seeds], key=lambda node: node.name):
                if node.name in kept:
                    tables[node.name] = kept[node.name]
                    counts.reused += len(kept[node.name].files)
                    continue
                tables[node.name] = _publish_table(
                    connection,
                    settings,
                    _relation(node),
                    node.layer,
                    node.key,
                    counts,
                    written_months(connection, node),
                    None if base is None else base.tables.get(node.name),
                )
            checks = operations_tables.create(
                connection,
                settings,
                project,
                run_id,
                base=base,
                published={name: list(table.columns) for name, table in tables.items()},
                versions=[
                    *(asdict(entry) for entry in _entries(settings, previous)),
                    asdict(
                        VersionEntry(
                            version_id,
                            now,
                            as_of,
                            run_id,
                            len(tables),
                            sum(table.rows for table in tables.values()),
                            "current",
                        )
                    ),
                ],
            )
            for name in operations_tables.NAMES:
                tables[name] = _publish_table(
                    connection, settings, f"memory.main.{name}", "ops", (), counts
                )
        manifest = Manifest(
            version_id=version_id,
            published_at=now,
            as_of=as_of,
            run_id=run_id,
            tables=tables,
            sources=tuple(sources),
            checks=checks,
        )
        _write_manifest(settings, manifest)
        history = () if previous is None else (previous.version_id, *previous.history)
        storage.write_current(
            settings,
            Current(version_id, now, history=history[: settings.keep_versions - 1]),
        )
        storage.write_status(
            settings,
            Status(state="published", since=now, run_id=run_id, shown_version_id=version_id),
        )
        pruned = prune(settings)
    return PublishedVersion(
        version_id=version_id,
        published_at=now,
        run_id=run_id,
        tables=len(tables),
        rows=sum(table.rows for table in tables.values()),
        files_written=counts.written,
        files_reused=counts.reused,
        bytes_written=counts.bytes,
        pruned=pruned,
        seconds=time.monotonic() - started,
    )


def hold_back(
    settings: Settings, run_id: str, reasons: Sequence[HoldBackReason], now: datetime
) -> Status:
    """Leave the last good version in place and say why; several runs in a row keep the first
    ``since``.

    Raises:
        PublishingError: no reason is given, or another process is publishing.
    """
    if not reasons:
        raise PublishingError("A run is held back only for a reason: pass the failed checks.")
    with storage.writer_lock(settings):
        storage.places(settings).create()
        current = storage.read_current(settings)
        shown = None if current is None else current.version_id
        before = storage.read_status(settings, shown)
        since = before.since if before is not None and before.state == "held_back" else now
        status = Status(
            state="held_back",
            since=since,
            run_id=run_id,
            reasons=tuple(reasons),
            shown_version_id=shown,
        )
        storage.write_status(settings, status)
    return status


def rollback(settings: Settings, now: datetime | None = None) -> tuple[str, str]:
    """Show the version before the current one again; (from, to).

    The version that was left is kept until the next publish, which goes forward as usual.

    Raises:
        PublishingError: there is no earlier version.
    """
    now = now or utc_now()
    with storage.writer_lock(settings):
        current = storage.read_current(settings)
        if current is None:
            raise PublishingError("Nothing has been published yet. Run `make run` first.")
        if not current.history:
            raise PublishingError(
                f"{current.version_id} is the only version kept, so there is nothing to go back "
                "to. Correct the data or the models and publish again with `make run`."
            )
        target, *older = current.history
        storage.read_manifest(settings, target)
        storage.write_current(
            settings,
            Current(
                target,
                now,
                history=tuple(older),
                rolled_back=(current.version_id, *current.rolled_back),
            ),
        )
        at = now.strftime("%Y-%m-%d %H:%M UTC")
        storage.write_status(
            settings,
            Status(
                state="rolled_back",
                since=now,
                reasons=(
                    HoldBackReason(
                        check_en=f"Rolled back by command at {at}",
                        check_zh=f"已于 {at} 由命令回退",
                        detail=f"{current.version_id} → {target}",
                        detail_zh=f"{current.version_id} → {target}",
                    ),
                ),
                shown_version_id=target,
            ),
        )
    return current.version_id, target


def list_versions(settings: Settings) -> list[VersionEntry]:
    """Kept versions, newest first."""
    return sorted(
        _entries(settings, storage.read_current(settings), shown="current"),
        key=lambda entry: entry.version_id,
        reverse=True,
    )


def prune(settings: Settings) -> tuple[str, ...]:
    """Remove what no kept version needs; called by :func:`publish` under the writer's lock.

    Kept are the current version, the ones before it up to ``keep_versions`` in all, and every
    version opened within ``lease_minutes``. Returns the ids of the versions removed.
    """
    places = storage.places(settings)
    current = storage.read_current(settings)
    kept = set() if current is None else {current.version_id, *current.history}
    removed: list[Path] = []
    with storage.lease_lock(settings, exclusive=True):
        # The system clock, because readers' leases are times of change of files.
        limit = time.time() - settings.lease_minutes * 60
        for folder in sorted(places.versions.iterdir()):
            lease = places.leases / folder.name
            leased = lease.exists() and lease.stat().st_mtime > limit
            if folder.name in kept or leased:
                continue
            target = places.staging / f"pruned-{folder.name}"
            folder.rename(target)
            removed.append(target)
            lease.unlink(missing_ok=True)
    for folder in removed:
        shutil.rmtree(folder)
    needed = {
        file.path
        for folder in places.versions.iterdir()
        for table in storage.read_manifest(settings, folder.name).tables.values()
        for file in table.files
    }
    for path in sorted(places.objects.glob("*/*.parquet")):
        if path.relative_to(places.root).as_posix() not in needed:
            path.unlink()
    return tuple(folder.name.removeprefix("pruned-") for folder in removed)


# Steps ---------------------------------------------------------------------------------------


def _entries(
    settings: Settings, current: Current | None, shown: str = "earlier"
) -> Iterator[VersionEntry]:
    if current is None:
        return
    states = {current.version_id: shown}
    states |= dict.fromkeys(current.history, "earlier")
    states |= dict.fromkeys(current.rolled_back, "rolled_back")
    for version_id, state in states.items():
        if not storage.places(settings).manifest(version_id).exists():
            continue
        manifest = storage.read_manifest(settings, version_id)
        yield VersionEntry(
            version_id=version_id,
            published_at=manifest.published_at,
            as_of=manifest.as_of,
            run_id=manifest.run_id,
            tables=len(manifest.tables),
            rows=sum(table.rows for table in manifest.tables.values()),
            state=state,
        )


def _base(settings: Settings, shown: Current | None) -> Manifest:
    """The version whose unchanged part a partial one takes over."""
    if shown is None:
        raise PublishingError(
            "A part can only follow a whole version, and nothing has been published yet. "
            "Run `make run` first."
        )
    return storage.read_manifest(settings, shown.version_id)


def _fresh_sources(found: Sequence[SourceAsOf], base: Manifest, part: Part) -> list[SourceAsOf]:
    """A source that another run has loaded meanwhile is not yet in the tables that are kept."""
    before = {(source.system, source.table): source for source in base.sources}
    return [
        source
        if source.system in part.systems
        else before.get((source.system, source.table), source)
        for source in found
    ]


def _next_version_id(settings: Settings, now: datetime, current: Current | None) -> str:
    """Ids rise with every publish, whatever the clock does, and are never used twice."""
    names = [path.name for path in storage.places(settings).versions.iterdir()]
    if current is not None:
        names += [current.version_id, *current.history, *current.rolled_back]
    number = max((int(name[1:].split("-")[0]) for name in names), default=0) + 1
    return f"v{number:06d}-{now:%Y%m%dT%H%M%SZ}"


@contextmanager
def open_warehouse(settings: Settings, project: Project) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse file, read-only, under the name by which dbt's views call it."""
    if settings.dbt_target != "duckdb":
        raise PublishingError(
            f"SMH_DBT_TARGET is {settings.dbt_target}; publishing reads the DuckDB warehouse file. "
            "Build with the target duckdb to publish."
        )
    if not settings.warehouse.is_file():
        raise PublishingError(
            f"{settings.warehouse} does not exist: dbt has not built anything. "
            "Run `make run` first."
        )
    catalogs = {node.relation[0] for node in project.nodes.values() if node.kind != "source"}
    catalog = catalogs.pop() if len(catalogs) == 1 else settings.warehouse.stem
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set autoinstall_known_extensions = false")
        path = str(settings.warehouse).replace("'", "''")
        try:
            connection.execute(f"attach '{path}' as \"{catalog}\" (read_only)")
        except duckdb.Error as error:
            raise PublishingError(
                f"{settings.warehouse} cannot be read ({error}). If dbt or another program has it "
                "open, wait until it ends, then run `make run` again."
            ) from error
        yield connection
    finally:
        connection.close()


def _relation(node: Node) -> str:
    return ".".join(map(_quoted, node.relation))


def _quoted(name: str) -> str:
    return f'"{name}"'


def _publish_table(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    relation: str,
    layer: str,
    key: Sequence[str],
    counts: _Counts,
    written: WrittenMonths | None = None,
    shown: PublishedTable | None = None,
) -> PublishedTable:
    """Publish one table; of ``shown``, its last version, files of unchanged months stay unread."""
    columns = _columns(connection, relation)
    schema = json.dumps([OBJECT_FORMAT, duckdb.__version__, columns])
    partition_column = _partition_column(connection, relation, columns)
    months: dict[str | None, Month] = {}
    if written is not None and written.column == partition_column:
        months = written.months
    states = {
        part: _digest(schema, partition_column, month.build) for part, month in months.items()
    }
    files = {
        file.partition: file
        for file in (shown.files if shown is not None else ())
        if file.state is not None
        and file.state == states.get(file.partition)
        # Otherwise somebody has added or removed rows by hand.
        and file.rows == months[file.partition].rows
        and (settings.published / file.path).exists()
    }
    counts.reused += len(files)
    month, wheres = "null::varchar", [""]
    if partition_column is not None:
        day = _quoted(partition_column)
        month = month_of(day)
        if files:
            wheres = [f"where {is_in_month(day, part)}" for part in months if part not in files]
    # Sums do not depend on the order of rows; the second one, over a hash of the hash, catches
    # changes that happen to cancel out in the first.
    names = ", ".join(f'"{column["name"]}"' for column in columns)
    parts = [
        found
        for where in wheres
        for found in connection.execute(
            f"select part, count(*), sum(row_hash)::varchar, sum(hash(row_hash))::varchar "
            f"from (select {month} as part, hash({names}) as row_hash from {relation} {where}) "
            f"group by part"
        ).fetchall()
    ]
    if not files and not parts:
        parts = [(None, 0, "0", "0")]
    for part, rows, first, second in parts:
        file = _publish_part(
            connection,
            settings,
            relation,
            columns,
            key,
            counts,
            partition_column,
            part,
            rows,
            _digest(schema, part, rows, first, second),
        )
        files[part] = replace(file, state=states.get(part))
    ordered = tuple(files[part] for part in sorted(files, key=lambda part: part or ""))
    return PublishedTable(
        files=ordered,
        rows=sum(file.rows for file in ordered),
        columns=tuple(
            {"name": column["name"], "type": _PARQUET_TYPES.get(column["type"], column["type"])}
            for column in columns
        ),
        fingerprint=_digest(schema, *(file.path for file in ordered)),
        layer=layer,
        partitioned_by=partition_column,
    )


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> list[dict[str, str]]:
    try:
        rows = connection.execute(f"describe {relation}").fetchall()
    except duckdb.CatalogException as error:
        model = relation.split(".")[-1].strip('"')
        raise PublishingError(
            f"The model {model} is in the dbt project but not in the warehouse ({relation}): it "
            "was added after the last build, or its build failed. Run `make run` to build it."
        ) from error
    return [{"name": name, "type": kind} for name, kind, *_ in rows]


def _partition_column(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[dict[str, str]]
) -> str | None:
    """The column whose months split a large table: ``period_date``, else the first date."""
    dates = [column["name"] for column in columns if column["type"] == "DATE"]
    times = [column["name"] for column in columns if column["type"].startswith("TIMESTAMP")]
    candidates = [*(name for name in dates if name == "period_date"), *dates, *times]
    if not candidates:
        return None
    (rows,) = connection.execute(f"select count(*) from {relation}").fetchall()[0]
    return candidates[0] if rows >= PARTITION_ROWS else None


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _publish_part(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    relation: str,
    columns: Sequence[dict[str, str]],
    key: Sequence[str],
    counts: _Counts,
    partition_column: str | None,
    part: str | None,
    rows: int,
    fingerprint: str,
) -> PublishedFile:
    places = storage.places(settings)
    target = places.objects / fingerprint[:2] / f"{fingerprint}.parquet"
    relative = target.relative_to(places.root).as_posix()
    if target.exists():
        counts.reused += 1
        return PublishedFile(relative, rows, target.stat().st_size, part)
    where = ""
    if partition_column is not None:
        where = f"where {is_in_month(_quoted(partition_column), part)}"
    names = {column["name"] for column in columns}
    # Rows in a fixed order: the same content makes the same file, byte for byte.
    order = ", ".join(f'"{name}"' for name in key) if key and names.issuperset(key) else "all"
    temporary = places.staging / f"{uuid.uuid4().hex}.parquet"
    path = str(temporary).replace("'", "''")
    (written,) = connection.execute(
        f"copy (select {_select(columns)} from {relation} {where} order by {order}) "
        f"to '{path}' (format parquet, compression zstd)"
    ).fetchall()[0]
    if written != rows:
        raise PublishingError(
            f"{relation}: {rows} rows have {partition_column} in the month {part}, but {written} "
            "were written. Remove impossible dates (such as infinity) from that column."
        )
    storage.sync_path(temporary)
    target.parent.mkdir(exist_ok=True)
    size = temporary.stat().st_size
    storage.move_durably(temporary, target)
    storage.sync_path(places.objects)
    counts.written += 1
    counts.bytes += size
    return PublishedFile(relative, rows, size, part)


def _select(columns: Sequence[dict[str, str]]) -> str:
    return ", ".join(
        f'cast("{column["name"]}" as {_PARQUET_TYPES[column["type"]]}) as "{column["name"]}"'
        if column["type"] in _PARQUET_TYPES
        else f'"{column["name"]}"'
        for column in columns
    )


def _write_manifest(settings: Settings, manifest: Manifest) -> None:
    places = storage.places(settings)
    folder = places.staging / manifest.version_id
    folder.mkdir()
    storage.write_json(folder / "manifest.json", asdict(manifest))
    storage.move_durably(folder, places.versions / manifest.version_id)


def _empty(folder: Path) -> None:
    """Remove what a killed publish left behind."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
